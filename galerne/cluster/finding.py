"""What a check found: one line, and what to do about it."""

__all__ = ["Finding", "missing", "ok", "warning"]

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Arguments:
        level: ``ok``; ``warning``, if a run can do without; ``missing``, if it cannot.
        what: What was found.
        advice: What to do about it.
    """

    level: Literal["ok", "warning", "missing"]
    what: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.level:<8} {self.what}" + (f" -> {self.advice}" if self.advice else "")


def ok(what: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", what)


def warning(what: str, advice: str) -> Finding:
    """A run will start, but not at its best."""
    return Finding("warning", what, advice)


def missing(what: str, advice: str) -> Finding:
    """A run would fail."""
    return Finding("missing", what, advice)
