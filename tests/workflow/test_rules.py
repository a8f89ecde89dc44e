"""Every rule says what it needs and where it logs, and runs the thin script of its own name."""

import ast
import re

from pathlib import Path
from typing import Any

import pytest

from galerne.stages import STAGES

ROOT = Path(__file__).parents[2]
VERBS = {
    *(
        "fetch",
        "vary",
        "audit",
        "check",
        "compute",
        "regrid",
        "pool",
        "train",
        "encode",
        "reconstruct",
        "sample",
        "tune",
    ),
    *("place", "simulate", "draw", "score", "compare", "plot", "tabulate", "write"),
}
REQUIRED = (
    *("input", "output", "log", "benchmark", "conda", "threads"),
    *("resources", "params", "message", "script"),
)
FIRST = {"check", "fetch"}  # verbs of rules that may read nothing
RULE_FILES = sorted((ROOT / "rules").glob("*.smk"))


def test_every_stage_has_its_rule_file_included_in_order() -> None:
    included = re.findall(r'^include: "rules/(\w+)\.smk"', (ROOT / "Snakefile").read_text(), re.M)
    assert included == ["common", *STAGES]
    assert {path.stem for path in RULE_FILES} == set(included)


def test_rule_names_are_unique(rules: dict[str, Any]) -> None:
    headers = [re.findall(r"^(?:rule|checkpoint) ", p.read_text(), re.M) for p in RULE_FILES]
    assert sum(map(len, headers)) == len(rules)


def test_rule_is_a_verb_and_a_noun(rule: Any) -> None:
    verb, _, noun = rule.name.partition("_")
    assert verb in VERBS
    assert noun


def test_rule_is_complete(rule: Any) -> None:
    required = set(REQUIRED) - ({"input"} if rule.name.split("_")[0] in FIRST else set())
    assert not {key for key in required if rule.directive(key) is None}
    assert re.search(r"mem_mb=", rule.directive("resources"))
    assert re.search(r"runtime=", rule.directive("resources"))
    assert (ROOT / "rules" / rule.directive("conda").strip('"')).is_file()


def test_rule_runs_the_script_of_its_name(rule: Any) -> None:
    assert rule.directive("script") == f'"../workflow/scripts/{rule.name}.py"'
    assert re.search(rf'code=.*source_digest\("{rule.name}"', rule.directive("params"))
    for key in ("log", "benchmark"):
        assert f'"{rule.name}"' in rule.directive(key), f"{key} is not named after the rule"


def test_inputs_and_outputs_are_named(rule: Any) -> None:
    named = re.compile(r"\w+=|\*\*|unpack\(|[\])}]+,?$")
    for key in ("input", "output"):
        lines = (" " * 8 + (rule.directive(key) or "")).splitlines()
        entries = [line.strip() for line in lines if re.match(r" {8}\S", line)]
        assert [entry for entry in entries if not named.match(entry)] == [], key


def test_rule_is_short_and_runs_nothing_else(rule: Any) -> None:
    assert len(rule.body.strip().splitlines()) < 45
    assert rule.directive("run") is None
    assert rule.directive("shell") is None


def test_lists_of_the_whole_campaign_wait_until_a_job_needs_them(rule: Any) -> None:
    """Each job of a cluster reads all rules anew, to run one."""
    for key in ("input", "params"):
        for entry in re.split(r"^ {8}(?=\S+=)", rule.directive(key) or "", flags=re.MULTILINE):
            value = entry.partition("=")[2]
            whole = re.search(r"\b(CHOICES|LAYOUT)\b|\bCONFIG\b(?!\.)", value)
            assert not whole or value.startswith("lambda"), entry


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_helpers_live_in_common_and_rules_elsewhere(path: Path) -> None:
    text = path.read_text()
    wrong = r"^(rule|checkpoint) " if path.stem == "common" else r"^(def|class|import|from) "
    assert not re.findall(wrong, text, re.MULTILINE)
    if path.stem != "common":
        assert len(text.splitlines()) <= 250
        opening = ast.get_docstring(ast.parse(text.split("\n\n\n")[0]))
        assert opening.startswith(f"{path.stem}: ")
        assert re.search(r"^reads +\S", opening, re.MULTILINE)
        assert re.search(r"^writes +\S", opening, re.MULTILINE)


def main_block(tree: ast.Module) -> list[ast.stmt]:
    """The statements below `if __name__ == "__main__":`."""
    last = tree.body[-1]
    assert isinstance(last, ast.If)
    assert ast.unparse(last.test) == "__name__ == '__main__'"
    return last.body


def test_script_belongs_to_a_rule(path_script: Path, rules: dict[str, Any]) -> None:
    assert path_script.stem in rules


def test_script_is_thin(path_script: Path) -> None:
    text = path_script.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert len(text.splitlines()) <= 80
    assert "__future__" not in text, "a preamble precedes the script: a SyntaxError"
    (call,) = main_block(tree)
    assert isinstance(call, ast.Expr)
    assert ast.unparse(call.value.func) == "Job(snakemake).run"
    assert ast.unparse(call.value.args[0]) == path_script.stem


def test_script_meets_snakemake_in_main_only(path_script: Path) -> None:
    tree = ast.parse(path_script.read_text())
    for statement in tree.body[:-1]:
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        assert "snakemake" not in names
    assert "snakemake.config" not in ast.unparse(tree)


def test_script_takes_paths_first_then_settings_by_name(path_script: Path) -> None:
    tree = ast.parse(path_script.read_text())
    (function,) = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == path_script.stem
    ]
    path = re.compile(r"paths?_")
    first = [argument.arg for argument in function.args.posonlyargs + function.args.args]
    assert [name for name in first if not path.match(name)] == []
    assert [a.arg for a in function.args.kwonlyargs if path.match(a.arg)] == []
