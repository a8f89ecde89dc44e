"""Tests of manifests: what they say, and what they find on disk."""

import hashlib
import json

from pathlib import Path

import pytest

from galerne.source.ledger import check_manifests, describe, read_manifests, write_manifest
from galerne.source.mirror import Piece

BODIES = {"t2m/0.0": b"first" * 9, "t2m/1.0": b"second" * 9}


@pytest.fixture
def manifest(tmp_path) -> Path:
    folder = tmp_path / "resources/era5/store.zarr/t2m"
    folder.mkdir(parents=True)
    for key, body in BODIES.items():
        (folder.parent / key).write_bytes(body)
    pieces = {key: Piece.of(body) for key, body in BODIES.items()} | {"t2m/2.0": None}
    path = tmp_path / "resources/era5/0123456789ab/200101.json"
    request = {"surface": ["2m_temperature"]}
    write_manifest(path, describe({"kind": "era5"}, request, "store.zarr", pieces))
    return path


def test_a_manifest_says_what_was_asked_for_and_what_came(manifest) -> None:
    text = json.loads(manifest.read_text())
    assert text["source"] == {"kind": "era5"}
    assert text["request"] == {"surface": ["2m_temperature"]}
    assert set(text["versions"]) == {"galerne", "cdsapi", "obstore", "xarray", "zarr"}
    assert text["absent"] == ["t2m/2.0"]
    digest = hashlib.sha256(BODIES["t2m/0.0"]).hexdigest()
    assert text["pieces"]["t2m/0.0"] == {"bytes": 45, "sha256": digest}


def test_what_is_as_fetched_has_no_fault(manifest) -> None:
    faults = check_manifests(manifest.parents[2])
    assert not faults
    assert (faults.pieces, faults.size) == (2, 99)
    (found,) = read_manifests([manifest])
    assert found["folder"] == "store.zarr"


def test_one_flipped_bit_is_named(manifest) -> None:
    path = manifest.parents[1] / "store.zarr/t2m/1.0"
    body = bytearray(path.read_bytes())
    body[7] ^= 1
    path.write_bytes(bytes(body))
    faults = check_manifests(manifest.parents[2])
    assert faults.rotten == (str(path),)
    assert not faults.missing
    assert "of 2 pieces, 0 missing, 1 rotten, 0 unreadable:" in str(faults)
    assert f"rotten: {path}" in str(faults)
    assert faults.manifests == (str(manifest),)
    assert f"fetch them anew by: snakemake --force -- {manifest}" in str(faults)


def test_what_is_missing_is_named_and_not_read(manifest) -> None:
    path = manifest.parents[1] / "store.zarr/t2m/0.0"
    path.unlink()
    assert check_manifests(manifest.parents[2]).missing == (str(path),)
    with pytest.raises(FileNotFoundError, match=rf"{path} is missing or not what was fetched"):
        read_manifests([manifest])


def test_a_piece_cut_short_is_not_read(manifest) -> None:
    path = manifest.parents[1] / "store.zarr/t2m/0.0"
    path.write_bytes(b"first")
    with pytest.raises(FileNotFoundError, match="not what was fetched"):
        read_manifests([manifest])


def test_a_manifest_that_cannot_be_read_is_named(manifest) -> None:
    manifest.write_text('{"pieces": {')
    faults = check_manifests(manifest.parents[2])
    assert faults.unreadable == (str(manifest),)
    assert faults


def test_manifests_that_disagree_about_a_piece_make_it_rotten(manifest) -> None:
    text = json.loads(manifest.read_text())
    text["pieces"]["t2m/0.0"]["sha256"] = "0" * 64
    write_manifest(manifest.with_name("200102.json"), text)
    assert [name[-3:] for name in check_manifests(manifest.parents[2]).rotten] == ["0.0"]


def test_many_faults_are_counted_and_the_first_named(manifest) -> None:
    text = json.loads(manifest.read_text())
    entry = text["pieces"]["t2m/0.0"]
    text["pieces"] = {f"t2m/{k}.9": entry for k in range(50)}
    write_manifest(manifest, text)
    words = str(check_manifests(manifest.parents[2]))
    assert "50 missing" in words
    assert words.count("missing: ") == 20
    assert "and 30 more" in words
