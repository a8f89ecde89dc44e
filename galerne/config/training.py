"""What models learn from, and the question that is asked before they learn anew.

A finished model notes the training and validation periods it was trained on. Where the
configuration asks for others, training anew would cost the most and replace what is good, so
it is asked for by a switch (``retrain``). Until then the dataset waits: the new periods and
the statistics with them are computed, beside what there is, and its models, ensembles and the
report stay as they are. Statistics are filed under the record that they describe, so taking
the periods back finds everything in place.

Depends on: nothing but the configuration.
"""

__all__ = ["Question", "Waiting", "ask", "learning_periods", "record_name"]

import json

from dataclasses import dataclass
from pathlib import Path

from ..provenance import settings_digest
from .blocks import Dataset
from .choices import Choices

Periods = dict[str, dict[str, str]]


def learning_periods(dataset: Dataset) -> Periods:
    """Returns role, start and end of each training and validation period, sorted by name."""
    found = {name: period.model_dump(mode="json") for name, period in dataset.periods.items()}
    return {name: found[name] for name in sorted(found) if found[name]["role"] != "test"}


def record_name(dataset: Dataset) -> str:
    """Names the record that statistics are pooled over, by its ends and a digest of its periods.

    Example:
        ``20010101-20021231_3f2a91``: the training periods lie in these two years.
    """
    periods = {n: p for n, p in learning_periods(dataset).items() if p["role"] == "train"}
    first = min(period["start"] for period in periods.values())
    last = max(period["end"] for period in periods.values())
    return "-".join(t[:10].replace("-", "") for t in (first, last)) + (
        f"_{settings_digest(periods)[:6]}"
    )


@dataclass(frozen=True)
class Waiting:
    """A finished model that was trained on other periods than the configuration asks for.

    Arguments:
        dataset: The name of its dataset.
        path: Its manifest.
        noted: The periods it was trained on.
        asked: The periods that are asked for.
    """

    dataset: str
    path: Path
    noted: Periods
    asked: Periods

    @property
    def moved(self) -> list[str]:
        """Periods that kept their name and have other dates: their data would be replaced."""
        return [
            name
            for name in sorted(self.noted.keys() & self.asked.keys())
            if _dates(self.noted[name]) != _dates(self.asked[name])
        ]

    def __str__(self) -> str:
        parts = []
        for name in sorted(self.noted.keys() | self.asked.keys()):
            old, new = self.noted.get(name), self.asked.get(name)
            if old is None:
                parts.append(f"{name} added ({_text(new)})")
            elif new is None:
                parts.append(f"{name} removed ({_text(old)})")
            elif old != new:
                parts.append(f"{name} changed ({_text(old)}; now {_text(new)})")
        return f"{self.path}: {'; '.join(parts)}"


@dataclass(frozen=True)
class Question:
    """What is asked before models are trained anew; false where nothing is.

    Arguments:
        waiting: The models that wait for the answer.
    """

    waiting: tuple[Waiting, ...]

    def __bool__(self) -> bool:
        return bool(self.waiting)

    @property
    def datasets(self) -> list[str]:
        """Datasets that wait: all that is made of them but the new periods and statistics."""
        return sorted({model.dataset for model in self.waiting})

    @property
    def stuck(self) -> list[str]:
        """Datasets whose data on disk would be replaced, so that nothing is made of them."""
        return sorted({model.dataset for model in self.waiting if model.moved})

    def concerns(self, path: Path) -> bool:
        """Whether the model with this manifest waits."""
        return any(model.path == path for model in self.waiting)

    def __str__(self) -> str:
        lines = [
            "finished models were trained on other periods than the configuration asks for:",
            *(f"  {model}" for model in self.waiting),
            "They stay as they are, and so do the ensembles and the report made from them.",
        ]
        if free := [name for name in self.datasets if name not in self.stuck]:
            lines.append(f"Made now of {', '.join(free)}: the new periods, and the statistics.")
        if self.stuck:
            lines.append(
                f"Made now of {', '.join(self.stuck)}: nothing, since other dates under an old "
                "name would replace its data. A new name for them would keep both."
            )
        return "\n".join(
            [
                *lines,
                "To train anew, and redo what follows from it: --config retrain=true "
                "(and -n, to see the jobs first).",
                "To keep the models: take the old periods back; they are all in place.",
            ]
        )


def ask(choices: Choices) -> Question:
    """Finds the finished models that note other periods than the configuration's.

    Arguments:
        choices: What the configuration asks for; with ``retrain`` no model waits.
    """
    config, found = choices.config, []
    for names in choices.models() if not config.retrain else ():
        path = Path(config.results, *names, "model.json")
        noted, asked = _noted(path), learning_periods(config.datasets[names[0]])
        if noted is not None and noted != asked:
            found.append(Waiting(names[0], path, noted, asked))
    return Question(tuple(found))


def _noted(path: Path) -> Periods | None:
    try:
        return json.loads(path.read_text())["notes"].get("periods")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # not finished, or no model that can be read


def _dates(period: dict[str, str]) -> tuple[str, str]:
    return period["start"], period["end"]


def _text(period: dict[str, str]) -> str:
    return "{role}, {start} to {end}".format(**period).replace(":00:00", ":00")
