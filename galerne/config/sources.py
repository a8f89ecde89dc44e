"""Where the states of a dataset come from: simulated, read from files, or downloaded.

What an archive does not hold is refused here, before anything runs: an unknown store, levels,
a step or dates that it does not have.
"""

__all__ = [
    "Archive",
    "ArcoEra5",
    "Copernicus",
    "NatureRun",
    "Source",
    "Transfer",
    "WeatherBench2",
    "check_source",
]

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..archives import Store, known_store
from .paths import Endpoint, SourcePath
from .strict import Strict


class NatureRun(Strict):
    """A simulated atmosphere (SPEEDY physics, spectral core), in ERA5's layout."""

    kind: Literal["nature_run"]
    truncation: Literal[21, 31, 42] = Field(description="Spectral truncation (triangular).")
    time_step_minutes: int = Field(ge=5, le=60, description="Time step of the model.")
    spinup_days: int = Field(ge=0, le=720, description="Days dropped after a start from rest.")


class Archive(Strict):
    """Files in ERA5's layout, or a remote Zarr store, which is downloaded first."""

    kind: Literal["archive"]
    path: SourcePath = Field(
        description="Zarr, netCDF or GRIB, relative to data_root; or the URL of a Zarr store."
    )

    @property
    def remote(self) -> bool:
        """Whether it is downloaded."""
        return "://" in self.path


def _of(kind: str) -> AfterValidator:
    return AfterValidator(lambda name: known_store(kind, name) and name)


class WeatherBench2(Strict):
    """ERA5 from WeatherBench 2's public bucket."""

    kind: Literal["weatherbench2"]
    store: Annotated[str, _of("weatherbench2")] = Field(description="One of its stores.")
    endpoint: Endpoint | None = Field(description="Of a mirror; null: Google Cloud storage.")


class ArcoEra5(Strict):
    """ERA5 from ARCO-ERA5's public bucket."""

    kind: Literal["arco_era5"]
    store: Annotated[str, _of("arco_era5")] = Field(description="One of its stores.")
    endpoint: Endpoint | None = Field(description="Of a mirror; null: Google Cloud storage.")


class Copernicus(Strict):
    """ERA5 from the Copernicus climate data store; its key stands in ~/.cdsapirc."""

    kind: Literal["cds"]
    data_format: Literal["grib", "netcdf"] = Field(description="Format of the files.")
    grid_degrees: Annotated[float, Field(ge=0.25, le=30)] = Field(
        description="Spacing of the grid that the store interpolates to; 0.25 is ERA5's own."
    )
    endpoint: Endpoint | None = Field(description="Of another store; null: as ~/.cdsapirc says.")


Source = Annotated[
    NatureRun | Archive | WeatherBench2 | ArcoEra5 | Copernicus, Field(discriminator="kind")
]
FIRST_OF_CDS = datetime(1940, 1, 1)


class Transfer(Strict):
    """How remote stores are read; none of it changes what is read."""

    connections: int = Field(ge=1, le=256, description="Objects that a job reads at a time.")
    stall_seconds: float = Field(gt=0, le=3600, description="Longest silence of a connection.")
    patience_seconds: float = Field(
        gt=0, le=86_400, description="Longest time that one object is tried for."
    )


def check_source(
    source: Source,
    variables: Sequence[str],
    levels: Sequence[int],
    step_hours: int,
    ends: Mapping[str, tuple[datetime, datetime]],
) -> None:
    """Refuses what an archive is known not to hold.

    Arguments:
        source: The source.
        variables: Names of variables.
        levels: Pressure levels [hPa].
        step_hours: The time between states [h].
        ends: The first and last time of each period.

    Raises:
        ValueError: Naming the level, the step, the variable or the period, and what is held.
    """
    if isinstance(source, Copernicus):
        if "total_precipitation_6hr" in variables:
            raise ValueError(
                "the climate data store has no total_precipitation_6hr, only sums over one hour; "
                "WeatherBench 2 and ARCO-ERA5 have it"
            )
        _check_ends(ends, FIRST_OF_CDS, None, "the climate data store")
    if isinstance(source, WeatherBench2 | ArcoEra5):
        _check_store(
            known_store(source.kind, source.store), source.store, levels, step_hours, ends
        )


def _check_store(
    store: Store,
    name: str,
    levels: Sequence[int],
    step_hours: int,
    ends: Mapping[str, tuple[datetime, datetime]],
) -> None:
    lacking = [level for level in levels if level not in store.levels]
    if lacking:
        raise ValueError(
            f"store {name!r} has no level {lacking[0]} hPa; it holds: "
            f"{', '.join(map(str, store.levels))}"
        )
    if step_hours % store.step_hours:
        raise ValueError(
            f"step_hours: {step_hours} is no multiple of the {store.step_hours} h between the "
            f"states of store {name!r}"
        )
    for period, (start, _) in ends.items():
        if start.hour % store.step_hours or start.minute or start.second:
            raise ValueError(
                f"period {period!r} starts at {start:%H:%M}, which is none of the hours of store "
                f"{name!r}: every {store.step_hours} h from 00:00"
            )
    _check_ends(ends, store.first, store.last, f"store {name!r}")


def _check_ends(
    ends: Mapping[str, tuple[datetime, datetime]],
    first: datetime,
    last: datetime | None,
    holder: str,
) -> None:
    for period, (start, end) in ends.items():
        if start < first or (last and end > last):
            raise ValueError(
                f"period {period!r} leaves {holder}, which holds {first:%Y-%m-%dT%H} to "
                f"{f'{last:%Y-%m-%dT%H}' if last else 'the present'}"
            )
