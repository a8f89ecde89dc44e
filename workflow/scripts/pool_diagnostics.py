"""Pool regions, ranks, events, consistency, spectra and balances of every choice."""

import logging

from pathlib import Path

import pandas as pd

from galerne.evaluate.comparisons import Inference
from galerne.evaluate.diagnostics import TABLES, Sampling, diagnostic
from galerne.evaluate.tables import read_table, write_scores
from galerne.jobs.job import Job

log = logging.getLogger(__name__)


def pool_diagnostics(
    paths_tables: dict[str, list[Path]],
    paths_pooled: dict[str, Path],
    *,
    choices: list[dict[str, str]],
    blind: list[str],
    unlike: bool,
    inference: dict,
    seed: int,
) -> None:
    """Take one kind of table at a time, and one choice of it."""
    how = Sampling(Inference(**inference), seed)
    for name, path in paths_pooled.items():
        pooled = [
            diagnostic(name, read_table(table), choice, blind=blind, unlike=unlike, sampling=how)
            for choice, table in zip(choices, paths_tables[TABLES[name]], strict=True)
        ]
        rows = pd.concat([table for table in pooled if len(table)] or pooled[:1])
        write_scores(rows, path)
        log.info("%s: %d rows", name, len(rows))


if __name__ == "__main__":
    Job(snakemake).run(
        pool_diagnostics,
        paths_tables={name: list(map(Path, snakemake.input[name])) for name in TABLES.values()},
        paths_pooled={name: Path(path) for name, path in snakemake.output.items()},
        choices=snakemake.params.choices,
        blind=snakemake.params.blind,
        unlike=snakemake.params.unlike,
        inference=snakemake.params.inference,
        seed=snakemake.params.seed,
    )
