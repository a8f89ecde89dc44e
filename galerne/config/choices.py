"""What a configuration asks for: every combination of names, window and batch, each once.

A *choice* names dataset, autoencoder, prior, network, method and task; it is the folder that
the products of an ensemble are filed under.
"""

__all__ = ["BASELINES", "Choices", "members_in"]

from dataclasses import dataclass
from itertools import product

from .blocks import Experiment
from .models import Config

BASELINES = ("climatology", "prior", "reconstruction")
Choice = dict[str, str]


@dataclass(frozen=True)
class Choices:
    """The choices of the experiments that run.

    Arguments:
        config: The whole configuration.
    """

    config: Config

    @property
    def experiments(self) -> list[Experiment]:
        """The experiments that run."""
        return [self.config.experiments[name] for name in self.config.run]

    def asked(self) -> list[Choice]:
        """Every choice, each once."""
        found = [
            {
                "dataset": e.dataset,
                "autoencoder": e.autoencoder,
                "prior": e.prior,
                "network": network,
                "method": method,
                "task": task,
            }
            for e in self.experiments
            for network, method, task in product(e.networks, e.methods, e.tasks)
        ]
        return _once(found)

    def scored(self) -> list[Choice]:
        """Every choice that is scored: those asked for, and each baseline in their place."""
        asked = self.asked()
        return _once([c | {"method": m} for c in asked for m in (c["method"], *BASELINES)])

    def mapped(self) -> list[Choice]:
        """Every choice with each of its windows: what the report maps."""
        return [
            choice | {"window": name}
            for choice in self.asked()
            for name in self.windows(choice["dataset"], choice["prior"], choice["network"])
        ]

    def models(self) -> list[tuple[str, ...]]:
        """Folders of the models, each once: dataset and autoencoder, then with the prior."""
        found = [tuple(c.values())[:depth] for depth in (2, 3) for c in self.asked()]
        return list(dict.fromkeys(found))

    def datasets(self) -> list[str]:
        """The datasets that the choices use, each once."""
        return list(dict.fromkeys(choice["dataset"] for choice in self.asked()))

    def periods(self, dataset: str, *roles: str) -> list[str]:
        """Names of the periods of a dataset with one of these roles."""
        periods = self.config.datasets[dataset].periods
        return [name for name, period in periods.items() if period.role in roles]

    def windows(self, dataset: str, prior: str, network: str) -> list[str]:
        """Windows of every experiment that makes these choices, named by start and length."""
        names = [
            f"{start:%Y%m%dT%H}_{e.window_hours}h"
            for e in self.experiments
            if e.dataset == dataset and e.prior == prior and network in e.networks
            for start in e.windows
        ]
        return sorted(set(names))

    def window_period(self, dataset: str, window: str) -> str:
        """The test period that holds a window.

        Raises:
            ValueError: If none does.
        """
        for name in self.periods(dataset, "test"):
            period = self.config.datasets[dataset].periods[name]
            if f"{period.start:%Y%m%dT%H}" <= window[:11] <= f"{period.end:%Y%m%dT%H}":
                return name
        raise ValueError(f"window {window} lies in no test period of dataset {dataset}")

    def batches(self, dataset: str, prior: str) -> list[str]:
        """Ranges of members, such as 000-007, of the largest ensemble of these choices."""
        found = [e for e in self.experiments if e.dataset == dataset and e.prior == prior]
        e = max(found, key=lambda e: e.members)
        firsts = range(0, e.members, e.members_per_job)
        return [f"{k:03d}-{min(k + e.members_per_job, e.members) - 1:03d}" for k in firsts]


def members_in(batch: str) -> list[int]:
    """The members of a batch.

    Example:
        >>> members_in("002-004")
        [2, 3, 4]
    """
    first, last = map(int, batch.split("-"))
    return list(range(first, last + 1))


def _once(choices: list[Choice]) -> list[Choice]:
    return [dict(items) for items in dict.fromkeys(tuple(c.items()) for c in choices)]
