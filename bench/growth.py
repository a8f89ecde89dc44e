"""How time and memory of a draw grow with states, members and observations.

Each draw is a process of its own, on one thread: the library's own call from the table of
observations to the ensemble on disk, by the default method of the configuration in two steps,
with untrained models of about the demo's sizes (24 channels on 32 x 64 points, 96 latents on
8 x 16, windows of 8 states, a network of 192 channels and 4 blocks). Observations are of
temperature, anywhere.

A comparison is the growth from the smallest draw to the largest of a row, and beside it growth
that were linear: a ratio of one is linear, one below is less. Time is that of the processor.
Memory is what the process held at its peak beyond the models.

Usage: python -m bench.growth
"""

__all__ = ["measure_growth"]

import json
import resource
import subprocess
import sys
import tempfile
import time

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from galerne.assimilate.ensemble import label_members
from galerne.assimilate.posterior import draw_states
from galerne.catalogue import channels
from galerne.jobs.progress import Progress
from galerne.latent.autoencoder import Autoencoder
from galerne.observe.legs import plan_task
from galerne.prior.backbone import Backbone
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.ensemble import write_ensemble
from galerne.prior.gaussian import WindowGaussian
from galerne.stats.transform import Transform

from .comparison import Comparison, processor

DEFAULT = Path(__file__).parents[1] / "config" / "default.yaml"
WINDOW, OVERLAP = 8, 4
LATENTS, ROWS, COLUMNS, COMPONENTS = 96, 8, 16, 128
SEEN = 500  # observations of a state
KEPT, PARTS = 978, 320  # windows of the local part, and of their components
STEPS = 2  # sampling steps, which all take as long
# States, members, and observations of a state, of the draws of each row.
GROWING = {
    "states": [(8, 4, SEEN), (16, 4, SEEN), (32, 4, SEEN), (64, 4, SEEN), (128, 4, SEEN)],
    "members": [(8, 1, SEEN), (8, 4, SEEN), (8, 8, SEEN), (8, 16, SEEN)],
    "observations": [(8, 4, SEEN), (8, 4, 4 * SEEN), (8, 4, 16 * SEEN)],
}


def measure_growth(results: Path) -> Iterator[Comparison]:
    """Measures how a draw grows.

    Arguments:
        results: Ignored; models are untrained.

    Yields:
        Growth of time and of memory for each of states, members and observations.

    Raises:
        RuntimeError: If a draw fails, with what it said.
    """
    measured: dict[tuple[int, int, int], tuple[float, float]] = {}
    for name, draws in GROWING.items():
        for draw in draws:
            if draw not in measured:
                measured[draw] = _measured(*draw)
                states, members, seen = draw
                said = f"{states} states, {members} members, {seen} observations of a state"
                print(f"{said}: {measured[draw][0]:.1f} s, {measured[draw][1]:.0f} MB", flush=True)
        first, last = draws[0], draws[-1]
        linear = float(np.prod(last) / np.prod(first))
        for k, what in enumerate(("time", "memory")):
            grown = measured[last][k] / measured[first][k]
            yield Comparison(f"growth_{what}_{name}", grown, linear, "1", processor())


def _measured(*draw: int) -> tuple[float, float]:
    """Seconds of the processor and memory [MB] of a draw in a process of its own."""
    command = [sys.executable, "-m", "bench.growth", *map(str, draw)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"a draw of {draw} failed:\n{done.stderr[-2000:]}")
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory


def draw_once(states: int, members: int, seen: int) -> tuple[float, float]:
    """Draws and writes an ensemble in this process.

    Arguments:
        states: States of the stretch.
        members: How many members.
        seen: Observations of each state.

    Returns:
        Seconds of the processor, and memory at its peak beyond that of the models [MB].
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = yaml.safe_load(DEFAULT.read_text())
    (experiment,) = config["experiments"].values()
    method = config["methods"][experiment["methods"][0]] | {"steps": STEPS}
    transform, models = _transform(), _models()
    times = np.datetime64("2001-01-01", "ns") + np.arange(states) * np.timedelta64(6, "h")
    asked, plan = plan_task(times, 6, kind="reanalysis")
    table = _table(times, seen)
    before, begun = _held_mb(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw_states(
            *models, transform, table, times, plan, progress=Progress(None),
            members=range(members), seed=0, overlap=OVERLAP, **method,
        )  # fmt: skip
        labelled = label_members(drawn.lazy(), range(members), asked, transform)
        write_ensemble(labelled, Path(folder) / "manifest.json")
    return time.process_time() - begun, _peak_mb() - before


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _held_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _transform() -> Transform:
    config = yaml.safe_load(DEFAULT.read_text())["datasets"]["speedy_t31"]
    state = channels(config["surface"], config["pressure"], config["levels"])
    rows, columns = 4 * ROWS, 4 * COLUMNS
    return Transform(
        channels=state,
        coefficients=np.full((1, len(state), rows, columns), 280.0),
        variance=np.ones((1, len(state), rows)),
        scale=np.ones(len(state)),
        of_year=0,
        of_day=0,
        latitude=90 - (np.arange(rows) + 0.5) * 180 / rows,
        longitude=np.arange(columns) * 360 / columns,
    )


def _models() -> tuple[WindowDenoiser, Autoencoder]:
    """A prior that forgets in time, of waves that are the less the finer they are."""
    decoder = Autoencoder(24, 4 * ROWS, 4 * COLUMNS, LATENTS, 4, 64, 1, bound=5.0)
    gaussian = WindowGaussian(WINDOW, LATENTS, ROWS, COLUMNS, COMPONENTS, None, KEPT, PARTS)
    gaussian.windows.normal_()
    parts = gaussian.window_components.flatten(1)
    parts.copy_(torch.eye(*parts.shape))
    lags = 0.8 ** (torch.arange(WINDOW)[:, None] - torch.arange(WINDOW)).abs().double()
    values, vectors = (part.contiguous() for part in torch.linalg.eigh(lags))
    sizes = 100.0 / (1 + torch.arange(COMPONENTS, dtype=torch.float64))
    joint = torch.kron(vectors, torch.eye(COMPONENTS, dtype=torch.float64))
    order = torch.kron(values, sizes).argsort(descending=True)
    for wave in range(len(gaussian.space)):
        basis = torch.linalg.qr(torch.randn(LATENTS * ROWS, COMPONENTS))[0]
        gaussian.space[wave, ..., 0] = basis
        gaussian.joint[wave, ..., 0] = joint[:, order].float()
        gaussian.variance[wave] = torch.kron(values, sizes)[order].float()
        gaussian.rest[wave, ..., 0] = vectors.float()
        gaussian.rest_variance[wave] = 0.2 * values.float()
    network = Backbone(WINDOW, LATENTS, ROWS, COLUMNS, 2, 192, 4, 6)
    prior = WindowDenoiser(gaussian, network, 0.01, 100.0)
    return prior.requires_grad_(False), decoder.requires_grad_(False)


def _table(times: np.ndarray, seen: int) -> pd.DataFrame:
    rng, count = np.random.default_rng(0), len(times) * seen
    return pd.DataFrame(
        {
            "time": np.repeat(times, seen),
            "lat": np.rad2deg(np.arcsin(rng.uniform(-1, 1, count))),
            "lon": rng.uniform(0, 360, count),
            "level": rng.uniform(300, 850, count),
            "variable": "temperature",
            "observation": 280 + rng.normal(size=count),
            "error": 0.5,
            "platform": "anywhere",
            "station": "one",
            "withheld": False,
        }
    )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(draw_once(*map(int, sys.argv[1:]))))
    elif len(sys.argv) > 1:
        sys.exit("usage: python -m bench.growth")
    else:
        for comparison in measure_growth(Path()):
            print(comparison, flush=True)
