"""Draw members of the posterior for a task."""

import shutil

from pathlib import Path

import torch

from galerne.assimilate.ensemble import label_members
from galerne.assimilate.posterior import draw_states, unobserved
from galerne.jobs.job import Job
from galerne.jobs.memory import free_bytes
from galerne.jobs.progress import Progress
from galerne.nn.parallel import best_device, joined
from galerne.observe.legs import plan_task
from galerne.observe.operator import check_observed
from galerne.observe.table import read_observations
from galerne.observe.window import window_times
from galerne.prior.checkpoint import open_models
from galerne.prior.ensemble import write_ensemble
from galerne.stats.transform import Transform


def draw_posterior(
    path_observations: Path,
    path_climatology: Path,
    path_autoencoder: Path,
    path_gaussian: Path,
    path_model: Path,
    path_ensemble: Path,
    path_checkpoints: Path,
    *,
    window: str,
    members: list[int],
    step_hours: int,
    sigmas: dict[str, object],
    method: dict[str, object],
    task: dict[str, object],
    seed: int,
    threads: int,
    overlap: int | None = None,
    memory_mb: int | None = None,
) -> None:
    """Condition on the observations up to each cutoff, and write the states asked for [unit]."""
    read = (path_observations, path_climatology, path_autoencoder, path_gaussian, path_model)
    made_of = (window, members, step_hours, sigmas, method, task, overlap, seed, threads)
    progress = Progress.of(path_checkpoints, "draw_posterior", read, *made_of, best_device().type)
    transform = Transform.open(path_climatology)
    asked, plan = plan_task(times := window_times(window, step_hours), step_hours, **task)
    table = read_observations(path_observations)
    check_observed(table, times, transform.channels, path_observations)
    torch.set_num_threads(threads)
    with joined() as team:
        drawn = draw_states(
            *open_models(path_autoencoder, path_gaussian, path_model, team.device, **sigmas),
            transform, table, times, plan, progress=progress, members=members, seed=seed,
            overlap=overlap, error=(task.get("carry") or {}).get("error"), team=team,
            free_bytes=free_bytes(team.device, memory_mb), **method,
        )  # fmt: skip
    if team.is_main:
        labelled = (drawn.lazy(), members, asked, transform, unobserved(table, times, plan))
        write_ensemble(label_members(*labelled), path_ensemble)
        shutil.rmtree(path_checkpoints, ignore_errors=True)


if __name__ == "__main__":
    Job(snakemake).run(
        draw_posterior,
        path_observations=Path(snakemake.input.observations),
        path_climatology=Path(snakemake.input.climatology),
        path_autoencoder=Path(snakemake.input.autoencoder),
        path_gaussian=Path(snakemake.input.gaussian),
        path_model=Path(snakemake.input.model),
        path_ensemble=Path(snakemake.output.ensemble),
        path_checkpoints=Path(snakemake.params.checkpoints),
        window=snakemake.wildcards.window,
        threads=snakemake.threads,
        memory_mb=snakemake.resources.mem_mb,
        **snakemake.params.draw,
    )
