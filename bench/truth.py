"""Assimilation against exact posteriors: the default method, and the published setting.

Each method is run through the code of real assimilation in worlds whose posterior is known
(:mod:`bench.worlds.world`); its ensemble is compared with the exact posterior, its evaluations
of decoder and denoiser are counted. ``exact draws`` are as many draws from the exact posterior:
what Monte Carlo alone shows; the number of members stands in brackets. The published setting is
azula's MMPS (Jacobian covariance, two iterations of GMRES) with 32 predictor steps of two
corrections. Calibration draws truths anew.

Usage: python -m bench.truth [PAGE], which puts the table into a page, between its two marks.
"""

__all__ = ["GATE", "judge", "measure_truth", "observed"]

import sys

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from galerne.assimilate.posterior import Observations

from .comparison import Comparison, processor
from .page import put
from .worlds.calibration import FUNCTIONALS, holm, rank, uniformity
from .worlds.engine import Drawn, all_methods, default_method, draw, draw_published
from .worlds.metrics import Verdict, compare
from .worlds.sphere import Grid
from .worlds.world import WORLDS, World, build_world

GATE = {"states": 2, "grid": Grid(6, 12), "degree": 8}
MEMBERS, FEWER, BATCH, SEED = 2048, 512, 512, 20
TRUTHS, RANKED = 160, 31
MARKS = ("<!-- measured: python -m bench.truth -->", "<!-- end -->")
HEADER = (
    "| world | method | mean error | variances: mean | least | most | covariance error | "
    "W2 | inside 50 % | inside 90 % | evaluations | closed forms | s |"
)


def observed(world: World, seed: int = SEED) -> Observations:
    """A truth drawn from a world, as it is observed."""
    rng = np.random.default_rng(seed)
    return world.observe(world.truth.draw(rng, 1)[0], rng)


def judge(
    world: World, observations: Observations, method: dict[str, object] | None, members: int
) -> tuple[Verdict, Drawn]:
    """Draws members and compares them with the exact posterior.

    Arguments:
        world: The world.
        observations: What conditions the window.
        method: Settings as in the configuration; ``None`` for the published setting.
        members: How many members; they are drawn in batches, the same in any.
    """
    one = draw_published if method is None else partial(draw, method=method)
    parts = []
    for first in range(0, members, BATCH):
        batch = range(first, min(first + BATCH, members))
        # The noise of a sampler that draws some as it goes is of its batch.
        parts.append(one(world, observations, members=batch, seed=SEED + first))
    whole = parts[0]
    for part in parts[1:]:
        whole.count.windows.update(part.count.windows)
    drawn = Drawn(
        np.concatenate([part.members for part in parts]),
        whole.count,
        sum(part.seconds for part in parts),
    )
    return compare(drawn.members, world.exact(observations)), drawn


def calibrate(world: World, method: dict[str, object]) -> dict[str, float]:
    """The corrected probability of the ranks of each functional."""
    rng = np.random.default_rng(SEED)
    grid, ranks = world.dynamics.grid, []
    shape = (world.states, len(world.transform.channels), grid.rows, grid.columns)
    for k in range(TRUTHS):
        z = world.truth.draw(rng, 1)[0]
        drawn = draw(world, world.observe(z, rng), method, members=range(RANKED), seed=k)
        truth = (world.decoding @ z).reshape(shape)
        ranks.append(rank(truth, drawn.members.reshape(-1, *shape)))
    return holm(
        {name: uniformity(np.array([r[name] for r in ranks]), RANKED) for name in FUNCTIONALS}
    )


def tabulate(worlds: Sequence[str] = WORLDS) -> tuple[list[str], dict[tuple[str, str], tuple]]:
    """Runs every method of the configuration; the rows of the table, and what was found."""
    rows, found = [HEADER, "|---" * (HEADER.count("|") - 1) + "|"], {}
    for name in worlds:
        world = build_world(name, **GATE)
        observations = observed(world)
        exact = world.exact(observations)
        for count in (MEMBERS, FEWER):
            floor = compare(exact.draw(np.random.default_rng(SEED), count), exact)
            rows.append(_row(name, f"exact draws ({count})", floor, None))
        for label, method, count in _methods(name):
            verdict, drawn = judge(world, observations, method, count)
            found[name, label] = verdict, drawn
            rows.append(_row(name, f"{label} ({count})", verdict, drawn))
            print(rows[-1], flush=True)
    return rows, found


def _methods(world: str) -> Iterator[tuple[str, dict[str, object] | None, int]]:
    """Label, settings and members of what is run in a world."""
    name, method = default_method()
    yield "default", method, MEMBERS
    yield "published", None, MEMBERS
    if world == "exact":  # the others in one world only: they take many evaluations
        for other, settings in all_methods().items():
            if other != name:
                yield other, settings, FEWER


def _row(world: str, method: str, v: Verdict, drawn: Drawn | None) -> str:
    cost = ["", "", ""]
    if drawn:
        cost = [f"{drawn.evaluations:.0f}", f"{drawn.closed_forms:.0f}", f"{drawn.seconds:.0f}"]
    cells = [world, method, f"{v.mean_error:.3f}", f"{v.variance_ratio:.3f}"]
    cells += [f"{x:.2f}" for x in (v.variance_least, v.variance_most)]
    cells += [f"{x:.3f}" for x in (v.covariance_error, v.distance, v.inside_50, v.inside_90)]
    return f"| {' | '.join(cells + cost)} |"


def _compared(found: dict[tuple[str, str], tuple]) -> Iterator[Comparison]:
    for world in WORLDS:
        suffix = "" if world == "exact" else f"_{world}"
        (ours, mine), (theirs, published) = found[world, "default"], found[world, "published"]
        row = partial(Comparison, device=processor())
        errors = (ours.mean_error, theirs.mean_error)
        yield row(f"truth_mean_error{suffix}", *errors, unit="posterior standard deviations")
        ratios = (ours.variance_ratio, theirs.variance_ratio)
        yield row(f"truth_variance_ratio{suffix}", *ratios, unit="1")
        yield row(f"truth_variance_worst{suffix}", worst(ours), worst(theirs), unit="1")
        evaluations = (mine.evaluations, published.evaluations)
        yield row(f"truth_evaluations{suffix}", *evaluations, unit="evaluations a member")


def worst(verdict: Verdict) -> float:
    """The ratio of variances that is furthest from one, by its logarithm."""
    return max(verdict.variance_least, verdict.variance_most, key=lambda r: abs(np.log(r)))


def measure_truth(results: Path, page: Path | None = None) -> Iterator[Comparison]:
    """Measures how far the default method is from exact posteriors.

    Arguments:
        results: Ignored; worlds are made of nothing.
        page: A page to put the table into.

    Yields:
        Error of the mean, ratio of variances, evaluations, and calibration, for each world.
    """
    torch.set_num_threads(1)
    rows, found = tabulate()
    calibration = ["", "| world | " + " | ".join(FUNCTIONALS) + " |", "|---" * 8 + "|"]
    yield from _compared(found)
    for name in ("exact", "misjudged"):
        p = calibrate(build_world(name, **GATE), default_method()[1])
        cells = " | ".join(f"{p[key]:.2f}" for key in FUNCTIONALS)
        calibration.append(f"| {name} | {cells} |")
        suffix = "" if name == "exact" else f"_{name}"
        yield Comparison(f"truth_calibration{suffix}", min(p.values()), None, "p", processor())
    if page:
        put(page, MARKS, [*rows, *calibration])


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit("usage: python -m bench.truth [PAGE]")
    path = Path(sys.argv[1]) if len(sys.argv) == 2 else None
    for comparison in measure_truth(Path(), path):
        print(comparison, flush=True)
