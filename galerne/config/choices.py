"""What a configuration asks for: every combination of names, window and batch, each once.

A *choice* names dataset, autoencoder, prior, network, method and task; it is the folder that
the products of an ensemble are filed under. A campaign asks these questions once for each of
its thousands of jobs, so every answer is worked out once and kept: do not change what is
returned.
"""

__all__ = ["BASELINES", "Choices", "members_in"]

from dataclasses import dataclass
from functools import cached_property
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
        return self._asked

    def scored(self) -> list[Choice]:
        """Every choice that is scored: those asked for, and each baseline in their place."""
        asked = self.asked()
        return _once([c | {"method": m} for c in asked for m in (c["method"], *BASELINES)])

    def mapped(self) -> list[Choice]:
        """Every choice with each of its windows that the report maps."""
        return self._mapped

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
        return self._windows.get((dataset, prior, network), [])

    def mapped_windows(self, dataset: str, prior: str, network: str) -> list[str]:
        """The windows that the report maps: at most as many as it may, spread over all."""
        names, most = self.windows(dataset, prior, network), self.config.report.windows
        if len(names) <= most:
            return names
        steps = max(most - 1, 1)
        return [names[round(k * (len(names) - 1) / steps)] for k in range(most)]

    def window_period(self, dataset: str, window: str) -> str:
        """The test period that holds a window.

        Raises:
            ValueError: If none does.
        """
        for name, first, last in self._tests[dataset]:
            if first <= window[:11] <= last:
                return name
        raise ValueError(f"window {window} lies in no test period of dataset {dataset}")

    def batches(self, dataset: str, prior: str) -> list[str]:
        """Ranges of members, such as 000-007, of the largest ensemble of these choices."""
        return self._batches[dataset, prior]

    @cached_property
    def _asked(self) -> list[Choice]:
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

    @cached_property
    def _mapped(self) -> list[Choice]:
        return [
            choice | {"window": name}
            for choice in self.asked()
            for name in self.mapped_windows(*(choice[k] for k in ("dataset", "prior", "network")))
        ]

    @cached_property
    def _windows(self) -> dict[tuple[str, str, str], list[str]]:
        found: dict[tuple[str, str, str], set[str]] = {}
        for e in self.experiments:
            names = {f"{start:%Y%m%dT%H}_{e.window_hours}h" for start in e.windows}
            for network in e.networks:
                found.setdefault((e.dataset, e.prior, network), set()).update(names)
        return {key: sorted(names) for key, names in found.items()}

    @cached_property
    def _tests(self) -> dict[str, list[tuple[str, str, str]]]:
        """The test periods of every dataset: name, first and last hour."""
        return {
            dataset: [
                (name, f"{period.start:%Y%m%dT%H}", f"{period.end:%Y%m%dT%H}")
                for name, period in block.periods.items()
                if period.role == "test"
            ]
            for dataset, block in self.config.datasets.items()
        }

    @cached_property
    def _batches(self) -> dict[tuple[str, str], list[str]]:
        largest: dict[tuple[str, str], Experiment] = {}
        for e in self.experiments:
            largest[e.dataset, e.prior] = max(
                largest.get((e.dataset, e.prior), e), e, key=lambda e: e.members
            )
        return {key: _ranges(e.members, e.members_per_job) for key, e in largest.items()}


def members_in(batch: str) -> list[int]:
    """The members of a batch.

    Example:
        >>> members_in("002-004")
        [2, 3, 4]
    """
    first, last = map(int, batch.split("-"))
    return list(range(first, last + 1))


def _ranges(members: int, size: int) -> list[str]:
    firsts = range(0, members, size)
    return [f"{k:03d}-{min(k + size, members) - 1:03d}" for k in firsts]


def _once(choices: list[Choice]) -> list[Choice]:
    return [dict(items) for items in dict.fromkeys(tuple(c.items()) for c in choices)]
