"""Regridding: its speed against others and against merely reading, and its memory.

``regrid_vs_xarray_regrid`` and ``regrid_vs_dense`` compare rates (fields per second, more is
better), ``regrid_vs_read`` compares the time of a field with the time it takes to sum it, all
conservatively from 721 x 1440 to 121 x 240 points, in memory, on one thread. The dense way is
WeatherBench 2's: two matrix products with full weights, written anew here.

``regrid_peak_memory_gb`` is the peak resident memory of the job that regrids a record of 71
channels on 721 x 1440 points to 720 x 1440, beside that of a record a tenth as long. The
records are generated and short (states, not years, since a year would not fit on a disk), but
each state has its true size. Both hold more than a shard of the variables on levels (four states);
only the longer one nearly fills one of those at the surface (64 states of 256 MB), so the figures
are expected to differ by about that. ``regrid_peak_memory_long_gb`` is the same of one variable at
the surface, where both records are longer than a shard.

Usage: python -m bench.grid [speed|memory]
"""

__all__ = ["measure_regridding", "measure_regridding_memory"]

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import xarray as xr

from galerne.catalogue import VARIABLES
from galerne.grid.latlon import equiangular
from galerne.grid.regrid import Regridding
from galerne.grid.weights import latitude_overlap, longitude_overlap
from galerne.products import write_record

from .comparison import Comparison, processor

ROOT = Path(__file__).resolve().parents[1]
SOURCE, TARGET = (721, 1440), (121, 240)
FIELDS = 8
SURFACE = (
    *("2m_temperature", "10m_u_component_of_wind", "10m_v_component_of_wind"),
    *("mean_sea_level_pressure", "surface_pressure", "total_column_water_vapour"),
)
PRESSURE = (
    *("geopotential", "temperature", "u_component_of_wind", "v_component_of_wind"),
    "specific_humidity",
)
RECORDS = {  # variables, and states of the shorter and of the longer record
    "regrid_peak_memory_gb": ((*SURFACE, *PRESSURE), (6, 60)),
    "regrid_peak_memory_long_gb": (SURFACE[:1], (70, 700)),
}
LEVELS = [50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000]


def measure_regridding(results: Path) -> Iterator[Comparison]:
    """Measures the speed of regridding, in a process of one thread.

    Arguments:
        results: Ignored; what is measured is in memory.

    Yields:
        Three comparisons, ours against others.
    """
    seconds = json.loads(_alone("seconds"))
    device = f"1 of {processor()}"
    for name in ("xarray_regrid", "dense"):
        ours, theirs = 1 / seconds["ours"], 1 / seconds[name]
        yield Comparison(f"regrid_vs_{name}", ours, theirs, "fields/s", device)
    ours, theirs = 1e3 * seconds["ours"], 1e3 * seconds["read"]
    yield Comparison("regrid_vs_read", ours, theirs, "ms", device)


def measure_regridding_memory(results: Path) -> Iterator[Comparison]:
    """Measures the peak memory of the job that regrids a record, and of one a tenth as long.

    Arguments:
        results: Ignored; the records are made in a temporary folder, which takes some
            gigabytes.

    Yields:
        Comparisons of a longer record with a shorter one: of all variables, and of one.
    """
    for row, (names, lengths) in RECORDS.items():
        peaks = []
        for states in lengths:
            with tempfile.TemporaryDirectory() as folder:
                _alone("generate", folder, str(states), *names)
                peaks.append(float(_alone("peak", folder)))
        yield Comparison(row, peaks[1], peaks[0], "GB", processor())


def _alone(*arguments: str) -> str:
    """What a process of its own says, on one thread."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if arguments[0] == "peak":  # as the job is started
        env |= dict(re.findall(r"(MALLOC_\w+)=(\d+)", (ROOT / "workflow/launch").read_text()))
    command = [sys.executable, "-m", "bench.grid", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def _seconds() -> dict[str, float]:
    """Seconds that each way takes for a field."""
    import xarray_regrid  # noqa: F401  (registers the accessor; of no other measurement)

    source, target = equiangular(*SOURCE, poles=True), equiangular(*TARGET, poles=True)
    x = np.random.default_rng(0).normal(280, 10, (FIELDS, *SOURCE)).astype("float32")
    ours = Regridding(source, target)
    rows = latitude_overlap(source[0], target[0]).astype("float32")
    columns = longitude_overlap(source[1], target[1]).astype("float32").T
    labelled = xr.DataArray(
        x[:, ::-1],
        {"latitude": source[0][::-1], "longitude": source[1]},
        ("time", "latitude", "longitude"),
    )
    wanted = xr.Dataset(coords={"latitude": target[0][::-1], "longitude": target[1]})
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: ours.scalar(x),
        "dense": lambda: rows @ (x @ columns),
        "xarray_regrid": lambda: (
            labelled.regrid.conservative(wanted, latitude_coord="latitude").values
        ),
        "read": lambda: [field.sum() for field in x],
    }
    # Theirs weighs rows by the cosine of their latitude, so the rows at the poles differ.
    theirs = labelled.regrid.conservative(wanted, latitude_coord="latitude")
    theirs = theirs.transpose("time", "latitude", "longitude").values[:, ::-1]
    found = ours.scalar(x)
    if not np.allclose(found, ways["dense"](), rtol=1e-5):
        raise RuntimeError("the dense products give other values")
    if not np.allclose(found[:, 2:-2], theirs[:, 2:-2], rtol=1e-3):
        raise RuntimeError("xarray-regrid gives other values")
    best = {name: _best(way) / FIELDS for name, way in ways.items()}
    return best


def _best(way: Callable[[], object], seconds: float = 3.0) -> float:
    """The shortest of several times [s]."""
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        begun = time.perf_counter()
        way()
        times.append(time.perf_counter() - begun)
    return min(times)


def _generate(folder: str, states: str, *names: str) -> None:
    """Writes a record of plausible smooth fields, computed state by state."""
    latitude, longitude = equiangular(*SOURCE, poles=True)
    times = np.datetime64("2001-01-01", "ns") + np.arange(int(states)) * np.timedelta64(6, "h")
    grid = {"time": times, "latitude": latitude, "longitude": longitude}
    fields = {}
    for name in names:
        about = VARIABLES[name]
        lead = (len(times), *((len(LEVELS),) if about.on_levels else ()))

        def state(block_info: dict, about: object = about, lead: tuple = lead) -> np.ndarray:
            first = block_info[None]["chunk-location"][0]
            waves = np.cos(np.deg2rad(latitude))[:, None] * np.cos(
                np.deg2rad(longitude) * 3 + first
            )
            one = about.minimum + (0.5 + 0.2 * waves) * (about.maximum - about.minimum)
            return np.broadcast_to(one.astype("float32"), (1, *lead[1:], *SOURCE)).copy()

        chunks = ((1,) * lead[0], *((n,) for n in lead[1:]), *((n,) for n in SOURCE))
        values = da.map_blocks(state, chunks=chunks, dtype="float32", meta=np.empty(0, "float32"))
        dims = ("time", *(("level",) if about.on_levels else ()), "latitude", "longitude")
        fields[name] = (dims, values, {"units": about.units})
    with dask.config.set(scheduler="synchronous"):
        dataset = xr.Dataset(fields, grid | {"level": LEVELS})
        write_record(dataset, Path(folder) / "source/manifest.json")


def _peak(folder: str) -> float:
    """Regrids a record as its rule does, and returns the peak memory of this process [GB]."""
    from workflow.scripts.regrid_period import regrid_period

    path = Path(folder)
    regrid_period(
        path / "source/manifest.json", path / "grid/manifest.json", kind="equiangular",
        latitudes=720, longitudes=1440, poles=False, method="conservative", exclude=[],
        rounding={"temperature": 0.01, "u_component_of_wind": 0.02, "geopotential": 1.0},
    )  # fmt: skip
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main(what: str = "", *arguments: str) -> None:
    """Measures, or does a part of it in a process of its own."""
    parts = {"generate": _generate, "peak": _peak}
    if what == "seconds":
        print(json.dumps(_seconds()))
    elif what in parts:
        print(parts[what](*arguments))
    else:
        for comparisons in (measure_regridding, measure_regridding_memory):
            if what in ("", "memory" if comparisons is measure_regridding_memory else "speed"):
                for comparison in comparisons(Path()):
                    print(comparison, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
