"""Choose the settings of a baseline on windows of the validation period."""

import json
import logging

from pathlib import Path

import torch

from galerne.arrays import stack_channels
from galerne.baselines.methods import Materials, draw_asked
from galerne.baselines.tuning import relative_crps, tune
from galerne.jobs.job import Job
from galerne.observe.table import read_observations
from galerne.observe.task import cutoffs
from galerne.observe.window import select_window, window_times
from galerne.products import open_product, replacing

log = logging.getLogger(__name__)


def tune_baseline(
    paths_truth: list[Path],
    paths_observations: list[Path],
    path_climatology: Path,
    paths_covariance: list[Path],
    paths_training: list[Path],
    path_tuning: Path,
    *,
    windows: list[str],
    members: int,
    baseline: dict[str, object],
    step_hours: int,
    seed: int,
    threads: int,
) -> None:
    """Reanalyse every window with every setting, and keep the one of least CRPS [1]."""
    torch.set_num_threads(threads)
    materials = Materials.open(path_climatology, paths_covariance, paths_training)
    transform, cases = materials.transform, []
    for window, path_truth, path_seen in zip(
        windows, paths_truth, paths_observations, strict=True
    ):
        truth = select_window(open_product(path_truth), window)
        states = stack_channels(truth, transform.channels)
        cases.append((window_times(window, step_hours), states, read_observations(path_seen)))
    settings = {key: value for key, value in baseline.items() if key != "kind"}

    def error(chosen: dict[str, object]) -> float:
        analysis, total = materials.analysis(baseline["kind"], chosen), 0.0
        for times, truth, table in cases:
            asked = cutoffs("reanalysis", times)
            given = {"members": range(members), "seed": seed}
            drawn = draw_asked(analysis, transform, table, times, asked, **given)
            total += relative_crps(drawn, truth, transform) / len(cases)
        log.info("%s: %.4f", chosen, total)
        return total

    about = {"kind": baseline["kind"], "windows": windows, "members": members}
    found = about | {"score": "fair CRPS / scale of anomalies"} | tune(settings, error)
    with replacing(path_tuning) as path:
        path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    Job(snakemake).run(
        tune_baseline,
        paths_truth=[Path(path) for path in snakemake.input.truth],
        paths_observations=[Path(path) for path in snakemake.input.observations],
        path_climatology=Path(snakemake.input.climatology),
        paths_covariance=[Path(path) for path in snakemake.input.covariance],
        paths_training=[Path(path) for path in snakemake.input.training],
        path_tuning=Path(snakemake.output.tuning),
        windows=snakemake.params.windows,
        members=snakemake.params.members,
        baseline=snakemake.params.baseline,
        step_hours=snakemake.params.step_hours,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
    )
