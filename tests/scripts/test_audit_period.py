"""The audit of a period, by script."""

import json

import pandas as pd
import pytest

from galerne.jobs import interrupt
from workflow.scripts.audit_period import audit_period


def test_a_rerun_writes_the_same_bytes(tmp_path, fields) -> None:
    for name in ("a", "b"):
        audit_period(fields["test"], tmp_path / name / "m.parquet", tmp_path / name / "r.json")
    for file in ("m.parquet", "r.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert len(pd.read_parquet(tmp_path / "a/m.parquet")) == 20 * 4
    assert len(json.loads((tmp_path / "a/r.json").read_text())["latitude"]) == 16


def test_a_request_to_stop_leaves_nothing(tmp_path, fields, monkeypatch) -> None:
    monkeypatch.setattr(interrupt, "requested", lambda: True)
    with pytest.raises(interrupt.Interrupted, match="time 20 of 20"):
        audit_period(fields["test"], tmp_path / "m.parquet", tmp_path / "r.json")
    assert not list(tmp_path.iterdir())
