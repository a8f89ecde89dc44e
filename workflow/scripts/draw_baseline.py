"""Draw members of a baseline for a task, from the same observations as a posterior."""

from functools import partial
from pathlib import Path

import torch

from galerne.assimilate.ensemble import label_members
from galerne.baselines.methods import Materials, draw_asked, draw_persisted, labelled
from galerne.baselines.tuning import read_chosen
from galerne.jobs.job import Job
from galerne.observe.operator import check_observed
from galerne.observe.table import read_observations
from galerne.observe.task import cutoffs
from galerne.observe.window import window_times
from galerne.products import write_product


def draw_baseline(
    path_observations: Path,
    path_climatology: Path,
    paths_tuning: list[Path],
    paths_covariance: list[Path],
    paths_training: list[Path],
    path_ensemble: Path,
    *,
    window: str,
    members: list[int],
    baseline: dict[str, object],
    task: dict[str, object],
    step_hours: int,
    seed: int,
    threads: int,
) -> None:
    """Analyse the observations up to each cutoff, and write the states asked for [unit]."""
    torch.set_num_threads(threads)
    materials = Materials.open(path_climatology, paths_covariance, paths_training)
    transform, times = materials.transform, window_times(window, step_hours)
    table = read_observations(path_observations)
    check_observed(table, times, transform.channels, path_observations)
    kind, chosen = read_chosen(baseline, paths_tuning)
    analysis = materials.analysis(kind, chosen)
    asked = cutoffs(task["kind"], times, task.get("now_hours", ()))
    given = {"members": members, "seed": seed}
    draw = partial(draw_asked, analysis, transform, table, times, **given)
    drawn = draw_persisted(asked, draw) if baseline["persists"] else draw(asked)
    ensemble = label_members(drawn, members[: len(drawn)], asked, transform)
    write_product(labelled(ensemble, kind, chosen, baseline["persists"]), path_ensemble)


if __name__ == "__main__":
    Job(snakemake).run(
        draw_baseline,
        path_observations=Path(snakemake.input.observations),
        path_climatology=Path(snakemake.input.climatology),
        paths_tuning=[Path(path) for path in snakemake.input.tuning],
        paths_covariance=[Path(path) for path in snakemake.input.covariance],
        paths_training=[Path(path) for path in snakemake.input.training],
        path_ensemble=Path(snakemake.output.ensemble),
        window=snakemake.wildcards.window,
        members=snakemake.params.members,
        baseline=snakemake.params.baseline,
        task=snakemake.params.task,
        step_hours=snakemake.params.step_hours,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
    )
