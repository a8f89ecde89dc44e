"""The summary follows the numbers, is short whatever was run, and is the same for the same run."""

import re

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from galerne.report.canonical import canonical
from galerne.report.page import Page
from galerne.report.scorecard import read_comparisons
from galerne.report.summary import LONGEST, summarize, write_summary

from .conftest import CHOICE, CONFIG, LEGEND, make_comparisons

PAGE = Page(
    title="A <b>world</b>", subtitle="", verdict=["It is good.", "Or | not."], tiles=[],
    limits=["Not the real one."], explorer={}, stills=[], comparison=None, panels=[], training=[],
    data=[], audit=[], findings=[], config=CONFIG, seed=3, digests=[], products=[],
    differences=[("seed", "0", "3"), ("priors.mine.steps", "–", "4"), ("priors.mine.x", "–", "5")],
    record=[("written", "today"), ("commit", "abc")],
)  # fmt: skip
FORECAST = CHOICE | {"task": "forecast"}


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


@pytest.fixture
def both(tmp_path: Path) -> pd.DataFrame:
    """Comparisons of two tasks."""
    path = tmp_path / "both.csv"
    parts = [make_comparisons(), make_comparisons(task="forecast", leads=(6, 12))]
    pd.concat(parts).to_csv(path, index=False)
    return read_comparisons(path)


def test_ratios_have_intervals_and_verdicts(both: pd.DataFrame) -> None:
    text = summarize(PAGE, both, [CHOICE, FORECAST], LEGEND)
    found = rows(text)
    assert found[0] == ["", "Reanalysis", "Forecast"]
    numbers = {row[0]: row[1:] for row in found}
    assert numbers["CRPS on the grid"] == ["1.50 (1.20–1.90) ▲ worse, OI"] * 2
    # Two variables at one lead, and at two.
    assert numbers["Climatology"] == [
        "0.400 (0.300–0.500) ▼ better [2/0/0]", "0.400 (0.300–0.500) ▼ better [4/0/0]",
    ]  # fmt: skip
    assert numbers["Optimal interpolation"][0] == "1.50 (1.20–1.90) ▲ worse [0/2/0]"
    assert numbers["Prior, no observations"][0].endswith("no evidence [0/0/2]")
    assert "Each experiment" not in text


def test_it_says_what_was_run_and_what_it_does_not_show(both: pd.DataFrame) -> None:
    text = summarize(PAGE, both, [CHOICE], LEGEND)
    assert text.startswith("# A &lt;b&gt;world&lt;/b&gt;\n\nIt is good. Or \\| not.")
    assert "- Not the real one." in text
    assert "- `seed`: `0` → `3`" in text
    assert text.count("`priors.mine`: not in the default configuration") == 1
    assert "- seed 3" in text
    same = replace(PAGE, differences=[])
    assert "- the default configuration" in summarize(same, both, [CHOICE], LEGEND)


def test_only_commit_and_folder_change_from_run_to_run(both: pd.DataFrame) -> None:
    one = summarize(PAGE, both, [CHOICE], LEGEND)
    later = replace(PAGE, record=[("commit", "def")], config=CONFIG | {"results": "elsewhere"})
    two = summarize(later, both, [CHOICE], LEGEND)
    assert one != two
    assert canonical(one) == canonical(two)
    other = summarize(replace(PAGE, seed=4), both, [CHOICE], LEGEND)
    assert canonical(one) != canonical(other)


def test_several_networks_have_a_line_each(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    pd.concat([make_comparisons(), make_comparisons(network="half")]).to_csv(path, index=False)
    choices = [CHOICE, CHOICE | {"network": "half"}]
    text = summarize(PAGE, read_comparisons(path), choices, LEGEND)
    lines = [row for row in rows(text) if row[3:4] == ["Optimal interpolation"]]
    assert [row[0] for row in lines] == ["Sparse", "50 % of observations"]
    assert lines[0][4] == "1.50 (1.20–1.90) ▲ worse"


def test_whatever_was_run_it_is_short(tmp_path: Path) -> None:
    names = [f"network_{k}" for k in range(40)]
    path = tmp_path / "many.csv"
    pd.concat([make_comparisons(network=name) for name in names]).to_csv(path, index=False)
    changed = [(f"block.name_{k}.key", "1", "x" * 500) for k in range(200)]
    choices = [CHOICE | {"network": name} for name in names]
    page = replace(PAGE, differences=changed)
    text = summarize(page, read_comparisons(path), choices, LEGEND)
    assert len(text.encode()) < LONGEST
    left = [int(n) for n in re.findall(r"… and (\d+) more", text)]
    assert len(left) == 2
    assert (
        left[0] + sum("Network " in row[0] for row in rows(text)[1:] if row[0] != "Network") == 40
    )
    assert left[1] + text.count("`block.") == 200


def test_without_comparisons_it_says_the_rest(both: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    write_summary(PAGE, both.iloc[:0], [CHOICE], LEGEND, path)
    text = path.read_text()
    assert "It is good." in text
    assert "|" not in text.replace("\\|", "")
