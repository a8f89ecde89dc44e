"""What is finished is taken back for the same work, and for no other."""

from pathlib import Path

import pytest

from galerne.jobs.receipt import (
    clear_receipts,
    holds_receipt,
    identity,
    leave_receipt,
    take_receipt,
)


@pytest.fixture
def outputs(tmp_path: Path) -> list[Path]:
    """A file, and a folder of files."""
    (tmp_path / "table.csv").write_text("finished")
    (tmp_path / "figures/deep").mkdir(parents=True)
    (tmp_path / "figures/deep/a.png").write_bytes(b"picture")
    return [tmp_path / "table.csv", tmp_path / "figures"]


def lose(outputs: list[Path]) -> None:
    """What Snakemake does at the start of an attempt."""
    outputs[0].unlink()
    (outputs[1] / "deep/a.png").unlink()
    (outputs[1] / "deep").rmdir()


def test_a_twin_takes_files_and_folders_back(tmp_path: Path, outputs: list[Path]) -> None:
    leave_receipt(tmp_path, "digest", outputs)
    lose(outputs)
    assert take_receipt(tmp_path, "digest", outputs)
    assert outputs[0].read_text() == "finished"
    assert (outputs[1] / "deep/a.png").read_bytes() == b"picture"


def test_other_work_gets_nothing_and_voids_the_receipt(
    tmp_path: Path, outputs: list[Path]
) -> None:
    leave_receipt(tmp_path, "digest", outputs)
    lose(outputs)
    assert not take_receipt(tmp_path, "another", outputs)
    assert not outputs[0].exists()
    assert not take_receipt(tmp_path, "digest", outputs)


def test_a_later_receipt_replaces_the_one_before(tmp_path: Path, outputs: list[Path]) -> None:
    leave_receipt(tmp_path, "one", outputs)
    leave_receipt(tmp_path, "two", outputs)
    assert not holds_receipt(tmp_path, "one", outputs)
    assert holds_receipt(tmp_path, "two", outputs)


def test_a_new_product_in_place_does_not_change_what_was_filed(
    tmp_path: Path, outputs: list[Path]
) -> None:
    leave_receipt(tmp_path, "digest", outputs)
    new = tmp_path / "new"
    new.write_text("half")
    new.replace(outputs[0])
    assert take_receipt(tmp_path, "digest", outputs)
    assert outputs[0].read_text() == "finished"


def test_clearing_leaves_no_receipt(tmp_path: Path, outputs: list[Path]) -> None:
    leave_receipt(tmp_path, "digest", outputs)
    clear_receipts(tmp_path)
    assert not holds_receipt(tmp_path, "digest", outputs)
    clear_receipts(tmp_path)


def test_identity_depends_on_rule_settings_and_content(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_text("a")
    base = identity("rule", [path], {"steps": 1})
    assert identity("rule", [path], {"steps": 1}) == base
    assert identity("other", [path], {"steps": 1}) != base
    assert identity("rule", [path], {"steps": 2}) != base
    path.write_text("b")
    assert identity("rule", [path], {"steps": 1}) != base


def test_identity_of_a_large_file_is_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(1_000_001))
    base = identity("rule", [path], {})
    path.write_bytes(bytes(1_000_002))
    assert identity("rule", [path], {}) != base
