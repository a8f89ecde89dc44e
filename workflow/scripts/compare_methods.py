"""Compare methods with all others, and variants of networks with what they are variants of."""

import logging

from pathlib import Path

import pandas as pd

from galerne.evaluate.comparisons import Inference, compare, estimate
from galerne.evaluate.tables import read_table, write_scores
from galerne.evaluate.variants import compare_variants, groups
from galerne.jobs.job import Job
from galerne.observe.noise import generator

log = logging.getLogger(__name__)


def compare_methods(
    paths_statistics: list[Path],
    path_comparisons: Path,
    path_intervals: Path,
    path_variants: Path,
    *,
    choices: list[dict[str, str]],
    judged: list[str],
    classical: list[str],
    variants: dict[str, str],
    inference: dict,
    seed: int,
) -> None:
    """Take the methods of one task on one network at a time; the draws are the same for all."""
    how, compared, estimated = Inference(**inference), [], []
    for names, paths in groups(choices, paths_statistics, by="method"):
        tables = {method: read_table(path) for method, path in paths.items()}
        rows = compare(
            tables,
            judged=[name for name in judged if name in tables],
            classical=[name for name in classical if name in tables],
            common="climatology",
            inference=how,
            rng=generator(seed, *names.values()),
        )
        compared.append(rows.assign(**names)[[*names, *rows.columns]])
        rows = estimate(tables, inference=how, rng=generator(seed, *names.values()))
        estimated.append(rows.assign(**names)[[*names, *rows.columns]])
        log.info("%s: %d methods, %d rows", names, len(tables), len(compared[-1]))
    write_scores(pd.concat(compared, ignore_index=True), path_comparisons)
    write_scores(pd.concat(estimated, ignore_index=True), path_intervals)
    write_scores(compare_variants(choices, paths_statistics, variants, how, seed), path_variants)


if __name__ == "__main__":
    Job(snakemake).run(
        compare_methods,
        paths_statistics=[Path(path) for path in snakemake.input.statistics],
        path_comparisons=Path(snakemake.output.comparisons),
        path_intervals=Path(snakemake.output.intervals),
        path_variants=Path(snakemake.output.variants),
        choices=snakemake.params.choices,
        judged=snakemake.params.judged,
        classical=snakemake.params.classical,
        variants=snakemake.params.variants,
        inference=snakemake.params.inference,
        seed=snakemake.params.seed,
    )
