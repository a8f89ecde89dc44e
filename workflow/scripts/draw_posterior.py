"""Draw members of the posterior for a task."""

import logging

from pathlib import Path

import numpy as np
import torch

from galerne.assimilate.ensemble import label_members
from galerne.assimilate.posterior import draw_posterior_windows, usable
from galerne.jobs.job import Job
from galerne.latent.autoencoder import Autoencoder
from galerne.nn.checkpoint import load_module
from galerne.observe.table import read_observations
from galerne.observe.task import cutoffs
from galerne.observe.window import window_times
from galerne.prior.checkpoint import open_prior
from galerne.products import write_product
from galerne.stats.transform import Transform

log = logging.getLogger(__name__)


def draw_posterior(
    path_observations: Path,
    path_climatology: Path,
    path_autoencoder: Path,
    path_gaussian: Path,
    path_model: Path,
    path_ensemble: Path,
    *,
    window: str,
    members: list[int],
    step_hours: int,
    sigmas: dict[str, float],
    method: dict[str, object],
    task: dict[str, object],
    seed: int,
    threads: int,
) -> None:
    """Condition on the observations up to each cutoff, and write the states asked for [unit]."""
    torch.set_num_threads(threads)
    transform = Transform.open(path_climatology)
    autoencoder = load_module(Autoencoder, path_autoencoder)
    prior = open_prior(path_gaussian, path_model, **sigmas)
    table = read_observations(path_observations)
    times = window_times(window, step_hours)
    settings = {key: value for key, value in method.items() if key != "guidance"}

    parts, asked = [], cutoffs(task["kind"], times, task.get("now_hours", ()))
    for cutoff in asked:
        observations = usable(table, times, cutoff.last_observation)
        log.info("%d observations up to %s", len(observations.table), cutoff.last_observation)
        drawn = draw_posterior_windows(
            prior, autoencoder, transform, observations, members=members, seed=seed, **settings
        )
        parts.append(drawn[:, np.isin(times, cutoff.valid)])
    dataset = label_members(np.concatenate(parts, axis=1), members, asked, transform)
    write_product(dataset, path_ensemble)


if __name__ == "__main__":
    Job(snakemake).run(
        draw_posterior,
        path_observations=Path(snakemake.input.observations),
        path_climatology=Path(snakemake.input.climatology),
        path_autoencoder=Path(snakemake.input.autoencoder),
        path_gaussian=Path(snakemake.input.gaussian),
        path_model=Path(snakemake.input.model),
        path_ensemble=Path(snakemake.output.ensemble),
        window=snakemake.wildcards.window,
        threads=snakemake.threads,
        **snakemake.params.draw,
    )
