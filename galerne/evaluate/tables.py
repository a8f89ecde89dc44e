"""Tables of scores on disk, which say what they are.

A table of statistics is Parquet, a table for people and other tools CSV. Both carry the version of
their meaning: columns, names of metrics, units. One of another version is refused, not guessed at.
"""

__all__ = ["VERSION", "read_scores", "read_table", "write_scores", "write_table"]

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..products import replacing

# 1: five metrics of the globe. 2: a column `version`; anomaly correlation, coverage, energy and
# Brier scores.
VERSION = 2
KEY = b"galerne_scores"


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Writes a table of statistics to Parquet; the same rows are the same bytes."""
    bare = pa.Table.from_pandas(table, preserve_index=False, nthreads=1)
    with replacing(path) as part:
        pq.write_table(
            bare.replace_schema_metadata({KEY: str(VERSION).encode()}),
            part,
            compression="zstd",
            row_group_size=1_000_000,
        )


def read_table(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Reads a table of statistics.

    Arguments:
        path: Where it lies.
        columns: The columns wanted; nothing: all.

    Raises:
        ValueError: If the file is no table of this version.
    """
    try:
        found = pq.read_schema(path).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} is no readable table: {error}") from None
    _check_version(path, (found.get(KEY) or b"none").decode())
    table = pq.read_table(path, columns=None if columns is None else list(columns))
    return table.replace_schema_metadata(None).to_pandas()


def write_scores(table: pd.DataFrame, path: Path) -> None:
    """Writes a table to CSV, with the version in its last column."""
    with replacing(path) as part:
        table.assign(version=VERSION).to_csv(part, index=False)


def read_scores(path: Path) -> pd.DataFrame:
    """Reads a table that :func:`write_scores` wrote, without the version.

    Raises:
        ValueError: If it is of another version.
    """
    table = pd.read_csv(path, dtype={"level": "Int64"})
    versions = table["version"].unique() if "version" in table else ["none"]
    for found in versions:
        _check_version(path, str(found))
    return table.drop(columns="version")


def _check_version(path: Path, found: str) -> None:
    if found != str(VERSION):
        raise ValueError(
            f"{path} is a table of scores of version {found}, and this galerne reads version "
            f"{VERSION}: delete it and run again"
        )
