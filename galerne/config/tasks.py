"""Tasks: which observations are seen, which states are asked for, and in which windows.

Defaults live in ``config/default.yaml`` alone: no model gives one.
"""

__all__ = ["Carry", "Filtering", "Forecasting", "Reanalysis", "Task"]

from typing import Annotated, Literal

from pydantic import Field

from .strict import Strict

Hours = Annotated[int, Field(ge=0)]
WindowHours = Annotated[
    int | None,
    Field(
        ge=0,
        description="From the first to the last state of the window of each analysis, and of each "
        "step of a forecast; null: all of the experiment's window at once.",
    ),
]


class Carry(Strict):
    """The last states of a member, which its next window goes on from."""

    states: int = Field(ge=1, le=127, description="How many.")
    error: float = Field(
        gt=0, le=10, description="Standard deviation of their error (latents have unit variance)."
    )


Carried = Annotated[
    Carry | None,
    Field(description="What a window takes from the one before; null: each starts anew."),
]


class Reanalysis(Strict):
    """Every state of the window, given every observation of the window."""

    kind: Literal["reanalysis"]


class Filtering(Strict):
    """The state at given times, given the observations up to each."""

    kind: Literal["filtering"]
    now_hours: list[Hours] = Field(
        min_length=1, description="Analysis times, from the window's start."
    )
    window_hours: WindowHours
    carry: Carried


class Forecasting(Strict):
    """The states after the last observation, to the end of the experiment's window."""

    kind: Literal["forecasting"]
    now_hours: list[Hours] = Field(
        min_length=1, max_length=1, description="Time of the last observation."
    )
    window_hours: WindowHours
    carry: Carried


Task = Annotated[Reanalysis | Filtering | Forecasting, Field(discriminator="kind")]
