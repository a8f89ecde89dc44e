"""Scores of every choice in one table, by script."""

import pandas as pd

from galerne.evaluate.pooling import COLUMNS
from workflow.scripts.pool_scores import pool_scores


def write(path, method, level) -> object:
    row = dict.fromkeys(COLUMNS, "x") | {"method": method, "level": level, "lead_hours": 0}
    pd.DataFrame([row | {"metric": "rmse", "value": 0.1}])[COLUMNS].to_csv(path, index=False)
    return path


def test_the_order_of_the_inputs_does_not_matter(tmp_path) -> None:
    one = write(tmp_path / "one.csv", "mmps", 500)
    two = write(tmp_path / "two.csv", "climatology", None)
    pool_scores([one, two], tmp_path / "a.csv")
    pool_scores([two, one], tmp_path / "b.csv")
    text = (tmp_path / "a.csv").read_text()
    assert text == (tmp_path / "b.csv").read_text()
    assert text.splitlines() == [
        ",".join(COLUMNS),
        "x,x,x,x,climatology,x,x,x,x,,0,rmse,0.1",
        "x,x,x,x,mmps,x,x,x,x,500,0,rmse,0.1",
    ]
