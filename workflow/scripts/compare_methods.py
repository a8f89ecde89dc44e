"""Compare methods with all others on the same windows, with intervals."""

import logging

from pathlib import Path

import pandas as pd

from galerne.evaluate.comparisons import Inference, compare, estimate
from galerne.evaluate.pooling import CHOICES
from galerne.evaluate.tables import read_table, write_scores
from galerne.jobs.job import Job
from galerne.observe.noise import generator

log = logging.getLogger(__name__)


def compare_methods(
    paths_statistics: list[Path],
    path_comparisons: Path,
    path_intervals: Path,
    *,
    choices: list[dict[str, str]],
    judged: list[str],
    classical: list[str],
    inference: dict,
    seed: int,
) -> None:
    """Take the methods of one task on one network at a time; the draws are the same for all."""
    groups: dict[tuple[str, ...], dict[str, Path]] = {}
    rest = [name for name in CHOICES if name != "method"]
    for choice, path in zip(choices, paths_statistics, strict=True):
        groups.setdefault(tuple(choice[n] for n in rest), {})[choice["method"]] = path
    how, compared, estimated = Inference(**inference), [], []
    for names, paths in groups.items():
        tables = {method: read_table(path) for method, path in paths.items()}
        about = dict(zip(rest, names, strict=True))
        rows = compare(
            tables,
            judged=[name for name in judged if name in tables],
            classical=[name for name in classical if name in tables],
            inference=how,
            rng=generator(seed, *names),
        )
        compared.append(rows.assign(**about)[[*rest, *rows.columns]])
        rows = estimate(tables, inference=how, rng=generator(seed, *names))
        estimated.append(rows.assign(**about)[[*rest, *rows.columns]])
        log.info("%s: %d methods, %d comparisons", "/".join(names), len(tables), len(compared[-1]))
    write_scores(pd.concat(compared, ignore_index=True), path_comparisons)
    write_scores(pd.concat(estimated, ignore_index=True), path_intervals)


if __name__ == "__main__":
    Job(snakemake).run(
        compare_methods,
        paths_statistics=[Path(path) for path in snakemake.input.statistics],
        path_comparisons=Path(snakemake.output.comparisons),
        path_intervals=Path(snakemake.output.intervals),
        choices=snakemake.params.choices,
        judged=snakemake.params.judged,
        classical=snakemake.params.classical,
        inference=snakemake.params.inference,
        seed=snakemake.params.seed,
    )
