"""A finding is one line."""

import pytest

from galerne.cluster.finding import Finding, missing, ok, warning


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (ok("a node"), "ok       a node"),
        (warning("a slow node", "wait"), "warning  a slow node -> wait"),
        (missing("no node", "buy one"), "missing  no node -> buy one"),
    ],
)
def test_it_says_what_was_found_and_what_to_do(finding: Finding, line: str) -> None:
    assert str(finding) == line
