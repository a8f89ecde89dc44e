"""The base of every block: unknown keys are refused, values do not change."""

__all__ = ["Strict"]

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
