"""Checks across blocks: do the parts that an experiment names exist and fit together?"""

__all__ = ["check_experiment", "check_known"]

from datetime import timedelta
from itertools import pairwise

from pydantic import BaseModel

from ..catalogue import DERIVED, VARIABLES, channels
from .baselines import check_baselines
from .blocks import Autoencoder, Dataset, Experiment, Grid, ObservingNetwork, Prior
from .tasks import Task


def check_known(where: str, name: str, block: str, names: dict[str, object]) -> None:
    """Refuses a name that its block does not define.

    Raises:
        ValueError: Naming the key, the name and the names defined.
    """
    if name not in names:
        raise ValueError(f"{where}: no {name!r} under {block}; defined: {', '.join(names)}")


def check_experiment(config: BaseModel, name: str) -> None:
    """Refuses an experiment whose parts do not fit together.

    Raises:
        ValueError: Naming the key at fault and what is allowed.
    """
    experiment, where = config.experiments[name], f"experiments.{name}"
    check_known(f"{where}.dataset", experiment.dataset, "datasets", config.datasets)
    check_known(
        f"{where}.autoencoder", experiment.autoencoder, "autoencoders", config.autoencoders
    )
    check_known(f"{where}.prior", experiment.prior, "priors", config.priors)
    for key in ("methods", "tasks"):
        for item in getattr(experiment, key):
            check_known(f"{where}.{key}", item, key, getattr(config, key))
    for item in experiment.networks:
        pool = {**config.networks, **config.variants}
        check_known(f"{where}.networks", item, "networks or variants", pool)
    dataset, prior = config.datasets[experiment.dataset], config.priors[experiment.prior]
    _check_state(f"datasets.{experiment.dataset}", dataset)
    _check_windows(where, experiment, dataset, prior)
    _check_latents(where, config.autoencoders[experiment.autoencoder], dataset.grid, prior)
    for name in experiment.networks:
        _check_variant(config, name)
        network = config.network_of(name)
        _check_network(f"networks.{network}", config.networks[network], dataset)
    for method in experiment.methods:
        _check_local(f"methods.{method}", config.methods[method], experiment.prior, prior)
    for task in experiment.tasks:
        _check_task(f"tasks.{task}", config.tasks[task], experiment, dataset)
        _check_legs(f"tasks.{task}", config.tasks[task], experiment, dataset, prior)
        for method in experiment.methods:
            _check_guidance(f"methods.{method}", config, experiment, task, method)
    check_baselines(config, where, experiment)
    for chosen in config.report.maps:
        state = [str(c) for c in channels(dataset.surface, dataset.pressure, dataset.levels)]
        if chosen not in state:
            raise ValueError(f"report.maps: no channel {chosen!r}; allowed: {', '.join(state)}")


def _check_state(where: str, dataset: Dataset) -> None:
    for name in dataset.surface:
        if VARIABLES[name].masked:
            raise ValueError(
                f"{where}.surface: {name} is undefined in places, and no model can learn it: "
                "an experiment needs variables that are defined everywhere"
            )


def _check_windows(where: str, experiment: Experiment, dataset: Dataset, prior: Prior) -> None:
    _check_span(f"{where}.window_hours", experiment.window_hours, experiment, dataset, prior)
    for start in experiment.windows:
        if experiment.windows.count(start) > 1:
            raise ValueError(f"{where}.windows: {start} is there twice")
    test = {n: p for n, p in dataset.periods.items() if p.role == "test"}
    for start in experiment.windows:
        end = start + timedelta(hours=experiment.window_hours)
        if not any(p.start <= start and end <= p.end for p in test.values()):
            spans = ", ".join(f"{n} ({p.start} to {p.end})" for n, p in test.items())
            raise ValueError(f"{where}.windows: {start} to {end} leaves the test periods: {spans}")
        for span in dataset.exclude:
            if span.touches(start, end):
                raise ValueError(
                    f"{where}.windows: {start} to {end} touches hours that "
                    f"datasets.{experiment.dataset}.exclude leaves out: {span.start} to {span.end}"
                )
        if not any(
            (start - p.start) % timedelta(hours=dataset.step_hours) == timedelta(0)
            for p in test.values()
        ):
            raise ValueError(f"{where}.windows: {start} is not a time of the data")


def _check_span(
    where: str, hours: int, experiment: Experiment, dataset: Dataset, prior: Prior
) -> None:
    """Refuses a window that the prior cannot draw."""
    least = (prior.states - 1) * dataset.step_hours
    if hours < least:
        raise ValueError(
            f"{where}: {hours} is less than the {least} hours "
            f"that the {prior.states} states of prior {experiment.prior!r} span"
        )
    if hours % dataset.step_hours:
        raise ValueError(f"{where}: {hours} is not a multiple of step_hours")
    if hours > least and prior.overlap >= prior.states:
        raise ValueError(
            f"{where}: {hours} hours need several windows of prior {experiment.prior!r}, but "
            f"priors.{experiment.prior}.overlap is {prior.overlap} of its {prior.states} states: "
            f"at most {prior.states - 1}, and a prior of two states at least"
        )


def _check_latents(where: str, autoencoder: Autoencoder, grid: Grid, prior: Prior) -> None:
    step = autoencoder.downsampling * (prior.network.patch if prior.network.steps else 1)
    if grid.latitudes % step or grid.longitudes % step:
        raise ValueError(
            f"{where}: a grid of {grid.latitudes} x {grid.longitudes} does not divide into "
            f"pieces of {step} x {step} (autoencoder downsampling times prior patch)"
        )
    if autoencoder.downsampling % autoencoder.turns:
        raise ValueError(
            f"{where}: turns {autoencoder.turns} does not divide the autoencoder's downsampling "
            f"{autoencoder.downsampling}; allowed: {_divisors(autoencoder.downsampling)}"
        )


def _divisors(number: int) -> str:
    return ", ".join(str(k) for k in range(1, number + 1) if number % k == 0)


def _check_variant(config: BaseModel, name: str) -> None:
    """Refuses a variant of what is not there."""
    if name not in config.variants:
        return
    variant, where = config.variants[name], f"variants.{name}"
    if name in config.networks:
        raise ValueError(f"{where}: there is a network of that name")
    check_known(f"{where}.of", variant.of, "networks", config.networks)
    instruments = config.networks[variant.of].instruments
    for item in variant.instruments:
        check_known(f"{where}.instruments", item, f"networks.{variant.of}", instruments)
        for variable in variant.instruments[item] if variant.change == "bias" else ():
            pool = instruments[item].errors
            check_known(f"{where}.instruments.{item}", variable, "its errors", pool)


def _check_network(where: str, network: ObservingNetwork, dataset: Dataset) -> None:
    for name, instrument in network.instruments.items():
        levels = getattr(instrument, "levels", [])
        for variable in instrument.errors:
            pool = _observable(dataset, bool(levels))
            if variable not in pool:
                raise ValueError(
                    f"{where}.{name}.errors: the state has no {variable!r} "
                    f"{'on levels' if levels else 'at the surface'}; allowed: {', '.join(pool)}"
                )
            if variable == "layer_thickness" and not set(levels) <= set(
                sorted(dataset.levels)[:-1]
            ):
                raise ValueError(
                    f"{where}.{name}.levels: layer_thickness is that above a level of the state "
                    f"but the lowest: {sorted(dataset.levels)[:-1]}, not {levels}"
                )
        for level in levels:
            if not min(dataset.levels) <= level <= max(dataset.levels):
                raise ValueError(
                    f"{where}.{name}.levels: {level} hPa lies outside the levels of the state, "
                    f"{min(dataset.levels)} to {max(dataset.levels)}"
                )


def _observable(dataset: Dataset, on_levels: bool) -> list[str]:
    """The variables of the state, and those that follow from them."""
    state = {*dataset.surface, *dataset.pressure}
    own = dataset.pressure if on_levels else dataset.surface
    derived = [
        name
        for name, about in DERIVED.items()
        if about.on_levels == on_levels
        and set(about.inputs) <= state
        and (len(about.inputs) > 1 or len(dataset.levels) > 1)
    ]
    return list(dict.fromkeys([*own, *derived]))


def _check_task(where: str, task: Task, experiment: Experiment, dataset: Dataset) -> None:
    asked = getattr(task, "now_hours", [])
    if any(later <= earlier for earlier, later in pairwise(asked)):
        raise ValueError(f"{where}.now_hours: {asked} must increase, each time once")
    for now in getattr(task, "now_hours", []):
        if now % dataset.step_hours:
            raise ValueError(f"{where}.now_hours: {now} is not a multiple of step_hours")
        last = experiment.window_hours - (dataset.step_hours if task.kind == "forecasting" else 0)
        if now > last:
            raise ValueError(f"{where}.now_hours: {now} leaves the window; at most {last}")


def _check_legs(
    where: str, task: Task, experiment: Experiment, dataset: Dataset, prior: Prior
) -> None:
    """Refuses windows of a task that do not reach what it asks for."""
    if task.kind == "reanalysis":
        return
    hours, carry, step = task.window_hours, task.carry, dataset.step_hours
    if hours is None:
        if carry is not None:
            raise ValueError(
                f"{where}.carry: nothing to carry where all is one window; give window_hours"
            )
        return
    _check_span(f"{where}.window_hours", hours, experiment, dataset, prior)
    if hours > experiment.window_hours:
        raise ValueError(
            f"{where}.window_hours: {hours} is more than the experiment's "
            f"{experiment.window_hours}"
        )
    states = hours // step + 1
    if carry is None:
        if task.kind == "forecasting" and hours < experiment.window_hours:
            raise ValueError(
                f"{where}.carry: a window of {hours} hours does not reach the end of the "
                f"experiment's {experiment.window_hours}: say what the next one goes on from"
            )
        return
    if carry.states >= states:
        raise ValueError(
            f"{where}.carry.states: {carry.states} fill the window of {states} states: "
            f"at most {states - 1}"
        )
    for earlier, later in pairwise(task.now_hours):
        if (later - earlier) // step + carry.states > states:
            raise ValueError(
                f"{where}.now_hours: a window of {states} states with {carry.states} carried "
                f"does not reach from {earlier} to {later}"
            )


def _check_local(where: str, method: BaseModel, name: str, prior: Prior) -> None:
    """Refuses a local part of a prior that keeps no windows for one."""
    kept = prior.gaussian.windows
    if getattr(method, "local", None) is not None and kept < 2:
        raise ValueError(
            f"{where}.local: priors.{name}.gaussian.windows is {kept}, and a local part needs 2 "
            "at least: keep some, or set local null"
        )


def _check_guidance(
    where: str, config: BaseModel, experiment: Experiment, task: str, method: str
) -> None:
    """Refuses a guidance that knows windows of the prior only, where there are longer ones."""
    prior, dataset = config.priors[experiment.prior], config.datasets[experiment.dataset]
    hours = getattr(config.tasks[task], "window_hours", None)
    hours = experiment.window_hours if hours is None else hours
    longer = hours > (prior.states - 1) * dataset.step_hours
    if longer and config.methods[method].guidance == "jfps":
        raise ValueError(
            f"{where}.guidance: jfps is for windows of the prior's {prior.states} states, and "
            f"tasks.{task} has windows of {hours} hours"
        )
