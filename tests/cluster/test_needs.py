"""Needs of rules are read from the rule files."""

from pathlib import Path

import pytest

from galerne.cluster.needs import read_needs
from galerne.cluster.site import GPU_RULES, ROOT

RULE = "rule {name}:\n    output:\n        'x',\n    resources:\n        {amounts}\n\n\n"


def write(folder: Path, *amounts: str) -> None:
    rules = [RULE.format(name=f"rule_{k}", amounts=text) for k, text in enumerate(amounts)]
    (folder / "stage.smk").write_text("".join(rules))


def test_amounts_of_the_first_attempt_are_read(tmp_path: Path) -> None:
    write(
        tmp_path,
        "mem_mb=growing(4_000),\n        runtime=growing(120, longest),",
        "mem_mb=500,\n        runtime=10,",
    )
    assert [tuple(vars(need).values()) for need in read_needs(tmp_path)] == [
        ("rule_0", 120, 4000),
        ("rule_1", 10, 500),
    ]


def test_a_rule_without_an_amount_is_named(tmp_path: Path) -> None:
    write(tmp_path, "mem_mb=growing(4_000),")
    with pytest.raises(ValueError, match=r"stage\.smk: rule rule_0 names no amount of runtime"):
        read_needs(tmp_path)


def test_every_rule_of_the_workflow_is_read() -> None:
    needs = {need.rule: need for need in read_needs(ROOT / "rules")}
    scripts = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")}
    assert set(needs) == scripts
    assert set(GPU_RULES) <= set(needs)
    assert min(need.memory_mb for need in needs.values()) >= 500
    assert min(need.minutes for need in needs.values()) >= 5
