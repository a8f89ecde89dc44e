"""Lorenz-63: moment matching and SDA against a bootstrap filter of 16,384 particles.

Windows of nine states; the first variable is observed at every eighth state with an error of
0.05, or at every state with 0.25, in units of its scale, as in the paper. Both methods use the
same denoiser, which is exact up to the linearisation (:mod:`bench.worlds.lorenz`), the same
number of steps, and the code of real assimilation. This prior is far from its Gaussian part, so
ours is ``mmps`` with the covariance from the denoiser's Jacobian, and DDPM, which adds noise.
The distance is the earth mover's between as many members as particles, over whole windows
[Lorenz units]. Two draws of particles are also apart (``floor``), and so are the particles and
the closed form (``closed form``). SDA is the paper's with its gamma of 0.01, without Langevin
corrections.

Usage: python -m bench.lorenz [PAGE], which puts the table into a page, between its two marks.

References:
    | Score-based Data Assimilation (Rozet & Louppe, 2023), section 4.1
    | https://arxiv.org/abs/2306.10574
"""

__all__ = ["measure_lorenz"]

import sys

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from .comparison import Comparison, processor
from .page import put
from .worlds.engine import draw
from .worlds.lorenz import LorenzWorld, build_lorenz, distance, filter_particles

MARKS = ("<!-- measured: python -m bench.lorenz -->", "<!-- end of lorenz -->")
SEEN = {"low": (8, 0.05), "high": (1, 0.25)}  # steps between observations, error [scale]
STEPS, MEMBERS, WINDOWS, PARTICLES = 64, 256, 4, 16_384
OURS = {
    "guidance": "mmps", "covariance": "jacobian", "linearisation": "exact", "modes": 0,
    "sampler": "ddpm", "steps": STEPS, "solver": "gmres", "iterations": 4,
}  # fmt: skip
SDA = {"guidance": "sda", "sampler": "ddim", "steps": STEPS, "gamma": 0.01}


def compare_window(
    world: LorenzWorld, every: int, error: float, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Distances to the particles, and evaluations for a member, of each way to draw a window."""
    observations = world.observe(world.draw(rng, 1)[0], every, error, rng)
    particles = filter_particles(world, observations, rng, PARTICLES)
    chosen = rng.permutation(len(particles))[: 2 * MEMBERS]
    reference, others = particles[chosen[:MEMBERS]], particles[chosen[MEMBERS:]]
    found = {
        "floor": (distance(others, reference), 0.0),
        "closed form": (distance(world.exact(observations, rng, MEMBERS), reference), 0.0),
    }
    seed = int(rng.integers(2**31))
    for label, method in _methods().items():
        drawn = draw(world, observations, method, members=range(MEMBERS), seed=seed)
        apart = distance(world.windows(drawn.members), reference)
        found[label] = apart, drawn.evaluations
    return found


def _methods() -> dict[str, dict[str, object]]:
    return {"mmps": OURS, "sda": SDA}


def measure_lorenz(results: Path, page: Path | None = None) -> Iterator[Comparison]:
    """Measures the distance of posteriors to a particle filter's.

    Arguments:
        results: Ignored; windows are made of nothing.
        page: A page to put the table into.

    Yields:
        The distance, of both kinds of observations and on average.
    """
    torch.set_num_threads(1)
    world, means = build_lorenz(), {}
    rows = ["| observations | way | distance | least | most | evaluations |", "|---" * 6 + "|"]
    for name, (every, error) in SEEN.items():
        rng = np.random.default_rng(0)
        found = [compare_window(world, every, error, rng) for _ in range(WINDOWS)]
        for way in found[0]:
            apart, cost = np.array([each[way] for each in found]).T
            means[name, way] = apart.mean()
            cells = [f"{x:.2f}" for x in (apart.mean(), apart.min(), apart.max())]
            rows.append(f"| {name} | {way} | {' | '.join(cells)} | {cost.mean():.0f} |")
            print(rows[-1], flush=True)
    pairs = {n: (means[n, "mmps"], means[n, "sda"]) for n in SEEN}
    pairs[""] = tuple(np.mean(list(pairs.values()), axis=0))
    for name, (ours, theirs) in pairs.items():
        full = "_".join(filter(None, ("lorenz63_distance", name)))
        yield Comparison(full, float(ours), float(theirs), "Lorenz units", processor())
    if page:
        put(page, MARKS, rows)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit("usage: python -m bench.lorenz [PAGE]")
    path = Path(sys.argv[1]) if len(sys.argv) == 2 else None
    for comparison in measure_lorenz(Path(), path):
        print(comparison, flush=True)
