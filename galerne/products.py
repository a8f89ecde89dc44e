"""Products on disk: whole, or not there.

A product is a folder that holds ``data.zarr`` and, written last, ``manifest.json``: the
shapes, units and digest of what the store holds, and what made it. The manifest is what the
workflow declares and what readers open, so a job killed half-way leaves nothing that looks
finished, and a manifest that is unchanged tells that the data are.

Every chunk carries a checksum: a rotten chunk is an error, never a wrong value.
Zarr reads a lost chunk as the fill value, so the manifest counts files and readers compare.

A record, which is long in time, is stored for those who read single states: a chunk is one
time of a variable with all its levels, and a shard, which is a file, holds as many chunks as
fit into a bounded size. Shards are made and written one after another, each at once, so
memory does not grow with the record and the bytes are the same whatever computes them.
Small files (tables, checkpoints) are written beside their place and renamed into it. What was
begun and cannot be finished, for want of space or for any other error, is taken away.
"""

__all__ = [
    "SHARD_BYTES", "open_product", "replacing", "shard_states", "write_product", "write_record",
]  # fmt: skip

import errno
import hashlib
import json
import os
import shutil
import time

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import xarray as xr
import zarr

from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

from . import __version__
from .rounding import rounded, rounding_attributes

STORE = "data.zarr"
SHARD_BYTES = 2**28  # of a shard before compression
SHARD_STATES = 240  # most in a shard: whoever reads one state reads the index of its shard
SETTLING = 10.0  # for threads that still write after an error [s]
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_product(
    dataset: xr.Dataset, path_manifest: Path, *, chunks: dict[str, int] | None = None
) -> None:
    """Writes a dataset beside its manifest, and the manifest last.

    Arguments:
        dataset: The data; dask arrays are streamed along the first dimension of ``chunks``, one
            chunk after another.
        path_manifest: Where the manifest goes; the store lies in the same folder.
        chunks: Sizes of the chunks on disk by dimension; whole dimensions where not given.

    Raises:
        OSError: If the disk is full, with the folder and what is free there.
    """
    encoding = {name: _encoding(array, chunks or {}) for name, array in dataset.variables.items()}
    along, block = next(iter((chunks or {}).items()), ("time", None))
    with _store_of(path_manifest) as store:
        _stream(dataset, store, encoding, along, block)
    _write_manifest(dataset, path_manifest)


def write_record(
    dataset: xr.Dataset,
    path_manifest: Path,
    *,
    rounding: Mapping[str, float] | None = None,
    together: Sequence[Sequence[str]] = (),
) -> None:
    """Writes a record beside its manifest, shard by shard, and the manifest last.

    Arguments:
        dataset: The data; variables with a dimension ``time`` have it first and are stored in
            chunks of one time, rounded where a bound is given; others are stored whole.
        path_manifest: Where the manifest goes; the store lies in the same folder.
        rounding: The largest error that rounding may make, by variable [its unit]; variables
            that are not named are exact.
        together: Names of lazy variables that share work, to be computed at once.

    Raises:
        ValueError: If rounding moved a value by more than its bound.
        OSError: If the disk is full, with the folder and what is free there.
    """
    bounds = {name: b for name, b in (rounding or {}).items() if name in dataset.data_vars}
    series = [str(name) for name, a in dataset.data_vars.items() if "time" in a.dims]
    dataset = dataset.assign(
        {name: dataset[name].assign_attrs(rounding_attributes(b)) for name, b in bounds.items()}
    )
    encoding = {n: _encoding(a, {}) for n, a in dataset.variables.items()}
    encoding |= {name: _sharded(dataset[name].variable) for name in series}
    joined = [list(names) for names in together if set(names) <= set(series)]
    alone = [[name] for name in series if not any(name in names for names in joined)]
    with _store_of(path_manifest) as store:
        _lay_out(dataset, store, encoding, series)
        group = zarr.open_group(store, mode="r+", zarr_format=3)
        for names in [*joined, *alone]:
            _write_shards(dataset[names], group, bounds)
    _write_manifest(dataset, path_manifest)


def shard_states(state_bytes: int) -> int:
    """Returns how many states of a variable a shard holds.

    Arguments:
        state_bytes: Bytes of one state of it.

    Example:
        >>> shard_states(13 * 721 * 1440 * 4), shard_states(32 * 64 * 4)
        (4, 240)
    """
    return min(max(SHARD_BYTES // max(state_bytes, 1), 1), SHARD_STATES)


def open_product(path_manifest: Path, *, chunks: dict[str, int] | None = None) -> xr.Dataset:
    """Opens a product lazily.

    Arguments:
        path_manifest: The manifest of the product.
        chunks: Chunk sizes for dask; ``None`` reads lazily without dask.

    Raises:
        FileNotFoundError: If the manifest, its store, or a file of the store is missing.
    """
    store = path_manifest.parent / STORE
    if not path_manifest.is_file() or not store.is_dir():
        raise FileNotFoundError(f"{path_manifest.parent} holds no finished product")
    manifest = json.loads(path_manifest.read_text())
    found, wanted = len(_files(store)), manifest["files"]
    if found != wanted:
        raise FileNotFoundError(f"{store} holds {found} files, not the {wanted} written")
    # Without a cache: it would keep every block that was read as long as anyone may read others.
    dataset = xr.open_dataset(
        store,
        engine="zarr",
        chunks=chunks,
        cache=False,
        zarr_format=3,
        consolidated=False,
        decode_timedelta=True,
    )
    # Zarr lists arrays in the order of the folder, which differs between file systems.
    return dataset[list(manifest["variables"])]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path to write to, which takes the place of ``path`` once all went well.

    Raises:
        OSError: If the disk is full, with the path and what is free there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with _telling_of_space(path):
            yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _telling_of_space(path: Path) -> Iterator[None]:
    """Says where a disk is full, and how much is left there."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        free = shutil.disk_usage(path.parent).free / 1e9
        why = f"{path} cannot be written: {os.strerror(error.errno)}; {free:.3f} GB are free there"
        raise OSError(error.errno, why) from error


@contextmanager
def _store_of(path_manifest: Path) -> Iterator[Path]:
    """Yields a store to write to, which takes the place of the product's once all went well."""
    folder = path_manifest.parent
    folder.mkdir(parents=True, exist_ok=True)
    path_manifest.unlink(missing_ok=True)
    part = folder / f"{STORE}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        with _telling_of_space(folder):
            yield part
        shutil.rmtree(folder / STORE, ignore_errors=True)
        part.rename(folder / STORE)
    finally:
        _remove(part)


def _remove(store: Path) -> None:
    """Takes a store away, also where threads of Zarr still finish what an error overtook."""
    end = time.monotonic() + SETTLING
    while store.exists() and time.monotonic() < end:
        shutil.rmtree(store, ignore_errors=True)
        time.sleep(0.05)


def _write_manifest(dataset: xr.Dataset, path_manifest: Path) -> None:
    with replacing(path_manifest) as path:
        about = _describe(dataset, path_manifest.parent / STORE)
        path.write_text(json.dumps(about, indent=1) + "\n")


def _lay_out(
    dataset: xr.Dataset, store: Path, encoding: dict[object, object], series: Sequence[str]
) -> None:
    """Writes all but the values of some variables."""
    empty = {
        name: a.copy(data=da.zeros(a.shape, chunks=-1, dtype=a.dtype))
        for name, a in dataset[series].data_vars.items()
    }
    whole = {n: a.compute() for n, a in dataset.data_vars.items() if n not in empty}
    dataset.assign(whole | empty).to_zarr(
        store, mode="w", encoding=encoding, zarr_format=3, consolidated=False, compute=False
    )


def _write_shards(dataset: xr.Dataset, group: zarr.Group, bounds: Mapping[str, float]) -> None:
    """Computes variables and writes them, one shard of each at a time."""
    arrays = {str(name): array.data for name, array in dataset.data_vars.items()}
    size = min(group[name].shards[0] for name in arrays)
    for first in range(0, dataset.sizes["time"], size):
        blocks = dask.compute(*(values[first : first + size] for values in arrays.values()))
        for name, values in zip(arrays, blocks, strict=True):
            if name in bounds:
                values = rounded(values, bounds[name], name)
            group[name][first : first + len(values)] = values
        del blocks, values  # or the last shard would stay while the next one is computed


def _stream(
    dataset: xr.Dataset, store: Path, encoding: dict[object, object], along: str, block: int | None
) -> None:
    lazy = [name for name, a in dataset.data_vars.items() if a.chunks and along in a.dims]
    small = {name: a.compute() for name, a in dataset.data_vars.items() if name not in lazy}
    labels = {name: a.compute() for name, a in dataset.coords.items() if a.chunks}
    dataset = dataset.assign(small).assign_coords(labels)
    dataset.to_zarr(
        store,
        mode="w",
        encoding=encoding,
        zarr_format=3,
        consolidated=False,
        compute=block is None or not lazy,
    )
    if block is None or not lazy:
        return
    # Dask's own order may make many blocks before it writes one, or make them out of turn.
    fields = dataset[lazy]
    fields = fields.drop_vars(list(fields.coords))
    for first in range(0, fields.sizes[along], block):
        region = {along: slice(first, min(first + block, fields.sizes[along]))}
        fields.isel(region).to_zarr(store, region=region, zarr_format=3, consolidated=False)


def _encoding(array: xr.Variable, chunks: dict[str, int]) -> dict[str, object]:
    sizes = tuple(
        max(1, min(chunks.get(str(d), n), n)) for d, n in zip(array.dims, array.shape, strict=True)
    )
    encoding: dict[str, object] = {"compressors": [ZstdCodec(level=3, checksum=True)]}
    if sizes:
        encoding["chunks"] = sizes
    if np.issubdtype(array.dtype, np.datetime64):
        encoding |= {"units": "hours since 1900-01-01", "dtype": "int64"}
    if np.issubdtype(array.dtype, np.timedelta64):
        encoding |= {"units": "hours", "dtype": "int64"}
    return encoding


def _sharded(array: xr.Variable) -> dict[str, object]:
    """One time to a chunk; LZ4 after a shuffle of bits reads three times as fast as Zstandard."""
    state = array.shape[1:]
    states = shard_states(int(np.prod(state)) * array.dtype.itemsize)
    blosc = BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle", typesize=array.dtype.itemsize)
    return {
        "chunks": (1, *state),
        "shards": (min(states, max(array.shape[0], 1)), *state),
        "compressors": [blosc, Crc32cCodec()],
    }


def _describe(dataset: xr.Dataset, store: Path) -> dict[str, object]:
    digest = hashlib.sha256()
    files = _files(store)
    for path in files:
        digest.update(path.relative_to(store).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return {
        "galerne": __version__,
        "attributes": {key: str(value) for key, value in dataset.attrs.items()},
        "sizes": {str(name): size for name, size in dataset.sizes.items()},
        "variables": {
            str(name): {"dims": list(array.dims), "units": array.attrs.get("units", "1")}
            for name, array in dataset.data_vars.items()
        },
        "files": len(files),
        "bytes": {"raw": dataset.nbytes, "stored": sum(path.stat().st_size for path in files)},
        "sha256": digest.hexdigest(),
    }


def _files(store: Path) -> list[Path]:
    return sorted(path for path in store.rglob("*") if path.is_file())
