"""Random training windows from a record, against reading it in order and against xbatcher.

All read the same bytes of the same store (65 channels of 121 x 240 points, written as records
are), which is in the page cache for each, on as many threads. ``windows_vs_sequential`` draws
windows of eight states in random order by the reader of the trainings, and compares with reading
the record from its first state to its last, 40 states at a time, by the faster of two: the same
reader, and Zarr with its codecs in Rust (``zarrs``). ``windows_vs_xbatcher`` compares with batches
of ``xbatcher`` over the same store, opened by xarray with dask, as its documentation does.

Usage: python -m bench.windows
"""

__all__ = ["measure_windows"]

import os
import sys
import tempfile
import time

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import xarray as xr
import xbatcher
import zarr

from galerne.products import STORE, write_record
from galerne.reading import Record

from .comparison import Comparison, processor

STATES, WINDOW, LEVELS = 160, 8, 13
GRID = (121, 240)
NAMES = ("geopotential", "temperature", "u_component_of_wind", "v_component_of_wind", "humidity")
PART = 40  # states read in order at a time
ROUNDS = 5
PIPELINE = "zarrs.ZarrsCodecPipeline"


def measure_windows(results: Path) -> Iterator[Comparison]:
    """Measures the rate at which states are read [MB/s].

    Arguments:
        results: Ignored; the store is made in a temporary folder.

    Yields:
        Two comparisons of random windows with other ways.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.json"
        _write(path)
        threads = os.cpu_count() or 1
        record = Record(path, NAMES, threads=threads)
        ways: dict[str, Callable[[], int]] = {
            "windows": lambda: _windows(record),
            "sequential": lambda: _sequential(record),
            "zarrs": lambda: _zarrs(path, threads),
            "xbatcher": lambda: _xbatcher(path),
        }
        rates = dict.fromkeys(ways, 0.0)
        for _ in range(ROUNDS):  # side by side, so that other work on the machine meets all
            for name, way in ways.items():
                begun = time.perf_counter()
                read = way()
                rates[name] = max(rates[name], read / (time.perf_counter() - begun) / 1e6)
    rates["sequential"] = max(rates["sequential"], rates["zarrs"])
    for name in ("sequential", "xbatcher"):
        yield Comparison(f"windows_vs_{name}", rates["windows"], rates[name], "MB/s", processor())


def _write(path: Path) -> None:
    rng = np.random.default_rng(0)
    shape = (STATES, LEVELS, *GRID)
    times = np.datetime64("2001-01-01", "ns") + np.arange(STATES) * np.timedelta64(6, "h")
    smooth = np.cumsum(np.cumsum(rng.normal(size=(LEVELS, *GRID)), 1), 2) / 20
    values = np.empty(shape, "float32")
    for k in range(STATES):
        values[k] = np.roll(smooth, k, -1) + rng.normal(0, 0.05, smooth.shape)
    dims = ("time", "level", "latitude", "longitude")
    fields = {name: (dims, np.roll(values, k, 1)) for k, name in enumerate(NAMES)}
    coords = {"time": times, "level": np.arange(LEVELS)}
    write_record(xr.Dataset(fields, coords), path, rounding=dict.fromkeys(NAMES, 0.01))


def _windows(record: Record) -> int:
    """Reads as many windows as cover the record once, in random order."""
    starts = np.random.default_rng(1).integers(0, STATES - WINDOW + 1, STATES // WINDOW)
    windows = (record.read(first, first + WINDOW) for first in starts.tolist())
    return sum(values.nbytes for window in windows for values in window)


def _sequential(record: Record) -> int:
    """Reads the whole record in order."""
    parts = (record.read(first, min(first + PART, STATES)) for first in range(0, STATES, PART))
    return sum(values.nbytes for part in parts for values in part)


def _zarrs(path: Path, threads: int) -> int:
    """Reads the whole record in order, by Zarr."""
    settings = {"codec_pipeline.path": PIPELINE, "threading.max_workers": threads}
    with zarr.config.set(settings):
        group = zarr.open_group(path.parent / STORE, mode="r")
        arrays = [group[name] for name in NAMES]
    parts = range(0, STATES, PART)
    return sum(array[first : first + PART].nbytes for first in parts for array in arrays)


def _xbatcher(path: Path) -> int:
    """Reads non-overlapping windows of every variable."""
    dataset = xr.open_zarr(path.parent / STORE, zarr_format=3, consolidated=False, chunks={})
    sizes = {name: size for name, size in dataset.sizes.items() if name != "time"}
    batches = xbatcher.BatchGenerator(dataset, input_dims={"time": WINDOW, **sizes})
    order = np.random.default_rng(1).permutation(len(batches))
    return sum(batches[int(k)].load().nbytes for k in order)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit("usage: python -m bench.windows")
    for comparison in measure_windows(Path()):
        print(comparison, flush=True)
