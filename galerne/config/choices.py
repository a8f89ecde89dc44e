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

from .baselines import check_tuning
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
        return self._scored

    def mapped(self) -> list[Choice]:
        """Every choice with each of its windows that the report maps, then those of baselines."""
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
        """The period that holds a window: of the test, or of validation where one is tuned on.

        Raises:
            ValueError: If none does.
        """
        for name, first, last in self._tests[dataset]:
            if first <= window[:11] <= last:
                return name
        if window in self.tuning_windows(dataset):
            for name, first, last in self._spans(dataset, "validation"):
                if first <= window[:11] <= last:
                    return name
        raise ValueError(f"window {window} lies in no test period of dataset {dataset}")

    def tuning_windows(self, dataset: str) -> list[str]:
        """The windows that baselines are tuned on, in the validation periods."""
        if dataset not in self._tuning:
            tuning = self.config.tuning
            starts = check_tuning(tuning, dataset, self.config.datasets[dataset])
            names = [f"{start:%Y%m%dT%H}_{tuning.window_hours}h" for start in starts]
            self._tuning[dataset] = names
        return self._tuning[dataset]

    def batches(self, dataset: str, prior: str) -> list[str]:
        """Ranges of members, such as 000-007, of the largest ensemble of these choices."""
        return self._batches[dataset, prior]

    def baseline_batches(self, dataset: str, network: str, baseline: str) -> list[str]:
        """The range of members of a baseline, all in one; of one without spread, one alone."""
        block = self.config.baselines[baseline]
        block = self.config.baselines[block.of] if block.kind == "persistence" else block
        if block.kind == "cressman":
            return ["000-000"]
        own = [
            e
            for e in self.experiments
            if (e.dataset, baseline in e.baselines, network in e.networks) == (dataset, True, True)
        ]
        largest = max(e.members for e in own)
        return _ranges(largest, largest)

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
    def _tuning(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _scored(self) -> list[Choice]:
        found = []
        for choice in self.asked():
            own = [e for e in self.experiments if _makes(e, choice)]
            names = [name for e in own for name in e.baselines if self._serves(name, choice)]
            found += [choice | {"method": m} for m in (choice["method"], *BASELINES, *names)]
        return _once(found)

    def _serves(self, baseline: str, choice: Choice) -> bool:
        """Whether a baseline does a task: what persists is a forecast."""
        persists = self.config.baselines[baseline].kind == "persistence"
        return not persists or self.config.tasks[choice["task"]].kind == "forecasting"

    def _spans(self, dataset: str, role: str) -> list[tuple[str, str, str]]:
        periods = self.config.datasets[dataset].periods.items()
        return [
            (name, f"{period.start:%Y%m%dT%H}", f"{period.end:%Y%m%dT%H}")
            for name, period in periods
            if period.role == role
        ]

    @cached_property
    def _mapped(self) -> list[Choice]:
        return [
            choice | {"window": name}
            for choice in _once([*self.asked(), *self.scored()])
            if choice["method"] not in BASELINES
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
        return {dataset: self._spans(dataset, "test") for dataset in self.config.datasets}

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


def _makes(experiment: Experiment, choice: Choice) -> bool:
    """Whether an experiment makes a choice."""
    one = {key: getattr(experiment, key) for key in ("dataset", "autoencoder", "prior")}
    lists = {"network": "networks", "method": "methods", "task": "tasks"}
    return all(choice[key] == value for key, value in one.items()) and all(
        choice[key] in getattr(experiment, name) for key, name in lists.items()
    )


def _once(choices: list[Choice]) -> list[Choice]:
    return [dict(items) for items in dict.fromkeys(tuple(c.items()) for c in choices)]
