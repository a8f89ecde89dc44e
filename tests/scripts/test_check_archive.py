"""Tests of the script that compares downloads with their manifests."""

import json
import logging

from pathlib import Path

import pytest

from galerne.source.ledger import describe, write_manifest
from galerne.source.mirror import Piece
from workflow.scripts.check_archive import check_archive


@pytest.fixture
def resources(tmp_path) -> Path:
    folder = tmp_path / "resources"
    (folder / "era5/store.zarr").mkdir(parents=True)
    (folder / "era5/store.zarr/a").write_bytes(b"abc")
    pieces = {"a": Piece.of(b"abc")}
    write_manifest(folder / "era5/0/2001.json", describe({}, {}, "store.zarr", pieces))
    return folder


def test_what_is_as_fetched_is_counted(resources, tmp_path) -> None:
    check_archive(resources, tmp_path / "archive.json")
    text = json.loads((tmp_path / "archive.json").read_text())
    assert (text["pieces"], text["size"], text["rotten"]) == (1, 3, [])


def test_what_rotted_is_named(resources, tmp_path, caplog) -> None:
    (resources / "era5/store.zarr/a").write_bytes(b"abd")
    with caplog.at_level(logging.ERROR), pytest.raises(ValueError, match=r"rotten: .*zarr/a"):
        check_archive(resources, tmp_path / "archive.json")
    assert "rotten: " in caplog.text
    assert not (tmp_path / "archive.json").exists()
