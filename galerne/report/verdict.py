"""What the scores say, in words that follow the numbers.

Nothing is claimed that a number does not carry: every sentence is chosen by the value it
states, and is left out where the value is missing.

Depends on: pandas, and the tables of this room.
"""

__all__ = [
    "Facts", "Numbers", "compared", "gather_facts", "limits", "measure", "tiles", "verdict",
]  # fmt: skip

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .legend import Legend
from .style import label_channel
from .tables import number, pick, relative

# ASSUME: after five days two states of the atmosphere are unrelated for counting purposes;
# the autocorrelation of 500 hPa geopotential crosses zero near there.
INDEPENDENT_DAYS = 5.0
FEW_WINDOWS = 20  # a bootstrap of fewer blocks gives intervals that are too narrow


@dataclass(frozen=True)
class Numbers:
    """The numbers of one choice; not a number where unknown.

    Arguments:
        ratio: RMSE of the posterior mean over that of climatology, mean over channels [1].
        crps: The same for the CRPS [1].
        ssr: Spread-skill ratio, mean over channels [1].
        floor: RMSE of the autoencoder over that of climatology [1].
        withheld: RMSE over that of climatology at withheld observations [1].
        withheld_ssr: Spread-skill ratio at withheld observations [1].
        prior: RMSE of the unconditional prior's mean over that of climatology [1].
        best: The channel with the least ratio, and it.
        worst: The channel with the greatest ratio, and it.
        leads: RMSE over that of climatology by lead time [h], mean over channels.
        windows: Number of test windows.
        channels: Number of channels.
    """

    ratio: float
    crps: float
    ssr: float
    floor: float
    withheld: float
    withheld_ssr: float
    prior: float
    best: tuple[str, float]
    worst: tuple[str, float]
    leads: dict[float, float]
    windows: int
    channels: int


@dataclass(frozen=True)
class Facts:
    """What the data are, for the list of limits.

    Arguments:
        source: What the source says of itself.
        simulated: Whether the truth is a simulation.
        real_sites: Whether some instruments stand at real sites.
        training_states: Number of states the models were trained on.
        training_days: Days those states span [d].
        members: Ensemble members.
        test_days: Days from the first to the last test window [d].
    """

    source: str
    simulated: bool
    real_sites: bool
    training_states: int
    training_days: float
    members: int
    test_days: float


def measure(scores: pd.DataFrame, choice: dict[str, str]) -> Numbers:
    """Reads the numbers of a choice from the pooled scores.

    Arguments:
        scores: The pooled scores.
        choice: Names of the dataset, autoencoder, prior, network, method and task.
    """
    rest, method = {k: v for k, v in choice.items() if k != "method"}, choice["method"]
    ratios = relative(scores, rest, "rmse", space="grid")
    mine = ratios[method] if method in ratios else pd.Series(dtype=float)
    channels = mine.groupby(level="channel", sort=False).mean().dropna() if len(mine) else mine
    leads = mine.groupby(level="lead_hours").mean().dropna() if len(mine) else mine
    same = np.logical_and.reduce([scores[k] == v for k, v in choice.items()])
    windows = set(scores.loc[same, "window"]) - {"all"}
    none = ("", float("nan"))
    return Numbers(
        ratio=float(channels.mean()),
        crps=_mean(relative(scores, rest, "crps", space="grid"), method),
        ssr=_mean(pick(scores, rest, "ssr", space="grid"), method),
        floor=_mean(ratios, "reconstruction"),
        withheld=_mean(relative(scores, rest, "rmse", space="withheld"), method),
        withheld_ssr=_mean(pick(scores, rest, "ssr", space="withheld"), method),
        prior=_mean(ratios, "prior"),
        best=(str(channels.idxmin()), float(channels.min())) if len(channels) else none,
        worst=(str(channels.idxmax()), float(channels.max())) if len(channels) else none,
        leads={float(lead): float(value) for lead, value in leads.items()},
        windows=len(windows),
        channels=len(channels),
    )


def _mean(wide: pd.DataFrame, method: str) -> float:
    return float(wide[method].mean()) if method in wide else float("nan")


def spread_words(ssr: float) -> str:
    """Says what a spread-skill ratio means.

    Example:
        >>> spread_words(0.7), spread_words(1.0)
        ('under-dispersed: it is more confident than it should be', 'well calibrated in spread')
    """
    if ssr < 0.9:
        return "under-dispersed: it is more confident than it should be"
    if ssr > 1.1:
        return "over-dispersed: it is less confident than it could be"
    return "well calibrated in spread"


def _skill_words(ratio: float) -> str:
    if ratio <= 0.35:
        return "far closer to the truth than climatology"
    if ratio <= 0.6:
        return "much closer to the truth than climatology"
    if ratio <= 0.85:
        return "closer to the truth than climatology"
    if ratio < 1.0:
        return "barely better than climatology"
    return "no better than climatology"


def verdict(
    reanalysis: Numbers | None, filtering: Numbers | None, forecasting: Numbers | None
) -> list[str]:
    """Writes the summary, a few sentences.

    Arguments:
        reanalysis: Numbers with all observations of the window, if run.
        filtering: Numbers with observations up to now, if run.
        forecasting: Numbers after the last observation, if run.
    """
    said: list[str] = []
    if reanalysis is not None:
        said += _reanalysis(reanalysis)
    if filtering is not None and np.isfinite(filtering.ratio):
        said.append(
            f"With past and present observations only (filtering), the error is "
            f"{number(filtering.ratio)} of climatology's"
            + (f", spread over error {number(filtering.ssr)}" if _known(filtering.ssr) else "")
            + "."
        )
    if forecasting is not None and forecasting.leads:
        said.append(_forecast(forecasting.leads))
    return said or ["There are no scores to judge by."]


def _known(value: float) -> bool:
    return bool(np.isfinite(value))


def _reanalysis(n: Numbers) -> list[str]:
    if not _known(n.ratio):
        return ["The scores hold no comparison of the posterior with climatology."]
    over = f"{n.windows} test window{'s' * (n.windows != 1)}" if n.windows else "the test windows"
    channels = f"{n.channels} channel{'s' * (n.channels != 1)}"
    said = [
        f"Given all observations of a window, the posterior mean is {_skill_words(n.ratio)}: "
        f"its error is {number(n.ratio)} of climatology's, averaged over {channels} and {over}"
        + (
            f" (from {number(n.best[1])} for {label_channel(n.best[0])} "
            f"to {number(n.worst[1])} for {label_channel(n.worst[0])})."
            if n.channels > 1
            else "."
        )
    ]
    if _known(n.ssr):
        said.append(
            f"The spread of its members is {number(n.ssr)} of its error, so the ensemble is "
            f"{spread_words(n.ssr)}."
        )
    if _known(n.floor):
        rest = "which leaves room for better assimilation" if n.floor < 0.6 * n.ratio else (
            "so the autoencoder itself is a good part of the error"
        )  # fmt: skip
        said.append(
            f"Encoding and decoding the truth alone would cost {number(n.floor)} of "
            f"climatology's error, {rest}."
        )
    if _known(n.withheld):
        said.append(
            f"At observations that were withheld, the error is {number(n.withheld)} of "
            "climatology's"
            + (f", spread over error {number(n.withheld_ssr)}" if _known(n.withheld_ssr) else "")
            + "."
        )
    return said


def _forecast(leads: dict[float, float]) -> str:
    first, last = min(leads), max(leads)
    beats = [lead for lead, value in leads.items() if value < 1]
    start = f"After the last observation, the error is {number(leads[first])} of climatology's"
    if first == last:
        return f"{start} at {first:g} h."
    grows = f"{start} at {first:g} h and {number(leads[last])} at {last:g} h"
    if len(beats) == len(leads):
        return f"{grows}: the forecast beats climatology at every lead shown."
    if not beats:
        return f"{grows}: the forecast does not beat climatology at any lead."
    return f"{grows}: the forecast beats climatology up to {max(beats):g} h."


def compared(
    best: Mapping[str, object] | None, legend: Legend
) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Says how a choice compares with the best classical baseline, as a sentence and a number.

    Arguments:
        best: The comparison of its CRPS over all variables, or ``None``.
        legend: Names of the methods.
    """
    if best is None:
        return [], []
    ratio, name = number(float(best["ratio"])), legend.label(str(best["reference"]))
    ends = f"{number(float(best['lower']))} to {number(float(best['upper']))}"
    words = {
        "better": "so it is better",
        "worse": "so it is worse",
        "no evidence": "so there is no evidence that either is better",
    }[str(best["verdict"])]
    said = (
        f"Its CRPS, the error of the ensemble as a whole, is {ratio} of that of the best "
        f"classical baseline on the same observations, {name}, in the geometric mean over "
        f"variables (95 % interval {ends}), {words}."
    )
    return [said], [(ratio, f"CRPS ÷ {name}", f"the best classical baseline; {ends}")]


def tiles(n: Numbers) -> list[tuple[str, str, str]]:
    """Returns the numbers that matter as value, name and meaning; unknown ones are left out."""
    found = [
        (n.ratio, "RMSE ÷ climatology", "posterior mean; 0 is perfect, 1 is climatology"),
        (n.ssr, "Spread ÷ error", "1 is a calibrated ensemble"),
        (n.withheld, "RMSE ÷ climatology, withheld", "at observations never assimilated"),
        (n.floor, "Autoencoder ÷ climatology", "the floor: encode and decode the truth"),
    ]
    return [(number(value), name, meaning) for value, name, meaning in found if _known(value)]


def limits(facts: Facts, numbers: Sequence[Numbers]) -> list[str]:
    """Lists what the numbers cannot claim.

    Arguments:
        facts: What the data are.
        numbers: Numbers of what was run.
    """
    said = []
    if facts.simulated:
        said.append(
            "The truth is a simulated atmosphere (an OSSE nature run), not the real one. It is "
            "smoother and simpler than the real atmosphere, and the models were trained on the "
            "same simulator: expect less skill with real data."
        )
    sites = "The sites are real, but their values are" if facts.real_sites else (
        "The observations are"
    )  # fmt: skip
    said.append(
        f"{sites} simulated from the same gridded fields that serve as truth, with known, "
        "unbiased, independent errors: no representativeness error, no bias, no gross error."
    )
    windows = max((n.windows for n in numbers), default=0)
    if windows:
        said.append(
            f"{windows} test window{'s' * (windows != 1)} within {facts.test_days:.0f} days of "
            f"one season and {facts.members} members: differences of a few per cent may be "
            f"chance{', and intervals from so few windows are rough' * (windows < FEW_WINDOWS)}."
        )
    independent = max(1, round(facts.training_days / INDEPENDENT_DAYS))
    small = independent < 60
    said.append(
        f"The models saw {facts.training_states:,} training states over "
        f"{facts.training_days:.0f} days, roughly {independent:,} independent ones (one in "
        f"{INDEPENDENT_DAYS:g} days)"
        + (": far too few to learn what an atmosphere can do." * small or ".")
    )
    return said


def gather_facts(dataset: dict, network: dict, experiment: dict, *, source: str) -> Facts:
    """Reads the facts off the plain settings of a run.

    Arguments:
        dataset: Settings of the dataset.
        network: Settings of the observing network.
        experiment: Settings of the experiment.
        source: What the data say of their source.
    """
    step = pd.Timedelta(hours=dataset["step_hours"])
    train = [p for p in dataset["periods"].values() if p["role"] == "train"]
    spans = [pd.Timestamp(p["end"]) - pd.Timestamp(p["start"]) + step for p in train]
    starts = [pd.Timestamp(start) for start in experiment["windows"]]
    hours = pd.Timedelta(hours=experiment["window_hours"])
    sites = [i.get("sites") or {} for i in network["instruments"].values()]
    simulated = dataset["source"]["kind"] == "nature_run" or "simulated" in source.lower()
    return Facts(
        source=source,
        simulated=simulated,
        real_sites=any(site.get("file") for site in sites),
        training_states=sum(int(span / step) for span in spans),
        training_days=sum(span / pd.Timedelta(days=1) for span in spans),
        members=experiment["members"],
        test_days=(max(starts) + hours - min(starts)) / pd.Timedelta(days=1),
    )
