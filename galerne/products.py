"""Products on disk: whole, or not there.

A product is a folder that holds ``data.zarr`` and, written last, ``manifest.json``: the
shapes, units and digest of what the store holds, and what made it. The manifest is what the
workflow declares and what readers open, so a job killed half-way leaves nothing that looks
finished, and a manifest that is unchanged tells that the data are.

Every chunk carries a Zstandard checksum: a rotten chunk is an error, never a wrong value.
Zarr reads a lost chunk as the fill value, so the manifest counts files and readers compare.
Small files (tables, checkpoints) are written beside their place and renamed into it. What was
begun and cannot be finished, for want of space or for any other error, is taken away.
"""

__all__ = ["open_product", "replacing", "write_product"]

import errno
import hashlib
import json
import os
import shutil

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr

from zarr.codecs import ZstdCodec

from . import __version__

STORE = "data.zarr"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_product(
    dataset: xr.Dataset, path_manifest: Path, *, chunks: dict[str, int] | None = None
) -> None:
    """Writes a dataset beside its manifest, and the manifest last.

    Arguments:
        dataset: The data; dask arrays are streamed, one chunk of time after another.
        path_manifest: Where the manifest goes; the store lies in the same folder.
        chunks: Sizes of the chunks on disk by dimension; whole dimensions where not given.

    Raises:
        OSError: If the disk is full, with the folder and what is free there.
    """
    folder = path_manifest.parent
    folder.mkdir(parents=True, exist_ok=True)
    path_manifest.unlink(missing_ok=True)
    part = folder / f"{STORE}.part"
    shutil.rmtree(part, ignore_errors=True)
    encoding = {name: _encoding(array, chunks or {}) for name, array in dataset.variables.items()}
    try:
        with _telling_of_space(folder):
            _stream(dataset, part, encoding, (chunks or {}).get("time"))
        shutil.rmtree(folder / STORE, ignore_errors=True)
        part.rename(folder / STORE)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    with replacing(path_manifest) as path:
        path.write_text(json.dumps(_describe(dataset, folder / STORE), indent=1) + "\n")


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
    dataset = xr.open_zarr(
        store, chunks=chunks, zarr_format=3, consolidated=False, decode_timedelta=True
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


def _stream(
    dataset: xr.Dataset, store: Path, encoding: dict[object, object], block: int | None
) -> None:
    lazy = [name for name, a in dataset.data_vars.items() if a.chunks and "time" in a.dims]
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
    for first in range(0, fields.sizes["time"], block):
        region = {"time": slice(first, min(first + block, fields.sizes["time"]))}
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


def _describe(dataset: xr.Dataset, store: Path) -> dict[str, object]:
    digest = hashlib.sha256()
    files = _files(store)
    for path in files:
        digest.update(path.relative_to(store).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return {
        "galerne": __version__,
        "attributes": {key: str(value) for key, value in dataset.attrs.items()},
        "sizes": {str(name): size for name, size in dataset.sizes.items()},
        "variables": {
            str(name): {"dims": list(array.dims), "units": array.attrs.get("units", "1")}
            for name, array in dataset.data_vars.items()
        },
        "files": len(files),
        "sha256": digest.hexdigest(),
    }


def _files(store: Path) -> list[Path]:
    return sorted(path for path in store.rglob("*") if path.is_file())
