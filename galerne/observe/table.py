"""Observations as one tidy table, one row for each.

Columns: ``time`` (UTC), ``lat`` [degrees_north], ``lon`` in [0, 360) [degrees_east],
``level`` [hPa] (NaN at the surface), ``variable``, ``observation`` and ``error``, its
standard deviation [unit of the variable], ``platform`` (the instrument), ``station`` (its
site, or its scan line) and ``withheld`` (kept for verification only).

Where heights of sites are known there are also ``elevation`` and ``model_elevation`` [m], and
observations are read as they would be at the model's ground (:mod:`galerne.observe.height`).
Where errors are correlated there are also ``block``, ``correlation_log_pressure`` and
``correlation_km`` (:mod:`galerne.observe.correlation`).

A table may come from elsewhere: what no observation can be is refused when it is read, with the
file, the row and the column.

Conventions: rows are sorted, so the same observations are the same file, byte for byte.
"""

__all__ = ["COLUMNS", "read_observations", "sort_observations", "write_observations"]

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..products import replacing
from .correlation import check_blocks
from .height import HEIGHTS, at_model_ground, possible_heights

SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("ns")),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("level", pa.float64()),
        ("variable", pa.string()),
        ("observation", pa.float64()),
        ("error", pa.float64()),
        ("platform", pa.string()),
        ("station", pa.string()),
        ("withheld", pa.bool_()),
    ]
)
COLUMNS = SCHEMA.names
# Only where heights are known, and where errors are correlated.
HIGH = [pa.field(name, pa.float64()) for name in HEIGHTS]
CORRELATED = [
    pa.field("block", pa.string()),
    pa.field("correlation_log_pressure", pa.float64()),
    pa.field("correlation_km", pa.float64()),
]
ORDER = ["time", "platform", "station", "variable", "level", "lat", "lon"]


def sort_observations(observations: pd.DataFrame) -> pd.DataFrame:
    """Sorts rows by time, place and variable, surface first."""
    return observations.sort_values(ORDER, kind="stable", na_position="first", ignore_index=True)


def write_observations(observations: pd.DataFrame, path: Path) -> None:
    """Writes a table of observations to Parquet, sorted."""
    schema = pa.schema([*SCHEMA, *_further(observations.columns)])
    table = sort_observations(observations)[schema.names]
    written = pa.Table.from_pandas(table, schema, preserve_index=False, nthreads=1)
    with replacing(path) as part:
        # Metadata of pandas would tie the bytes to its version.
        bare = written.replace_schema_metadata(None)
        pq.write_table(bare, part, compression="zstd", row_group_size=1_000_000)


def read_observations(path: Path) -> pd.DataFrame:
    """Reads a table of observations, at the model's ground where it tells heights.

    Raises:
        ValueError: If the file is no such table, by name, or a column is missing; if a value is
            not finite, an error not positive, a place not on Earth, a level not positive, or a
            height without another to compare it with.
    """
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} is no readable table: {error}") from None
    columns = [*COLUMNS, *(one.name for one in _further(table.column_names))]
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}")
    bare = table.select(columns).replace_schema_metadata(None)  # notes of others are not followed
    observations = bare.to_pandas()
    # Arrow keeps NaN and null apart; here both say that there is no level.
    if observations["withheld"].isna().any():
        raise ValueError(f"{path}: withheld must be true or false in every row")
    heights = {name: float for name in HEIGHTS if name in columns}
    types = {"time": "datetime64[ns]", "level": float, "withheld": bool} | heights
    observations = observations.astype(types)
    _check_values(observations, path)
    check_blocks(observations, path)
    return at_model_ground(observations)


def _further(columns: Iterable[str]) -> list[pa.Field]:
    """Columns that a table has for having one of them."""
    high = HIGH if set(HEIGHTS) & set(columns) else []
    return [*high, *(CORRELATED if "block" in columns else [])]


def _check_values(observations: pd.DataFrame, path: Path) -> None:
    """Refuses what no observation can be."""
    level = observations["level"]
    possible = {
        "time": (observations["time"].notna(), "a time (UTC)"),
        "lat": (observations["lat"].between(-90, 90), "within -90 to 90 degrees"),
        "lon": (np.isfinite(observations["lon"]), "finite"),
        "level": (level.isna() | (np.isfinite(level) & (level > 0)), "positive, or NaN"),
        "variable": (observations["variable"].notna(), "a name"),
        "platform": (observations["platform"].notna(), "a name"),
        "observation": (np.isfinite(observations["observation"]), "finite"),
        "error": (
            np.isfinite(observations["error"]) & (observations["error"] > 0),
            "a standard deviation: positive and finite",
        ),
    } | possible_heights(observations)
    for column, (good, allowed) in possible.items():
        if not good.all():
            first = int(np.flatnonzero(~good)[0])
            row = observations.iloc[first]
            raise ValueError(
                f"{path}: {column} of row {first} ({row['variable']} of {row['platform']} at "
                f"{row['time']}) is {row[column]}, and must be {allowed}; "
                f"{int((~good).sum())} of {len(good)} rows are at fault"
            )
