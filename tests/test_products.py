"""A product is whole or not there, and rot is an error."""

import json
import shlex
import subprocess
import sys
import tracemalloc

from pathlib import Path

import dask.array
import numpy as np
import pytest
import xarray as xr
import zarr

from galerne import products
from galerne.arrays import read_values, unstack_channels
from galerne.catalogue import channels
from galerne.products import open_product, replacing, write_product, write_record

STATE = channels(["2m_temperature"], ["geopotential"], [500, 850])
CHUNKS = {"time": 4}


@pytest.fixture
def fields() -> xr.Dataset:
    generator = np.random.default_rng(0)
    time = np.arange("1899-12-30T00", "1900-01-02T00", 6, dtype="datetime64[h]")
    coords = {
        "time": time.astype("datetime64[ns]"),
        "latitude": np.array([45.0, -45.0]),
        "longitude": np.array([0.0, 120.0, 240.0]),
    }
    values = generator.normal(size=(len(time), len(STATE), 2, 3)).astype("float32")
    return unstack_channels(values, STATE, coords).assign_attrs(source="made for a test")


@pytest.fixture
def manifest(tmp_path: Path, fields: xr.Dataset) -> Path:
    path = tmp_path / "product/manifest.json"
    write_product(fields, path, chunks=CHUNKS)
    return path


def test_reading_returns_what_was_written(manifest: Path, fields: xr.Dataset) -> None:
    opened = open_product(manifest)
    xr.testing.assert_identical(opened.load(), fields)
    assert opened["time"].dtype == fields["time"].dtype
    assert opened["geopotential"].dtype == np.float32


def test_what_was_read_is_let_go(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((40, 100, 100), "float32")
    write_record(xr.Dataset({"t": (("time", "y", "x"), values)}), tmp_path / "manifest.json")
    opened = open_product(tmp_path / "manifest.json")["t"]
    parts = [opened.isel(time=slice(k, k + 4)) for k in range(0, 40, 4)]
    tracemalloc.start()
    for part in parts:
        assert part.values.nbytes == values[:4].nbytes
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * values[:4].nbytes


def test_leads_survive(tmp_path: Path, fields: xr.Dataset) -> None:
    lead = np.array([6, 12, 18], dtype="timedelta64[h]").astype("timedelta64[ns]")
    ensemble = fields.isel(time=slice(3)).rename(time="prediction_timedelta")
    ensemble = ensemble.assign_coords(prediction_timedelta=lead)
    ensemble = ensemble.expand_dims(number=[3, 4], time=fields["time"].values[:1])
    write_product(ensemble, tmp_path / "manifest.json")
    xr.testing.assert_equal(open_product(tmp_path / "manifest.json").load(), ensemble)


def test_lazy_data_are_written_like_loaded_data(
    tmp_path: Path, manifest: Path, fields: xr.Dataset
) -> None:
    lazy = fields.copy()
    lazy["2m_temperature"] = (
        fields["2m_temperature"].dims,
        dask.array.from_array(fields["2m_temperature"].values, chunks=(4, 2, 3)),
        fields["2m_temperature"].attrs,
    )
    write_product(lazy, tmp_path / "lazy/manifest.json", chunks=CHUNKS)
    assert (tmp_path / "lazy/manifest.json").read_bytes() == manifest.read_bytes()


def test_a_lazy_coordinate_along_time_is_written(tmp_path: Path, fields: xr.Dataset) -> None:
    versions = np.arange(fields.sizes["time"], dtype="int8")
    lazy = fields.assign_coords(expver=("time", versions)).chunk(CHUNKS)
    write_product(lazy, tmp_path / "a/manifest.json", chunks=CHUNKS)
    assert open_product(tmp_path / "a/manifest.json")["expver"].values.tolist() == list(versions)


def test_the_manifest_tells_what_is_there(manifest: Path, fields: xr.Dataset) -> None:
    told = json.loads(manifest.read_text())
    assert told["sizes"] == {str(name): size for name, size in fields.sizes.items()}
    assert told["attributes"]["source"] == "made for a test"
    assert told["variables"]["geopotential"]["units"] == "m**2 s**-2"


def test_writing_again_gives_the_same_bytes(manifest: Path, fields: xr.Dataset) -> None:
    before = {p: p.read_bytes() for p in manifest.parent.rglob("*") if p.is_file()}
    write_product(fields, manifest, chunks=CHUNKS)
    assert before == {p: p.read_bytes() for p in manifest.parent.rglob("*") if p.is_file()}


def test_variables_come_in_the_order_of_the_manifest_whatever_the_folder_says(
    tmp_path: Path, fields: xr.Dataset
) -> None:
    names = [f"v{k}" for k in (7, 2, 9, 4, 1, 8)]
    many = xr.Dataset({name: fields["2m_temperature"] for name in names})
    write_product(many, tmp_path / "manifest.json")
    assert list(open_product(tmp_path / "manifest.json").data_vars) == names


def test_another_value_changes_the_digest(manifest: Path, fields: xr.Dataset) -> None:
    before = json.loads(manifest.read_text())["sha256"]
    fields["2m_temperature"][5, 0, 0] += 1
    write_product(fields, manifest, chunks=CHUNKS)
    assert json.loads(manifest.read_text())["sha256"] != before


def broken_off(fields: xr.Dataset) -> xr.Dataset:
    """The same fields, whose computation fails in the last chunk."""

    def fail(block: np.ndarray, block_info: dict | None = None) -> np.ndarray:
        if block_info and block_info[0]["chunk-location"][0] == 2:
            raise RuntimeError("killed")
        return block

    name = "2m_temperature"
    lazy = dask.array.from_array(fields[name].values, chunks=(4, 2, 3)).map_blocks(fail)
    return fields.assign({name: (fields[name].dims, lazy)})


def test_a_job_killed_half_way_leaves_nothing_that_looks_finished(
    manifest: Path, fields: xr.Dataset
) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        write_product(broken_off(fields), manifest, chunks=CHUNKS)
    assert not manifest.exists()
    with pytest.raises(FileNotFoundError, match="no finished product"):
        open_product(manifest)
    write_product(fields, manifest, chunks=CHUNKS)
    xr.testing.assert_identical(open_product(manifest).load(), fields)
    assert not list(manifest.parent.glob("*.part"))


def test_a_missing_store_is_an_unfinished_product(manifest: Path) -> None:
    (manifest.parent / "data.zarr").rename(manifest.parent / "elsewhere")
    with pytest.raises(FileNotFoundError, match="no finished product"):
        open_product(manifest)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_flipped_byte_in_a_chunk_is_an_error(manifest: Path, place: float) -> None:
    chunk = manifest.parent / "data.zarr/geopotential/c/1/0/0/0"
    rotten = bytearray(chunk.read_bytes())
    rotten[int(place * len(rotten))] ^= 0x10
    chunk.write_bytes(bytes(rotten))
    with pytest.raises(Exception, match=r"(?i)zstd|checksum|decompress"):
        open_product(manifest)["geopotential"].load()
    open_product(manifest)["2m_temperature"].load()


def test_a_lost_chunk_is_an_error(manifest: Path) -> None:
    (manifest.parent / "data.zarr/geopotential/c/1/0/0/0").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds \d+ files, not the \d+ written"):
        open_product(manifest)


def test_replacing_keeps_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def write(text: str) -> None:
        with replacing(path) as part:
            part.write_text(text)
            assert path.read_text() == "old"
            if text == "half":
                raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write("half")
    assert path.read_text() == "old"
    write("new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_replacing_makes_the_folder(tmp_path: Path) -> None:
    with replacing(tmp_path / "a/b/c.txt") as part:
        part.write_text("x")
    assert (tmp_path / "a/b/c.txt").read_text() == "x"


@pytest.fixture
def record(tmp_path: Path, fields: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve states in shards of five of one variable, of two of the other."""
    monkeypatch.setattr(products, "SHARD_BYTES", 5 * 2 * 3 * 4)
    path = tmp_path / "record/manifest.json"
    write_record(fields, path)
    return path


def test_a_record_has_one_time_to_a_chunk_and_many_to_a_file(
    record: Path, fields: xr.Dataset
) -> None:
    xr.testing.assert_identical(open_product(record).load(), fields)
    group = zarr.open_group(record.parent / "data.zarr", mode="r")
    assert group["2m_temperature"].shards == (5, 2, 3)
    assert group["geopotential"].shards == (2, 2, 2, 3)
    assert group["geopotential"].chunks == (1, 2, 2, 3)
    files = record.parent.glob("data.zarr/2m_temperature/c/**/*")
    assert sorted(p.parts[-3] for p in files if p.is_file()) == ["0", "1", "2"]


def contents(manifest: Path) -> dict[Path, bytes]:
    return {
        p.relative_to(manifest.parent): p.read_bytes()
        for p in manifest.parent.rglob("*")
        if p.is_file()
    }


@pytest.mark.parametrize("size", [1, 3, 12])
@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_a_record_is_the_same_bytes_however_it_is_computed(
    record: Path, fields: xr.Dataset, tmp_path: Path, size: int, scheduler: str
) -> None:
    with dask.config.set(scheduler=scheduler):
        write_record(fields.chunk({"time": size, "longitude": 2}), tmp_path / "b/manifest.json")
    assert contents(record) == contents(tmp_path / "b/manifest.json")


def test_a_record_is_computed_shard_by_shard_and_what_belongs_together_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "SHARD_BYTES", 4 * 8)
    calls = []

    def pair(block: np.ndarray, block_info: dict) -> np.ndarray:
        calls.append(block_info[0]["chunk-location"][0])
        return np.stack([block, -block])

    base = dask.array.arange(24, chunks=4, dtype="float32").reshape(12, 2)
    both = base.rechunk((2, 2)).map_blocks(
        pair, new_axis=0, chunks=((2,), (2,) * 6, (2,)), dtype="float32", meta=base._meta
    )
    fields = xr.Dataset({name: (("time", "x"), both[k]) for k, name in enumerate("uv")})
    with dask.config.set(scheduler="synchronous"):
        write_record(fields, tmp_path / "manifest.json", together=[("u", "v")])
        assert [set(calls[k : k + 2]) for k in (0, 2, 4)] == [{0, 1}, {2, 3}, {4, 5}]
        assert len(calls) == 6
        write_record(fields, tmp_path / "manifest.json")
    assert sorted(calls[6:]) == sorted([*range(6), *range(6)])
    found = open_product(tmp_path / "manifest.json").load()
    assert np.array_equal(found["u"], -found["v"])
    assert found["u"].values.ravel().tolist() == list(range(24))


def test_a_record_is_rounded_where_it_is_asked_for(tmp_path: Path, fields: xr.Dataset) -> None:
    bounds = {"geopotential": 0.5, "specific_humidity": 1.0}
    write_record(fields, tmp_path / "manifest.json", rounding=bounds)
    found = open_product(tmp_path / "manifest.json").load()
    assert np.array_equal(found["geopotential"], np.around(fields["geopotential"]))
    assert found["geopotential"].attrs["quantization_maximum_absolute_error"] == 0.5
    assert found["geopotential"].attrs["units"] == "m**2 s**-2"
    xr.testing.assert_identical(found["2m_temperature"], fields["2m_temperature"])


def test_what_rounding_leaves_takes_fewer_bytes_and_the_manifest_says_how_many(
    tmp_path: Path,
) -> None:
    x = np.random.default_rng(0).normal(280, 5, (20, 32, 64)).astype("float32")
    fields = xr.Dataset({"t": (("time", "y", "x"), x)})
    told = {}
    for bound in (None, 0.01, 1.0):
        path = tmp_path / f"{bound}/manifest.json"
        write_record(fields, path, rounding={"t": bound} if bound else None)
        told[bound] = json.loads(path.read_text())["bytes"]
        files = (path.parent / "data.zarr").rglob("*")
        assert told[bound]["stored"] == sum(f.stat().st_size for f in files if f.is_file())
        assert told[bound]["raw"] == x.nbytes
    assert told[1.0]["stored"] < 0.6 * told[0.01]["stored"] < 0.6 * told[None]["stored"]


@pytest.mark.parametrize("pipeline", [None, "zarrs.ZarrsCodecPipeline"])
@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.999])
def test_a_flipped_byte_in_a_shard_is_an_error(
    record: Path, place: float, pipeline: str | None
) -> None:
    shard = record.parent / "data.zarr/geopotential/c/1/0/0/0"
    rotten = bytearray(shard.read_bytes())
    rotten[int(place * len(rotten))] ^= 0x10
    shard.write_bytes(bytes(rotten))
    with zarr.config.set({"codec_pipeline.path": pipeline} if pipeline else {}):
        opened = open_product(record)
        with pytest.raises(ValueError, match=r"'geopotential' of .* between 1899.* damaged"):
            read_values(opened["geopotential"], record.parent)
        opened["2m_temperature"].load()


def test_a_shard_cut_short_or_lost_is_an_error(record: Path) -> None:
    shard = record.parent / "data.zarr/geopotential/c/1/0/0/0"
    shard.write_bytes(shard.read_bytes()[:-30])
    with pytest.raises(ValueError, match="bytes are damaged"):
        read_values(open_product(record)["geopotential"], record.parent)
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=r"holds \d+ files, not the \d+ written"):
        open_product(record)


def test_a_record_killed_half_way_leaves_nothing_that_looks_finished(
    record: Path, fields: xr.Dataset
) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        write_record(broken_off(fields), record)
    assert sorted(p.name for p in record.parent.iterdir()) == ["data.zarr"]
    write_record(fields, record)
    xr.testing.assert_identical(open_product(record).load(), fields)


# Root may write where nobody may, so the disk is made small by mounting, or by a limit.
WRITE = """
import resource, sys
from pathlib import Path
import dask.array as da, numpy as np, xarray as xr
from galerne.products import replacing, write_product, write_record

folder = Path(sys.argv[1])
if "limit" in sys.argv:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
values = np.random.default_rng(0).random((40, 64, 64), "float32")
values = da.from_array(values, chunks=(4, 64, 64)) if "lazy" in sys.argv else values
fields = xr.Dataset({"t": (("time", "y", "x"), values)})
try:
    if "file" in sys.argv:
        with replacing(folder / "made/table.csv") as path:
            path.write_bytes(bytes(500_000))
    elif "record" in sys.argv:
        write_record(fields, folder / "made/manifest.json")
    else:
        write_product(fields, folder / "made/manifest.json", chunks={"time": 4})
except OSError as error:
    print(error)
print(sorted(path.name for path in (folder / "made").iterdir()))
"""
WHY = {"limit": "File too large", "mount": "No space left on device"}


@pytest.mark.parametrize("kind", ["eager", "lazy", "record", "file"])
@pytest.mark.parametrize("how", WHY)
def test_a_full_disk_is_named_and_leaves_nothing_behind(
    how: str, kind: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", WRITE, str(tmp_path), kind, how]
    if how == "mount":
        mounting = f"mount -t tmpfs -o size=200k tmpfs {tmp_path} && exec {shlex.join(command)}"
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounting]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    *said, left = done.stdout.splitlines()
    place = tmp_path / ("made/table.csv" if kind == "file" else "made")
    assert f"{place} cannot be written: {WHY[how]}; " in said[0], done.stderr
    assert said[0].endswith(" GB are free there")
    assert left == "[]"
