"""Gather the scores of every choice in one table."""

import logging

from pathlib import Path

import pandas as pd

from galerne.evaluate.pooling import sort_scores
from galerne.jobs.job import Job
from galerne.products import replacing

log = logging.getLogger(__name__)


def pool_scores(paths_scores: list[Path], path_scores: Path) -> None:
    """Concatenate and sort; the order of the inputs does not matter."""
    tables = [pd.read_csv(path, dtype={"level": "Int64"}) for path in paths_scores]
    scores = sort_scores(pd.concat(tables, ignore_index=True))
    log.info("%d scores of %d choices", len(scores), len(tables))
    with replacing(path_scores) as path:
        scores.to_csv(path, index=False)


if __name__ == "__main__":
    Job(snakemake).run(
        pool_scores,
        paths_scores=[Path(path) for path in snakemake.input.scores],
        path_scores=Path(snakemake.output.scores),
    )
