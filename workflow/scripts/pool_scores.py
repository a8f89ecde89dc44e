"""Gather the scores of every choice in one table."""

import logging

from pathlib import Path

import pandas as pd

from galerne.evaluate.pooling import sort_scores
from galerne.evaluate.tables import read_scores, write_scores
from galerne.jobs.job import Job

log = logging.getLogger(__name__)


def pool_scores(paths_scores: list[Path], path_scores: Path) -> None:
    """Concatenate and sort; the order of the inputs does not matter."""
    tables = [read_scores(path) for path in paths_scores]
    scores = sort_scores(pd.concat(tables, ignore_index=True))
    log.info("%d scores of %d choices", len(scores), len(tables))
    write_scores(scores, path_scores)


if __name__ == "__main__":
    Job(snakemake).run(
        pool_scores,
        paths_scores=[Path(path) for path in snakemake.input.scores],
        path_scores=Path(snakemake.output.scores),
    )
