"""Lorenz-63: moment matching and SDA against a bootstrap filter of 16,384 particles.

Windows of nine states; the first variable is observed at every eighth state with an error of
0.05, or at every state with 0.25, in units of its scale, as in the paper. All methods use the
same denoiser, which is exact up to the linearisation (:mod:`bench.worlds.lorenz`), and the code of
real assimilation. The distance is the earth mover's between as many members as particles, over
whole windows [Lorenz units]. Two draws of particles are also apart (``floor``), and so are the
particles and the closed form (``closed form``).

A step of a method is a call: sixteen steps of ``pc`` with three corrections each are 64. SDA is
the paper's, with its gamma of 0.01: 64 steps without corrections (``sda``), the same steps and
corrections as ours (``sda, pc``), and as many more as cost what ours costs in evaluations of
decoder and denoiser (``sda, pc, same cost``). Ours is ``mmps`` with the whole gradient of the
evidence, without corrections (``ours, ddpm``), and with the covariance held fixed, as published
(``ours, fixed``). Settings were chosen on windows of another seed.

Usage: python -m bench.lorenz [PAGE], which puts the table into a page, between its two marks.

References:
    | Score-based Data Assimilation (Rozet & Louppe, 2023), section 4.1
    | https://arxiv.org/abs/2306.10574
"""

__all__ = ["compare_window", "comparisons", "measure_lorenz", "run", "table"]

import sys

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from galerne.assimilate.posterior import Observations

from .comparison import Comparison, processor
from .page import put
from .worlds.engine import draw
from .worlds.lorenz import LorenzWorld, build_lorenz
from .worlds.lorenz96 import Lorenz96World
from .worlds.mixture import distance, filter_particles

MARKS = ("<!-- measured: python -m bench.lorenz -->", "<!-- end of lorenz -->")
SEEN = {"low": (8, 0.05), "high": (1, 0.25)}  # steps between observations, error [scale]
STEPS, MEMBERS, WINDOWS, PARTICLES, SEED = 64, 64, 8, 16_384, 1
CORRECTIONS = 3  # before each step of pc
DELTA = 0.9  # their size
OURS = {
    "guidance": "mmps", "covariance": "jacobian", "linearisation": "exact", "modes": 0,
    "solver": "gmres", "iterations": 4, "probes": 16,
}  # fmt: skip
SDA = {"guidance": "sda", "gamma": 0.01}
SAME_COST = "sda, pc, same cost"
World = LorenzWorld | Lorenz96World
Found = dict[str, tuple[float, float]]  # distance and evaluations, by the way to draw


def _pc(steps: int) -> dict[str, object]:
    return {"sampler": "pc", "steps": steps, "corrections": CORRECTIONS, "delta": DELTA}


def _methods() -> dict[str, dict[str, object]]:
    corrected = _pc(STEPS // (CORRECTIONS + 1))
    return {
        "ours": OURS | corrected,
        "ours, ddpm": OURS | {"sampler": "ddpm", "steps": STEPS},
        "ours, fixed": OURS | corrected | {"probes": 0},
        "sda": SDA | {"sampler": "ddim", "steps": STEPS},
        "sda, pc": SDA | corrected,
    }


def compare_window(
    world: World,
    observations: Observations,
    rng: np.random.Generator,
    count: int,
    beside: Mapping[str, np.ndarray] | None = None,
) -> Found:
    """Distances to particles, and evaluations for a member, of each way to draw a window.

    Arguments:
        world: The world.
        observations: What conditions the window.
        rng: Source of particles and seeds.
        count: The number of particles.
        beside: Other ensembles of as many windows, by name.
    """
    particles = filter_particles(world, observations, rng, count)
    chosen = rng.permutation(len(particles))[: 2 * MEMBERS]
    reference, others = particles[chosen[:MEMBERS]], particles[chosen[MEMBERS:]]
    found = {
        "prior": (distance(world.draw(rng, MEMBERS), reference), 0.0),
        "floor": (distance(others, reference), 0.0),
        "closed form": (distance(world.exact(observations, rng, MEMBERS), reference), 0.0),
    }
    for label, windows in (beside or {}).items():
        found[label] = distance(windows, reference), 0.0
    seed = int(rng.integers(2**31))

    def measure(label: str, method: dict[str, object]) -> None:
        drawn = draw(world, observations, method, members=range(MEMBERS), seed=seed)
        found[label] = distance(world.windows(drawn.members), reference), drawn.evaluations

    for label, method in _methods().items():
        measure(label, method)
    dearer = found["ours"][1] / found["sda, pc"][1]
    measure(SAME_COST, SDA | _pc(max(1, round(dearer * STEPS / (CORRECTIONS + 1)))))
    return found


def table(kinds: Mapping[str, Sequence[Found]]) -> list[str]:
    """The rows of a page: of each kind of observations and way to draw, over windows."""
    rows = ["| observations | way | distance | least | most | evaluations |", "|---" * 6 + "|"]
    for name, windows in kinds.items():
        for way in windows[0]:
            apart, cost = np.array([each[way] for each in windows]).T
            cells = [f"{x:.2f}" for x in (apart.mean(), apart.min(), apart.max())]
            rows.append(f"| {name} | {way} | {' | '.join(cells)} | {cost.mean():.0f} |")
    return rows


def comparisons(name: str, kinds: Mapping[str, Sequence[Found]]) -> Iterator[Comparison]:
    """Ours beside SDA as published, with the same corrections, and at the same cost.

    Arguments:
        name: The name of the figure.
        kinds: What was found in each window, by the kind of observations.
    """
    against = {"": "sda", "corrected": "sda, pc", "same_cost": SAME_COST}
    for variant, theirs in against.items():
        pairs = {
            kind: [np.mean([each[way][0] for each in windows]) for way in ("ours", theirs)]
            for kind, windows in kinds.items()
        }
        pairs[""] = np.mean(list(pairs.values()), axis=0)
        for kind, pair in pairs.items():
            full = "_".join(filter(None, (name, variant, kind)))
            yield Comparison(full, float(pair[0]), float(pair[1]), "Lorenz units", processor())


def measure_lorenz(results: Path, page: Path | None = None) -> Iterator[Comparison]:
    """Measures the distance of posteriors to a particle filter's.

    Arguments:
        results: Ignored; windows are made of nothing.
        page: A page to put the table into.

    Yields:
        The distance, of both kinds of observations and on average.
    """
    torch.set_num_threads(1)
    world, kinds = build_lorenz(), {}
    for name, (every, error) in SEEN.items():
        rng = np.random.default_rng(SEED)
        kinds[name] = []
        for _ in range(WINDOWS):
            observations = world.observe(world.draw(rng, 1)[0], every, error, rng)
            kinds[name].append(compare_window(world, observations, rng, PARTICLES))
    if page:
        put(page, MARKS, table(kinds))
    yield from comparisons("lorenz63_distance", kinds)


def run(measure: Callable[..., Iterator[Comparison]], name: str) -> None:
    """Runs one comparison from the command line."""
    if len(sys.argv) > 2:
        sys.exit(f"usage: python -m bench.{name} [PAGE]")
    path = Path(sys.argv[1]) if len(sys.argv) == 2 else None
    for comparison in measure(Path(), path):
        print(comparison, flush=True)


if __name__ == "__main__":
    run(measure_lorenz, "lorenz")
