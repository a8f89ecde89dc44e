"""The charts of the scores, with an index that names their tabs."""

import json

from pathlib import Path

from tests.report.conftest import CHANNELS, CHOICE, NAMES, make_comparisons, make_scores
from workflow.scripts.plot_scores import plot_scores


def test_each_chart_is_a_file_with_its_words(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    make_scores(leads=(6, 12)).drop(columns="channel").to_csv(scores, index=False)
    compared = tmp_path / "comparisons.csv"
    make_comparisons(leads=(6, 12)).to_csv(compared, index=False)
    for name in ("one", "two"):
        plot_scores(
            scores, compared, tmp_path / name, choices=[CHOICE], channels=CHANNELS, names=NAMES
        )
    index = json.loads((tmp_path / "one/index.json").read_text())
    assert len(index) == 10
    for row in index:
        assert row["tab"] == "Reanalysis"
        text = (tmp_path / "one" / row["file"]).read_text()
        assert "</svg>" in text
        assert text == (tmp_path / "two" / row["file"]).read_text()
