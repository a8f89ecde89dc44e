"""Moments of a year beside reading it at all.

A year of states is made up and stored as the pipeline stores its records. Ours computes area-
weighted moments of the states and of their changes, on one thread, as the job does; theirs makes
dask read every value of the same store on one thread, and do nothing with it: by Zarr's own codecs
or by those in Rust (``zarrs``), whichever is faster.

Usage: python -m bench.moments
"""

__all__ = ["measure_moments"]

import math
import tempfile
import time

from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import numpy as np
import xarray as xr
import zarr

from galerne.catalogue import channels
from galerne.grid.latlon import equiangular
from galerne.products import open_product, shard_states, write_record
from galerne.reading import Record
from galerne.stats.moments import record_moments

from .comparison import Comparison, processor

STATES, ROWS, COLUMNS = 1460, 121, 240
LEVELS = [500, 850]
ROUNDING = {"geopotential": 1.0, "temperature": 0.01}
TURNS = 5


def measure_moments(results: Path | None = None) -> Iterator[Comparison]:
    """Yields the rates at which a year is pooled, and read [MB/s]."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.json"
        size = _write_year(path)
        state = channels([], list(ROUNDING), LEVELS)
        latitude = equiangular(ROWS, COLUMNS, poles=True)[0]
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: record_moments(
                Record(path, list(ROUNDING), threads=1), latitude, state
            ),
            "dask": lambda: _read(path, "zarr.core.codec_pipeline.BatchedCodecPipeline"),
            "zarrs": lambda: _read(path, "zarrs.ZarrsCodecPipeline"),
        }
        seconds = _best(ways)
    ours, theirs = seconds["ours"], min(seconds["dask"], seconds["zarrs"])
    yield Comparison("moments_vs_read", size / ours, size / theirs, "MB/s", processor())


def _write_year(path: Path) -> float:
    """Writes smooth waves with noise, and returns the size of their values [MB]."""
    rng = np.random.default_rng(0)
    latitude, longitude = equiangular(ROWS, COLUMNS, poles=True)
    times = np.datetime64("2001-01-01", "ns") + np.arange(STATES) * np.timedelta64(6, "h")
    shape = (STATES, len(LEVELS), ROWS, COLUMNS)
    waves = np.cos(np.deg2rad(latitude))[:, None] * np.cos(4 * np.deg2rad(longitude))
    fields = {}
    for name, mean, spread in (("geopotential", 5e4, 900.0), ("temperature", 260.0, 9.0)):
        drawn = rng.normal(size=(STATES, len(LEVELS), 1, 1)).astype("float32")
        values = np.empty(shape, "float32")
        for k in range(STATES):
            values[k] = mean + spread * (drawn[k] * waves + 0.1 * rng.normal(size=shape[1:]))
        fields[name] = (("time", "level", "latitude", "longitude"), values)
    coords = {"time": times, "level": LEVELS, "latitude": latitude, "longitude": longitude}
    year = xr.Dataset(fields, coords)
    write_record(year, path, rounding=ROUNDING)
    return year.nbytes / 1e6


def _read(path: Path, pipeline: str) -> None:
    """Reads every value of the store, on one thread."""
    block = shard_states(4 * len(LEVELS) * ROWS * COLUMNS)
    settings = {"codec_pipeline.path": pipeline, "threading.max_workers": 1}
    with zarr.config.set(settings), dask.config.set(scheduler="synchronous"):
        for field in open_product(path, chunks={"time": block}).data_vars.values():
            field.data.map_blocks(lambda x: x[:1, :1, :1, :1], dtype=field.dtype).compute()


def _best(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The shortest of some turns of each [s]; they alternate, since other work meets all."""
    seconds = dict.fromkeys(ways, math.inf)
    for _ in range(TURNS):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    for comparison in measure_moments():
        print(comparison)
