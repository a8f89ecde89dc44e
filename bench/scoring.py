"""Scoring an ensemble beside xskillscore, which scores the same store.

An ensemble of 20 fields is made up and stored as the pipeline stores members, one window after
the other. Ours judges it as the job does: root mean square error, bias, CRPS, spread, ranks, and
besides anomaly correlation, coverage and energy score, over the globe and bands of latitude.
Theirs opens the same store with xarray and computes the first five over the globe by the
functions of xskillscore; its CRPS uses numba where that is installed. ``scoring_without_ranks``
leaves ranks out of theirs, not of ours. Both take one window at a time on one thread, and what
counts is the time of the processor, reading included. What both compute must agree.

``scoring_memory`` is the peak memory of the process after all windows, beside that after a tenth
of them.

Usage: python -m bench.scoring
"""

__all__ = ["measure_scoring"]

import importlib.util
import resource
import shutil
import tempfile
import time
import warnings

from collections.abc import Iterator
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import xarray as xr

from galerne.arrays import unstack_channels
from galerne.catalogue import Channel, channels
from galerne.evaluate.ensemble import Ensemble
from galerne.evaluate.gathering import Gathering
from galerne.evaluate.pooling import pool
from galerne.evaluate.verification import Standard, verify
from galerne.grid.areas import cell_areas
from galerne.grid.latlon import equiangular
from galerne.observe.task import Cutoff
from galerne.products import open_product, write_product

from .comparison import Comparison, processor

MEMBERS, WINDOWS, ROWS, COLUMNS = 50, 100, 32, 64
VARIABLES = ["geopotential", "temperature", "u_component_of_wind", "v_component_of_wind"]
VARIABLES += ["specific_humidity"]
LEVELS = [300, 500, 700, 850]
SETTINGS = {"crps": "ecdf", "thresholds": {}, "distances_km": [], "density_degrees": 1.0}
TOLERANCE = 1e-4  # relative, of scores of both


def measure_scoring(results: Path | None = None) -> Iterator[Comparison]:
    """Yields the time of scoring all windows [CPU s], and the memory [MB]."""
    there = importlib.util.find_spec("xskillscore") is not None
    if not there:
        print("scoring: xskillscore is not installed, so there is nothing to compare with")
    state = channels([], VARIABLES, LEVELS)
    found, seconds, memory, other = Gathering(), {"ours": 0.0, "four": 0.0, "ranks": 0.0}, [], []
    with tempfile.TemporaryDirectory() as folder, dask.config.set(scheduler="synchronous"):
        for k in range(WINDOWS):
            window = Path(folder) / str(k)
            truth, cutoff = _write(window, state, k)
            start = time.process_time()
            found.add(str(k), _ours(window, truth, cutoff, state))
            seconds["ours"] += time.process_time() - start
            if there:
                other.append(_theirs(window, truth, seconds))
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
            shutil.rmtree(window)
    if there:
        _check(found, other)
    numba = "with" if importlib.util.find_spec("numba") else "without"
    device = f"{processor()}, theirs {numba} numba"
    ours, four = seconds["ours"], seconds["four"]
    theirs = {"scoring_vs_xskillscore": four + seconds["ranks"], "scoring_without_ranks": four}
    for name, figure in theirs.items():
        yield Comparison(name, ours, figure if there else None, "CPU s", device)
    early = memory[max(WINDOWS // 10, 1) - 1]
    yield Comparison("scoring_memory", memory[-1], early, "MB", processor())


def _write(folder: Path, state: tuple[Channel, ...], seed: int) -> tuple[xr.Dataset, Cutoff]:
    """Makes up one window: members and a climatology on disk, and the truth."""
    rng = np.random.default_rng(seed)
    latitude, longitude = equiangular(ROWS, COLUMNS, poles=False)
    start = np.datetime64("2001-01-01", "ns") + seed * np.timedelta64(24, "h")
    place = {"time": np.array([start]), "latitude": latitude, "longitude": longitude}
    shape = (1, len(state), ROWS, COLUMNS)
    truth = rng.normal(size=shape).astype("float32")
    members = 0.5 * truth + rng.normal(size=(MEMBERS, *shape)).astype("float32")
    for name, values in (("members", members), ("climatology", np.zeros((1, *shape)))):
        coords = {"number": np.arange(len(values)), **place}
        labelled = unstack_channels(values.astype("float32"), state, coords)
        write_product(labelled, folder / name / "manifest.json")
    return unstack_channels(truth, state, place), Cutoff(start, (start,))


def _ours(
    folder: Path, truth: xr.Dataset, cutoff: Cutoff, state: tuple[Channel, ...]
) -> dict[str, pd.DataFrame]:
    none = pd.DataFrame(
        {
            "time": np.array([], "datetime64[ns]"),
            **{name: np.array([], float) for name in ("lat", "lon", "level")},
            "variable": np.array([], object),
            "withheld": np.array([], bool),
        }
    )
    ensemble, normal = (
        Ensemble.open([folder / name / "manifest.json"]) for name in ("members", "climatology")
    )
    standard = Standard.of(truth, state, SETTINGS)
    return verify(ensemble, normal, truth, none, cutoff, standard, np.random.default_rng(0))


def _theirs(folder: Path, truth: xr.Dataset, seconds: dict[str, float]) -> dict[str, np.ndarray]:
    """Scores by variable and level; adds the time of four of them, and that of ranks."""
    import xskillscore

    start = time.process_time()
    members = open_product(folder / "members" / "manifest.json")
    plane = xr.ones_like(truth[VARIABLES[0]].isel(time=0, level=0, drop=True))
    areas = xr.DataArray(cell_areas(truth["latitude"].values), dims="latitude") * plane
    found: dict[str, list[np.ndarray]] = {}
    over = {"dim": ["latitude", "longitude"], "weights": areas}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fields = {name: members[name].load() for name in VARIABLES}
        for name, forecast in fields.items():
            seen, mean = truth[name], forecast.mean("number")
            parts = {
                "squared_error": xskillscore.mse(mean, seen, **over),
                "error": xskillscore.me(mean, seen, **over),
                "crps": xskillscore.crps_ensemble(seen, forecast, member_dim="number", **over),
                "variance": forecast.var("number", ddof=1).weighted(areas).mean(over["dim"]),
            }
            for key, part in parts.items():
                found.setdefault(key, []).append(part.values.ravel())
        middle = time.process_time()
        for name, forecast in fields.items():
            ranks = xskillscore.rank_histogram(
                truth[name], forecast, dim=over["dim"], member_dim="number"
            )
            found.setdefault("ranks", []).append(ranks.values.reshape(len(LEVELS), -1))
    seconds["four"] += middle - start
    seconds["ranks"] += time.process_time() - middle
    return {key: np.concatenate(parts) for key, parts in found.items()}


def _check(found: Gathering, other: list[dict[str, np.ndarray]]) -> None:
    """Refuses to compare what is not the same.

    Raises:
        RuntimeError: If scores differ, with the statistic.
    """
    table = found.tables()["statistics"]
    pooled = pool(table[table["region"] == "globe"], ["variable", "level"])
    ordered = pooled.set_index(["variable", "level"]).loc[
        [(name, float(level)) for name in VARIABLES for level in LEVELS]
    ]
    for key in ("squared_error", "error", "crps", "variance"):
        theirs = np.mean([one[key] for one in other], axis=0)
        if not np.allclose(ordered[key], theirs, rtol=TOLERANCE, atol=TOLERANCE):
            apart = np.abs(ordered[key] - theirs).max()
            raise RuntimeError(f"{key} differs from that of xskillscore by up to {apart:g}")


if __name__ == "__main__":
    for comparison in measure_scoring():
        print(comparison)
