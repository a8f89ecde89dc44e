"""The engine on the demo's own products: the default method against the published setting.

Same prior, same observations, same members, one thread each: MMPS as published for the global
scale (Appa: Jacobian covariance, two cold iterations of GMRES, 32 predictor steps of two
corrections) is ``mmps_published`` of the configuration. It cannot draw a local part of the prior,
so the default is measured without one, and once more as it is. Fields are compared with the truth
as standardised anomalies, and the scores are means over channels.

* ``engine_speedup``, ``engine_local_speedup``: seconds of the processor for the same members;
* ``engine_crps``, ``engine_local_crps``: the continuous ranked probability score (fair);
* ``engine_spread_skill``, ``engine_local_spread_skill``: how far the spread-skill ratio is from 1.

Usage: python -m bench.engine [RESULTS [WINDOW]]
"""

__all__ = ["measure_engine"]

import sys
import time

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import yaml

from galerne.arrays import stack_channels
from galerne.assimilate.posterior import Observations, draw_posterior_windows, usable
from galerne.evaluate.scores import field_statistics, metrics
from galerne.grid.areas import cell_areas
from galerne.latent.autoencoder import Autoencoder
from galerne.nn.checkpoint import load_module
from galerne.observe.table import read_observations
from galerne.observe.window import window_times
from galerne.prior.checkpoint import open_prior
from galerne.products import open_product
from galerne.stats.transform import Transform

from .comparison import Comparison, processor

DEFAULT = Path(__file__).parents[1] / "config" / "default.yaml"
MEMBERS = 8


def measure_engine(results: Path, window: str | None = None) -> Iterator[Comparison]:
    """Measures speed, CRPS and calibration of the engine.

    Arguments:
        results: The results of a run of ``config/default.yaml``.
        window: The window; the first of the configuration if ``None``.

    Raises:
        FileNotFoundError: If a product of that run is missing.
    """
    config = yaml.safe_load(DEFAULT.read_text())
    (experiment,) = config["experiments"].values()
    methods, step = config["methods"], config["datasets"][experiment["dataset"]]["step_hours"]
    prior = config["priors"][experiment["prior"]]
    data = results / experiment["dataset"]
    if window is None:
        start = np.datetime_as_string(np.datetime64(experiment["windows"][0]), unit="h")
        window = f"{start.replace('-', '')}_{experiment['window_hours']}h"
    latent = data / experiment["autoencoder"]
    climatologies = sorted(data.glob("stats/*/climatology/manifest.json"))
    if not climatologies:
        raise FileNotFoundError(f"{data} holds no climatology: run the default configuration")
    transform = Transform.open(climatologies[0])
    models = (
        open_prior(
            latent / experiment["prior"] / "gaussian.json",
            latent / experiment["prior"] / "model.json",
            sigma_min=prior["sigma_min"],
            sigma_max=prior["sigma_max"],
        ),
        load_module(Autoencoder, latent / "model.json"),
        transform,
    )
    times = window_times(window, step)
    network = data / "networks" / experiment["networks"][0] / window
    observations = usable(read_observations(network / "observations.parquet"), times, times[-1])
    fields = open_product(data / "grid" / "test" / "manifest.json").sel(time=times)
    truth = transform.forward(stack_channels(fields, transform.channels), times)
    theirs = _judge(models, observations, truth, methods["mmps_published"])
    whole, device = methods[experiment["methods"][0]], processor()
    for name, method in (("engine", whole | {"local": None}), ("engine_local", whole)):
        ours = _judge(models, observations, truth, method)
        yield Comparison(f"{name}_speedup", 1 / ours[0], 1 / theirs[0], "draws/s", device)
        yield Comparison(f"{name}_crps", ours[1], theirs[1], "1", device)
        miss = [abs(one[2] - 1) for one in (ours, theirs)]
        yield Comparison(f"{name}_spread_skill", miss[0], miss[1], "1", device)


def _judge(
    models: tuple, observations: Observations, truth: np.ndarray, method: dict[str, object]
) -> tuple[float, float, float]:
    """Seconds of the processor, CRPS and spread-skill ratio of one way."""
    transform, threads = models[2], torch.get_num_threads()
    torch.set_num_threads(1)
    begun = time.process_time()
    try:
        drawn = draw_posterior_windows(
            *models, observations, members=range(MEMBERS), seed=0, **method
        )
    finally:
        torch.set_num_threads(threads)
    seconds = time.process_time() - begun
    anomalies = transform.forward(drawn, observations.times)
    area = cell_areas(transform.latitude)[:, None] * np.ones(anomalies.shape[-1])
    weights, shape = area.reshape(1, -1) / area.sum(), (MEMBERS, len(truth), truth.shape[1], -1)
    members, truths = anomalies.reshape(shape), truth.reshape(shape[1:])
    scores = []
    for c in range(truth.shape[1]):
        states = [
            field_statistics(x, y, np.zeros_like(y), weights, crps="fair").values
            for x, y in zip(members[:, :, c].swapaxes(0, 1), truths[:, c], strict=True)
        ]
        pooled = {name: float(np.mean([one[name] for one in states])) for name in states[0]}
        scores.append(metrics(pooled | {"brier": np.nan}, MEMBERS))
    return seconds, *(float(np.mean([score[key] for score in scores])) for key in ("crps", "ssr"))


if __name__ == "__main__":
    if len(sys.argv) > 3:
        sys.exit("usage: python -m bench.engine [RESULTS [WINDOW]]")
    for comparison in measure_engine(Path(*sys.argv[1:2] or ["results"]), *sys.argv[2:]):
        print(comparison, flush=True)
