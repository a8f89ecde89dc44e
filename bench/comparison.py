"""One comparison: a figure of ours, the same of others, their ratio, and where it was taken."""

__all__ = ["Comparison", "processor"]

import os
import platform

from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Comparison:
    """A figure of ours beside the same figure of another implementation.

    Arguments:
        name: What was measured.
        ours: Our figure [unit].
        theirs: The other figure [unit], or ``None`` where there is none to compare with.
        unit: The unit of both.
        device: Where both were measured.

    Example:
        >>> print(Comparison("regridding a year", 2.0, 5.0, "s", "1 x CPU"))
        regridding a year: ours 2 s, theirs 5 s, ratio 0.4, on 1 x CPU
    """

    name: str
    ours: float
    theirs: float | None
    unit: str
    device: str

    @property
    def ratio(self) -> float | None:
        """Ours divided by theirs."""
        return None if self.theirs is None else self.ours / self.theirs

    def row(self) -> dict[str, str | float | None]:
        """The comparison as a row of ``bench.json``."""
        keys = ("name", "ours", "theirs", "ratio", "unit", "device")
        values = asdict(self) | {"ratio": self.ratio}
        return {key: values[key] for key in keys}

    def __str__(self) -> str:
        theirs = "-" if self.theirs is None else f"{self.theirs:.4g} {self.unit}"
        ratio = "-" if self.ratio is None else f"{self.ratio:.3g}"
        return (
            f"{self.name}: ours {self.ours:.4g} {self.unit}, theirs {theirs}, "
            f"ratio {ratio}, on {self.device}"
        )


def processor() -> str:
    """The cores and the model of this machine's processor."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{os.cpu_count()} x {name}"
