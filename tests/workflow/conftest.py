"""The rules as text, for tests of their shape."""

import re

from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADER = re.compile(r"^(?:rule|checkpoint) (\w+):\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """A rule as written: its name, the stem of its file, its lines."""

    name: str
    stage: str
    body: str

    def __str__(self) -> str:
        return f"{self.stage}-{self.name}"

    def directive(self, name: str) -> str | None:
        """The text of a directive, or None if the rule has none of this name."""
        found = re.search(rf"^    {name}:(.*\n(?:^ {{8,}}.*\n?)*)", self.body, re.MULTILINE)
        return found[1].strip() if found else None


def read_rules(folder: Path) -> list[Rule]:
    """Every rule of the rule files of a folder."""
    return [
        Rule(name, path.stem, body)
        for path in sorted(folder.glob("*.smk"))
        for name, body in HEADER.findall(path.read_text())
    ]


RULES = read_rules(ROOT / "rules")
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that asks for `rule` or `path_script` once for each."""
    if "rule" in metafunc.fixturenames:
        metafunc.parametrize("rule", RULES, ids=str)
    if "path_script" in metafunc.fixturenames:
        metafunc.parametrize("path_script", SCRIPTS, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def rules() -> dict[str, Rule]:
    """Every rule by name."""
    return {rule.name: rule for rule in RULES}
