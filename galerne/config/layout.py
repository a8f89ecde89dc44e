"""Where products and input files of a configuration lie.

Products are filed under the names that made them, input files below ``data_root``.
"""

__all__ = ["Layout"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..archives import known_store, stretch_times, stretches
from ..provenance import settings_digest
from .baselines import tuned
from .choices import Choices
from .sources import Archive, NatureRun
from .training import Question, record_name

Request = dict[str, object]
PARTS = ("{window}", "members_{batch}", "manifest.json")


@dataclass(frozen=True)
class Layout:
    """Paths of the products that rules of several stages read.

    Arguments:
        choices: What the configuration asks for.
    """

    choices: Choices

    def results(self, *parts: str) -> str:
        """Path of a product."""
        return "/".join((self.choices.config.results, *parts))

    def resources(self, *parts: str) -> str:
        """Path of a download or a cache, which all configurations share."""
        return "/".join((self.choices.config.resources, *parts))

    @cached_property
    def requests(self) -> dict[str, Request]:
        """What is asked of remote archives: variables, levels and steps, by their digest.

        Datasets that ask the same of the same archive share what is fetched.
        """
        found = {}
        for dataset in self.choices.config.datasets:
            if (one := self._request(dataset)) is not None:
                found[settings_digest(one)] = one
        return found

    def archive_folder(self, dataset: str) -> str:
        """The folder that holds what is fetched of the archive of a dataset."""
        source = self.choices.config.datasets[dataset].source.model_dump(mode="json")
        kind, rest = source.pop("kind"), {k: v for k, v in source.items() if v is not None}
        plain = [str(rest.pop(key)) for key in ("store", "data_format") if key in rest]
        return "_".join([kind, *plain, *([settings_digest(rest)[:6]] if rest else [])])

    def manifests(self, dataset: str, period: str) -> list[str]:
        """What tells of the stretches that a period is fetched in; nothing if it is not."""
        request = self._request(dataset)
        if request is None:
            return []
        block = self.choices.config.datasets[dataset]
        ends = block.periods[period]
        parts = (self.archive_folder(dataset), settings_digest(request))
        names = stretches(ends.start, ends.end, block.step_hours, self._unit(dataset))
        return [self.resources(*parts, f"{name}.json") for name in names]

    def stretch(self, request: str, name: str) -> Request:
        """Variables, levels and times of a stretch that is fetched."""
        asked = self.requests[request]
        step, phase = asked["step_hours"], asked["phase"]
        first, last = stretch_times(name, step, phase)
        wanted = {key: asked[key] for key in ("surface", "pressure", "levels", "step_hours")}
        return wanted | {"start": first.isoformat(), "end": last.isoformat()}

    @cached_property
    def records(self) -> dict[str, str]:
        """What the statistics of each dataset in use are filed under."""
        datasets = self.choices.config.datasets
        return {name: record_name(datasets[name]) for name in self.choices.datasets()}

    def statistic(self, dataset: str, *parts: str) -> str:
        """A statistic of the training periods of a dataset."""
        return self.results(dataset, "stats", self.records[dataset], *parts)

    def fields(self, dataset: str, *roles: str) -> list[str]:
        """The regridded fields of the periods with one of these roles."""
        names = self.choices.periods(dataset, *roles)
        return [self.results(dataset, "grid", name, "manifest.json") for name in names]

    def moments(self, dataset: str, *roles: str) -> list[str]:
        """The moments of the periods with one of these roles."""
        names = self.choices.periods(dataset, *roles)
        return [self.results(dataset, "moments", f"{name}.csv") for name in names]

    def harmonics(self, dataset: str, *roles: str) -> list[str]:
        """The sums with harmonics of the periods with one of these roles."""
        names = self.choices.periods(dataset, *roles)
        return [self.results(dataset, "harmonics", name, "manifest.json") for name in names]

    def latents(self, dataset: str, autoencoder: str, *roles: str) -> list[str]:
        """The latents of the periods with one of these roles."""
        names = self.choices.periods(dataset, *roles)
        folder = (dataset, autoencoder, "latents")
        return [self.results(*folder, name, "manifest.json") for name in names]

    def truth(self, dataset: str, window: str) -> str:
        """The regridded fields of the test period that holds a window.

        Raises:
            ValueError: If none does.
        """
        period = self.choices.window_period(dataset, window)
        return self.results(dataset, "grid", period, "manifest.json")

    def observations(self, dataset: str, network: str, window: str) -> str:
        """The observations of a network during a window."""
        return self.results(dataset, "networks", network, window, "observations.parquet")

    def observed(self, names: Mapping[str, str], windows: Sequence[str]) -> list[str]:
        """The observations of the network that a choice names, in some windows."""
        return [self.observations(names["dataset"], names["network"], w) for w in windows]

    def members(self, names: Mapping[str, str], windows: Sequence[str], method: str) -> list[str]:
        """The ensemble of a method, or of a baseline, in some windows: every batch of members.

        Arguments:
            names: What a choice names.
            windows: Names of the windows.
            method: A method, or a baseline in its place.
        """
        learned = [names[key] for key in ("dataset", "autoencoder", "prior")]
        if method == "climatology":
            return [self.results(learned[0], method, w, PARTS[-1]) for w in windows]
        if method == "reconstruction":
            return [self.results(*learned[:2], method, w, PARTS[-1]) for w in windows]
        if method in self.choices.config.baselines:
            batches = self.choices.baseline_batches(names["dataset"], names["network"], method)
            folder = (learned[0], "baselines", names["network"], method, names["task"])
            path = self.results(*folder, *PARTS)
            return [path.format(window=w, batch=batch) for w in windows for batch in batches]
        drawn = (names["network"], method, names["task"])
        path = self.results(*learned, *(("samples",) if method == "prior" else drawn), *PARTS)
        batches = self.choices.batches(names["dataset"], names["prior"])
        return [path.format(window=w, batch=batch) for w in windows for batch in batches]

    def baseline_inputs(self, names: Mapping[str, str], method: str) -> dict[str, list[str]]:
        """What a baseline is made from, besides observations and the climatology.

        Arguments:
            names: What a choice names.
            method: The baseline.
        """
        dataset, block = names["dataset"], self.choices.config.baselines[method]
        if block.kind == "persistence":
            return self.baseline_inputs(names, block.of)
        found = {}
        if block.kind == "optimal_interpolation":
            found["covariance"] = [self.statistic(dataset, "covariances", f"{method}.json")]
        if block.kind in ("climatology", "letkf"):
            found["training"] = self.fields(dataset, "train")
        return found

    def tuning(self, names: Mapping[str, str], method: str) -> list[str]:
        """What the settings of a baseline were chosen in; nothing if there is no choice."""
        block = self.choices.config.baselines[method]
        if block.kind == "persistence":
            return self.tuning(names, block.of)
        folder = (names["dataset"], "baselines", names["network"], method)
        return [self.results(*folder, "tuning.json")] if tuned(block) > 1 else []

    def training_records(self) -> list[str]:
        """The training curves of every model that the choices use."""
        return [self.results(*names, "training.csv") for names in self.choices.models()]

    def audits(self, file: str) -> list[str]:
        """A file of the audit of every period that is used, by dataset and period.

        Test periods are used where a window lies in them.
        """
        found: dict[str, set[str]] = {}
        for choice in self.choices.asked():
            name = choice["dataset"]
            windows = self.choices.windows(name, choice["prior"], choice["network"])
            tests = {self.choices.window_period(name, window) for window in windows}
            found.setdefault(name, set()).update(tests)
        return [
            self.results(name, "audit", period, file)
            for name, tests in found.items()
            for period in self.choices.config.datasets[name].periods
            if period in tests or period in self.choices.periods(name, "train", "validation")
        ]

    def targets(self, question: Question) -> list[str]:
        """What a run makes: scores and report, or what can be made while models wait."""
        hourly = self._hourly(question.stuck)
        if not question:
            made = ("scores.csv", "comparisons.csv", "diagnostics/regions.csv", "report.html")
            return [*map(self.results, made), *hourly]
        scored, asked = (
            [c for c in choices if c["dataset"] not in question.datasets]
            for choices in (self.choices.scored(), self.choices.asked())
        )
        made = [self.results(*c.values(), "scores.csv") for c in scored]
        made += [self.results(*c.values(), "figures") for c in asked]
        for name in set(question.datasets) - set(question.stuck):
            made += [
                self.statistic(name, "moments.csv"),
                self.statistic(name, "climatology", "manifest.json"),
                *self.fields(name, "train", "validation"),
            ]
        return sorted(made + hourly)

    def input_file(self, path: str) -> str:
        """An input file of the user, below ``data_root`` unless absolute."""
        return str(Path(self.choices.config.data_root) / path)

    def sites(self, network: str) -> dict[str, dict[str, object]]:
        """The sites of each instrument of a network that has any, and what is seen there."""
        instruments = self.choices.config.networks[network].instruments
        return {
            name: {"sites": one.sites.model_dump(mode="json"), "variables": list(one.errors)}
            for name, one in instruments.items()
            if hasattr(one, "sites")
        }

    def site_files(self, network: str) -> dict[str, str]:
        """Files of real sites of a network, by the name of the instrument."""
        instruments = self.choices.config.networks[network].instruments
        sites = {name: getattr(i, "sites", None) for name, i in instruments.items()}
        return {name: self.input_file(s.file) for name, s in sites.items() if s and s.file}

    def _hourly(self, stuck: Sequence[str]) -> list[str]:
        """Climatologies by hour and day of year, where they are asked for and can be made."""
        datasets = self.choices.config.datasets
        return [
            self.statistic(name, "hourly_climatology", "manifest.json")
            for name in self.choices.datasets()
            if datasets[name].hourly_climatology and name not in stuck
        ]

    def _request(self, dataset: str) -> Request | None:
        """What a dataset asks of a remote archive; ``None`` if it comes from elsewhere."""
        block = self.choices.config.datasets[dataset]
        local = isinstance(block.source, Archive) and not block.source.remote
        if local or isinstance(block.source, NatureRun):
            return None
        return {
            "source": block.source.model_dump(mode="json"),
            "surface": sorted(block.surface),
            "pressure": sorted(block.pressure),
            "levels": sorted(block.levels),
            "step_hours": block.step_hours,
            "phase": min(p.start for p in block.periods.values()).hour % block.step_hours,
        }

    def _unit(self, dataset: str) -> str:
        """What one job fetches of the archive of a dataset."""
        source = self.choices.config.datasets[dataset].source
        store = getattr(source, "store", None)
        return known_store(source.kind, store).unit if store else "month"
