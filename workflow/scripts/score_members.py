"""Score the ensembles of one choice over all its windows."""

import logging

from pathlib import Path

from galerne.catalogue import channels
from galerne.evaluate.ensemble import Ensemble
from galerne.evaluate.gathering import Gathering
from galerne.evaluate.physics import examine
from galerne.evaluate.pooling import score_table
from galerne.evaluate.tables import write_scores, write_table
from galerne.evaluate.verification import Standard, verify
from galerne.jobs.job import Job
from galerne.observe.noise import generator
from galerne.observe.table import read_observations
from galerne.observe.task import cutoffs
from galerne.observe.window import select_window, window_span
from galerne.products import open_product

log = logging.getLogger(__name__)


def score_members(
    paths_truth: list[Path],
    paths_climatology: list[Path],
    paths_observations: list[Path],
    paths_members: list[Path],
    paths_tables: dict[str, Path],
    *,
    windows: list[str],
    choice: dict[str, str],
    task: dict,
    state: dict[str, list],
    judged: dict,
    seed: int,
) -> None:
    """Go through one window and one cutoff at a time; write statistics, and scores of them."""
    found, skip = Gathering(), judged["missing_members"] == "skip"
    for window, path_truth, path_normal, path_seen in zip(
        windows, paths_truth, paths_climatology, paths_observations, strict=True
    ):
        fields = select_window(open_product(path_truth), window)
        standard = Standard.of(fields, channels(**state), judged)
        grid = {"latitude": standard.latitude, "longitude": standard.longitude}
        batches = [path for path in paths_members if window in path.parts]
        if skip and not batches:
            log.warning("%s: no member is there: it is left out", window)
            continue
        ensemble = Ensemble.open(batches, **grid, skip_missing=skip)
        normal, seen = Ensemble.open([path_normal], **grid), read_observations(path_seen)
        rng, start = generator(seed, "members", window), str(window_span(window)[0])[:16]
        for cutoff in cutoffs(task["kind"], fields["time"].values, task.get("now_hours", ())):
            found.add(start, verify(ensemble, normal, fields, seen, cutoff, standard, rng))
            found.add(start, examine(ensemble, fields, cutoff, standard.channels))
        log.info("%s: %d members", window, ensemble.size)
    tables = found.tables()
    for name, table in tables.items():
        write_table(table, paths_tables[name])
    write_scores(score_table(tables["statistics"], choice, unlike=skip), paths_tables["scores"])


if __name__ == "__main__":
    Job(snakemake).run(
        score_members,
        paths_truth=[Path(path) for path in snakemake.input.truth],
        paths_climatology=[Path(path) for path in snakemake.input.climatology],
        paths_observations=[Path(path) for path in snakemake.input.observations],
        paths_members=[Path(path) for path in snakemake.input.members],
        paths_tables={name: Path(path) for name, path in snakemake.output.items()},
        windows=snakemake.params.windows,
        choice=dict(snakemake.wildcards.items()),
        task=snakemake.params.task,
        state=snakemake.params.state,
        judged=snakemake.params.judged,
        seed=snakemake.params.seed,
    )
