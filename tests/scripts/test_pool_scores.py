"""Scores of every choice in one table, by script."""

import pandas as pd
import pytest

from galerne.evaluate.pooling import COLUMNS
from galerne.evaluate.tables import write_scores
from workflow.scripts.pool_scores import pool_scores


def write(path, method, level) -> object:
    row = dict.fromkeys(COLUMNS, "x") | {"method": method, "level": level, "lead_hours": 0}
    write_scores(pd.DataFrame([row | {"metric": "rmse", "value": 0.1}])[COLUMNS], path)
    return path


def test_the_order_of_the_inputs_does_not_matter(tmp_path) -> None:
    one = write(tmp_path / "one.csv", "mmps", 500)
    two = write(tmp_path / "two.csv", "climatology", None)
    pool_scores([one, two], tmp_path / "a.csv")
    pool_scores([two, one], tmp_path / "b.csv")
    text = (tmp_path / "a.csv").read_text()
    assert text == (tmp_path / "b.csv").read_text()
    assert text.splitlines() == [
        ",".join([*COLUMNS, "version"]),
        "x,x,x,x,climatology,x,x,x,x,,0,rmse,0.1,2",
        "x,x,x,x,mmps,x,x,x,x,500,0,rmse,0.1,2",
    ]


def test_scores_of_another_version_are_refused_and_what_was_there_stays(tmp_path) -> None:
    one = write(tmp_path / "one.csv", "mmps", 500)
    one.write_text(one.read_text().replace(",2\n", ",1\n"))
    (tmp_path / "scores.csv").write_text("as it was")
    with pytest.raises(ValueError, match=r"one.csv .* version 1"):
        pool_scores([one], tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text() == "as it was"
