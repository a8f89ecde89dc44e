"""Lorenz-96: moment matching and SDA against a bootstrap filter of 65,536 particles.

Windows of three states of forty numbers (:mod:`bench.worlds.lorenz96`), seen at four sites of the
last state with an error of 2 (``once``), or at two sites of every state with an error of 1
(``often``). The ways to draw, and what is measured, are those of :mod:`bench.lorenz`; beside them
stands an ensemble Kalman smoother of 16,384 trajectories (``enkf``).

Usage: python -m bench.lorenz96 [PAGE], which puts the table into a page, between its two marks.
"""

__all__ = ["measure_lorenz96"]

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from . import lorenz
from .comparison import Comparison
from .page import put
from .worlds.lorenz96 import build_lorenz96, smooth_ensemble

MARKS = ("<!-- measured: python -m bench.lorenz96 -->", "<!-- end of lorenz96 -->")
SEEN = {"once": ([2], 4, 2.0), "often": ([0, 1, 2], 2, 1.0)}  # states, sites, error [1]
WINDOWS, PARTICLES, ENSEMBLE, SEED = 4, 65_536, 16_384, 1


def measure_lorenz96(results: Path, page: Path | None = None) -> Iterator[Comparison]:
    """Measures the distance of posteriors to a particle filter's.

    Arguments:
        results: Ignored; windows are made of nothing.
        page: A page to put the table into.

    Yields:
        The distance, of both kinds of observations and on average.
    """
    torch.set_num_threads(1)
    world, kinds = build_lorenz96(), {}
    for name, seen in SEEN.items():
        rng = np.random.default_rng(SEED)
        kinds[name] = []
        for _ in range(WINDOWS):
            observations = world.observe(world.draw(rng, 1)[0], *seen, rng)
            smoothed = smooth_ensemble(world, observations, rng, ENSEMBLE)[: lorenz.MEMBERS]
            found = lorenz.compare_window(
                world, observations, rng, PARTICLES, beside={"enkf": smoothed}
            )
            kinds[name].append(found)
    if page:
        put(page, MARKS, lorenz.table(kinds))
    yield from lorenz.comparisons("lorenz96_distance", kinds)


if __name__ == "__main__":
    lorenz.run(measure_lorenz96, "lorenz96")
