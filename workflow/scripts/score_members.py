"""Score the ensembles of one choice over all its windows."""

import logging

from pathlib import Path

import pandas as pd

from galerne.arrays import stack_channels
from galerne.catalogue import channels
from galerne.evaluate.ensemble import read_members
from galerne.evaluate.pooling import score_table
from galerne.evaluate.verification import grid_rows, withheld_rows
from galerne.jobs.job import Job
from galerne.observe.noise import generator
from galerne.observe.table import read_observations
from galerne.observe.task import cutoffs
from galerne.observe.window import select_window, window_span
from galerne.products import open_product, replacing

log = logging.getLogger(__name__)


def score_members(
    paths_truth: list[Path],
    paths_observations: list[Path],
    paths_members: list[Path],
    path_scores: Path,
    *,
    windows: list[str],
    choice: dict[str, str],
    task: dict,
    state: dict[str, list],
    crps: str,
    seed: int,
) -> None:
    """Read one window and one cutoff at a time; pool statistics, then write scores."""
    order, tables = channels(**state), []
    for window, path_truth, path_seen in zip(
        windows, paths_truth, paths_observations, strict=True
    ):
        fields = select_window(open_product(path_truth), window)
        place = {"latitude": fields["latitude"].values, "longitude": fields["longitude"].values}
        seen = read_observations(path_seen)
        batches = [path for path in paths_members if window in path.parts]
        rng = generator(seed, "members", window)
        rows = []
        for cutoff in cutoffs(task["kind"], fields["time"].values, task.get("now_hours", ())):
            members = read_members(batches, cutoff, order)
            truth = stack_channels(fields.sel(time=list(cutoff.valid)), order)
            about = {"cutoff": cutoff, "channels": order, "crps": crps}
            rows.append(grid_rows(members, truth, latitude=place["latitude"], **about))
            rows.append(withheld_rows(members, seen, rng=rng, **place, **about))
        start = str(window_span(window)[0].astype("datetime64[m]"))
        tables.append(pd.concat([one for one in rows if len(one)]).assign(window=start))
        log.info("%s: %d members, %d cutoffs", window, len(members), len(rows) // 2)
    with replacing(path_scores) as path:
        score_table(pd.concat(tables, ignore_index=True), choice).to_csv(path, index=False)


if __name__ == "__main__":
    Job(snakemake).run(
        score_members,
        paths_truth=[Path(path) for path in snakemake.input.truth],
        paths_observations=[Path(path) for path in snakemake.input.observations],
        paths_members=[Path(path) for path in snakemake.input.members],
        path_scores=Path(snakemake.output.scores),
        windows=snakemake.params.windows,
        choice=dict(snakemake.wildcards.items()),
        task=snakemake.params.task,
        state=snakemake.params.state,
        crps=snakemake.params.crps,
        seed=snakemake.params.seed,
    )
