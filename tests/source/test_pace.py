"""Tests of the pace of a download."""

import logging

from galerne.source import pace as module
from galerne.source.pace import Pace


def test_lines_of_a_log_tell_rate_and_time_left(monkeypatch, caplog) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    with caplog.at_level(logging.INFO), Pace("era5 200101", 10) as pace:
        pace.add(5_000_000, fetched=False)
        for _ in range(4):
            clock[0] += 10
            pace.add(2_000_000, fetched=True)
        assert str(pace) == ("era5 200101: 5 of 10 pieces, 8.0 MB fetched at 0.2 MB/s, 40 s left")
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2  # after half a minute, and at the end
    assert lines[0].startswith("era5 200101: 4 of 10 pieces")


def test_what_is_in_place_is_no_rate() -> None:
    pace = Pace("era5", 2)
    pace.add(1000, fetched=False)
    assert str(pace) == "era5: 1 of 2 pieces"


def test_a_long_time_left_is_told_in_larger_units(monkeypatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    pace = Pace("era5", 11)
    clock[0] = 120.0
    pace.add(1, fetched=True)
    assert str(pace).endswith("20 min left")
    clock[0] = 3600.0
    assert str(pace).endswith("10.0 h left")


def test_on_a_terminal_there_is_a_bar(monkeypatch) -> None:
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True)
    with Pace("era5", 2) as pace:
        pace.add(7, fetched=True)
        (task,) = pace._bar.tasks
        assert (task.completed, task.total) == (1, 2)
        assert task.description.startswith("era5: 1 of 2 pieces")
