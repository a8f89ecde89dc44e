"""How ensembles are judged."""

__all__ = ["Bootstrap", "Evaluation"]

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..catalogue import VARIABLES
from .strict import Strict

Finite = Annotated[float, Field(allow_inf_nan=False)]


def _channels(thresholds: dict[str, list[float]]) -> dict[str, list[float]]:
    """Refuses what no channel can be called."""
    for name in thresholds:
        variable, _, level = name.rpartition("_")
        on_levels = level.isdigit() and variable in VARIABLES and VARIABLES[variable].on_levels
        if not on_levels and not (name in VARIABLES and not VARIABLES[name].on_levels):
            raise ValueError(
                f"no channel {name!r}: a surface variable such as 2m_temperature, or a variable "
                "and its level, such as geopotential_500"
            )
    return thresholds


def _increasing(values: list[float]) -> list[float]:
    if any(one >= other for one, other in pairwise(values)):
        raise ValueError(f"must increase: {values}")
    return values


class Bootstrap(Strict):
    """Intervals of scores and of comparisons."""

    resamples: int = Field(ge=100, le=100_000, description="How many resamples.")
    level: float = Field(gt=0.5, lt=1, description="Probability that an interval is to have.")
    block_hours: float = Field(
        gt=0,
        le=8766,
        description="Time after which states count as independent [h]: windows that start closer "
        "together are drawn in runs of this length, longer ones are cut into pieces of it.",
    )


class Evaluation(Strict):
    """How ensembles are judged."""

    crps: Literal["fair", "ecdf"] = Field(description="Estimator of the CRPS.")
    map_members: int = Field(ge=1, le=8, description="Members kept for maps in the report.")
    missing_members: Literal["error", "skip"] = Field(
        description="What to do where drawn members are missing: refuse, or score what is there."
    )
    thresholds: Annotated[dict[str, list[Finite]], AfterValidator(_channels)] = Field(
        description="Values whose exceedance is scored as an event, by channel [its unit]; "
        "channels that a dataset does not have are left out."
    )
    distances_km: Annotated[
        list[Annotated[float, Field(gt=0, le=20_000)]], AfterValidator(_increasing)
    ] = Field(description="Where classes of the distance to the nearest observation end [km].")
    density_degrees: float = Field(
        gt=0, le=45, description="Sites closer together than this share their weight [degrees]."
    )
    bootstrap: Bootstrap
