"""The charts of the scores, with an index that names their tabs."""

import json

from pathlib import Path

from tests.report.conftest import CHANNELS, CHOICE, NAMES
from tests.report.made import write_tables
from workflow.scripts.plot_scores import plot_scores


def test_each_chart_is_a_file_with_its_words(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tables", leads=(6, 12))
    for name in ("one", "two"):
        plot_scores(tables, tmp_path / name, choices=[CHOICE], channels=CHANNELS, names=NAMES)
    index = json.loads((tmp_path / "one/index.json").read_text())
    assert len(index) > 15
    assert {path.name for path in (tmp_path / "one").glob("*.svg")} == {r["file"] for r in index}
    for row in index:
        assert set(row) == {"file", "tab", "group", "title", "alt", "note"}
        assert row["tab"] == "Reanalysis"
        text = (tmp_path / "one" / row["file"]).read_text()
        assert "</svg>" in text
        assert text == (tmp_path / "two" / row["file"]).read_text()
