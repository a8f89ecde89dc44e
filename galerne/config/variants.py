"""Variants of observing networks: the same observations, fewer of them or with faults.

Depends on: pydantic only.
"""

__all__ = ["Variant"]

from typing import Annotated, Literal

from pydantic import Field

from .paths import Name
from .strict import Strict

Positive = Annotated[float, Field(gt=0)]
Of = Annotated[Name, Field(description="The network that it is a variant of.")]


class Denied(Strict):
    """Without some instruments."""

    of: Of
    change: Literal["deny"]
    instruments: list[Name] = Field(min_length=1, description="Instruments that are left out.")


class Thinned(Strict):
    """With fewer sites, or scan lines."""

    of: Of
    change: Literal["thin"]
    instruments: dict[Name, Annotated[float, Field(gt=0, le=1)]] = Field(
        description="Share that is kept of each instrument; less is part of more."
    )


class Misstated(Strict):
    """With errors that are stated wrong."""

    of: Of
    change: Literal["misstate"]
    instruments: dict[Name, Positive] = Field(
        description="The stated by the true error of each instrument."
    )


class Biased(Strict):
    """With biases that nobody is told of."""

    of: Of
    change: Literal["bias"]
    instruments: dict[Name, dict[str, float]] = Field(
        description="What is added to variables of each instrument [unit of the variable]."
    )


class Gross(Strict):
    """With errors of a few observations far beyond what is stated."""

    of: Of
    change: Literal["gross_errors"]
    instruments: dict[Name, Annotated[float, Field(gt=0, le=1)]] = Field(
        description="Share of the observations of each instrument that have one."
    )
    factor: Positive = Field(description="Their size, in stated errors.")


Variant = Annotated[Denied | Thinned | Misstated | Biased | Gross, Field(discriminator="change")]
