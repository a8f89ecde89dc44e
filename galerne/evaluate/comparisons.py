r"""Methods beside each other on the same windows, with intervals.

A comparison is the ratio :math:`\rho` of a score, such as the CRPS, of a method to that of
another: below one the method is better. Its interval is that of :math:`\log \rho`
(:mod:`.bootstrap`), so that swapping both turns it upside down and no more. Over variables and
leads, the geometric mean of ratios is compared, which has an interval of its own: errors of
variables go together.

*Better* means that the interval lies below one, *worse* that it lies above, *no evidence*
anything else. Of many comparisons some are so by chance, five in a hundred at 95 %.

Rows of statistics are added up by unit once; nothing here reads a field.
"""

__all__ = ["COLUMNS", "INTERVALS", "Inference", "compare", "estimate"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from jaxtyping import Bool, Float
from scipy.special import expit, logit

from .bootstrap import Resampling, interval, resample, units
from .regions import GLOBE
from .scores import COVERAGES, STATISTICS

KEYS = ["space", "region", "variable", "level", "lead_hours"]
COMPARED = ("rmse", "crps", "energy_score", "brier")
AVERAGED = ("ssr", *COVERAGES)  # over variables
ENSEMBLE = ("spread", "ssr", *COVERAGES)  # that one member does not have
COLUMNS = [
    *KEYS, "metric", "method", "reference", "best_baseline", "ratio", "lower", "upper", "verdict",
    "windows", "units", "run",
]  # fmt: skip
INTERVALS = [
    *KEYS, "metric", "method", "value", "lower", "upper", "windows", "units", "run",
]  # fmt: skip
ALL = "all"


@dataclass(frozen=True)
class Inference:
    """How intervals are made.

    Arguments:
        resamples: How many resamples.
        level: Probability that an interval is to have [1].
        block_hours: Time after which states of the atmosphere are taken as independent [h].
    """

    resamples: int
    level: float
    block_hours: float


@dataclass(frozen=True)
class _Sums:
    """Statistics of one method, added up by unit and key; zero cases where there are none."""

    values: Float[np.ndarray, "unit key statistic"]
    cases: Float[np.ndarray, "unit key"]
    members: int


@dataclass(frozen=True)
class _Field:
    """All methods on the same units and keys."""

    keys: pd.DataFrame
    methods: dict[str, _Sums]
    windows: Sequence[str]  # of each unit
    resampling: Resampling


def compare(
    statistics: Mapping[str, pd.DataFrame],
    *,
    judged: Sequence[str],
    classical: Sequence[str],
    inference: Inference,
    rng: np.random.Generator,
    common: str = "",
) -> pd.DataFrame:
    """Compares methods with all others, by variable, level and lead, and over all of them.

    Arguments:
        statistics: Rows of statistics of each method, of one task on one network.
        judged: The methods that are compared with all others.
        classical: The baselines that the best one is chosen from, by each score over the globe.
        inference: How intervals are made.
        rng: Where the resamples come from.
        common: What methods that are not judged are compared with, and with nothing else.

    Returns:
        A table with :data:`COLUMNS`; ``variable`` is ``all``, and ``lead_hours`` missing, where
        they are averaged over. Of several leads each channel has a mean as well.
    """
    tables = []
    for found in _fields(statistics, inference, rng):
        for metric in COMPARED:
            best = _best(found, metric, classical)
            for method, reference in product(found.methods, repeat=2):
                if method != reference and (method in judged or reference == common):
                    rows = _ratios(found, metric, method, reference, inference)
                    about = {"metric": metric, "method": method, "reference": reference}
                    tables.append(rows.assign(**about, best_baseline=reference == best))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    return _sorted(table[COLUMNS], ["metric", "method", "reference"])


def estimate(
    statistics: Mapping[str, pd.DataFrame], *, inference: Inference, rng: np.random.Generator
) -> pd.DataFrame:
    """Returns every score over the globe with its interval, in a table with :data:`INTERVALS`.

    Of scores without a unit there are means too, as of ratios: over variables and levels
    (``variable`` is ``all``), over leads (``lead_hours`` is missing), and over both.
    """
    globe = {n: table[table["region"] == GLOBE] for n, table in statistics.items()}
    tables = []
    for found in _fields(globe, inference, rng):
        for method, sums in found.methods.items():
            kept = sums.cases > 0
            for metric in _METRICS:
                value, resampled = _both(found, sums, metric, kept)
                if metric in ENSEMBLE and sums.members < 2:
                    continue
                ends = _ends(metric, value, resampled, _runs(found, kept), inference)
                rows = found.keys.assign(
                    metric=metric, method=method, value=value, lower=ends[0], upper=ends[1],
                    **_sample(found, kept),
                )  # fmt: skip
                tables.append(rows[np.isfinite(value)])
                if metric in AVERAGED and np.isfinite(value).any():
                    own = kept & np.isfinite(value)
                    about, mean, drawn, runs = _averages(found.keys, value, resampled, own, found)
                    ends = _ends(metric, mean, drawn, runs, inference)
                    tables.append(about.assign(
                        metric=metric, method=method, value=mean, lower=ends[0], upper=ends[1],
                        **_sample(found, kept),
                    ))  # fmt: skip
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=INTERVALS)
    return _sorted(table[INTERVALS], ["metric", "method"])


def _fields(
    statistics: Mapping[str, pd.DataFrame], inference: Inference, rng: np.random.Generator
) -> list[_Field]:
    """The statistics of all methods by space and region, laid out on the same units and keys."""
    named = {
        name: table.assign(unit=units(table, inference.block_hours))
        for name, table in statistics.items()
    }
    everything = pd.concat([t[["unit", "window"]].drop_duplicates() for t in named.values()])
    windows = everything.drop_duplicates("unit").set_index("unit")["window"].sort_index()
    drawn = resample(list(windows.index), inference.block_hours, inference.resamples, rng)
    places = pd.concat([t[KEYS].drop_duplicates() for t in named.values()]).drop_duplicates()
    found = []
    for (space, region), keys in places.groupby(["space", "region"]):
        keys = keys.sort_values(KEYS, na_position="first", ignore_index=True)
        methods = {
            name: sums
            for name, table in named.items()
            if (
                sums := _added(
                    table[(table["space"] == space) & (table["region"] == region)],
                    windows.index, keys,
                )
            )
        }  # fmt: skip
        found.append(_Field(keys, methods, windows.tolist(), drawn))
    return found


def _added(table: pd.DataFrame, names: pd.Index, keys: pd.DataFrame) -> _Sums | None:
    """Adds up rows by unit and key; nothing if there are none."""
    if table.empty:
        return None
    index = pd.MultiIndex.from_frame(keys.fillna({"level": -1.0}))
    wanted = pd.MultiIndex.from_frame(table[KEYS].fillna({"level": -1.0}))
    unit, key = names.get_indexer(table["unit"]), index.get_indexer(wanted)
    cases = np.zeros((len(names), len(keys)))
    values = np.zeros((len(names), len(keys), len(STATISTICS) + 1))
    count, size = table["count"].to_numpy(), table["members"].to_numpy()
    predicted = table["variance"].to_numpy() * (size + 1) / size
    columns = np.column_stack([table[list(STATISTICS)].to_numpy(), predicted])
    np.add.at(cases, (unit, key), count)
    np.add.at(values, (unit, key), columns * count[:, None])
    return _Sums(values, cases, int(size.min()))


def _both(
    found: _Field, sums: _Sums, metric: str, kept: Bool[np.ndarray, "unit key"]
) -> tuple[Float[np.ndarray, " key"], Float[np.ndarray, "resample key"]]:
    """A score of all units, and of each resample of them."""
    cases = sums.cases * kept
    parts = [sums.values[..., _INDEX[name]] * kept for name in _METRICS[metric]]
    counts = found.resampling.counts
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = [part.sum(axis=0) / cases.sum(axis=0) for part in parts]
        drawn = [counts @ part / (counts @ cases) for part in parts]
        return _FORMULAS[metric](*whole), _FORMULAS[metric](*drawn)


def _best(found: _Field, metric: str, classical: Sequence[str]) -> str:
    """The classical baseline with the least score, over what all of them can be compared by."""
    scores = {name: _metric(found.methods[name], metric) for name in classical
              if name in found.methods}  # fmt: skip
    if not scores:
        return ""
    with np.errstate(invalid="ignore", divide="ignore"):
        logarithms = np.log(np.stack(list(scores.values())))
    shared = np.isfinite(logarithms).all(axis=0)
    if not shared.any():
        return ""
    return list(scores)[int(np.argmin(logarithms[:, shared].mean(axis=1)))]


def _metric(sums: _Sums, metric: str) -> Float[np.ndarray, " key"]:
    parts = [sums.values[..., _INDEX[name]].sum(axis=0) for name in _METRICS[metric]]
    with np.errstate(invalid="ignore", divide="ignore"):
        return _FORMULAS[metric](*(part / sums.cases.sum(axis=0) for part in parts))


def _ratios(
    found: _Field, metric: str, method: str, reference: str, inference: Inference
) -> pd.DataFrame:
    """The ratio of a score of two methods on the cases that both have, and means over keys."""
    one, other = found.methods[method], found.methods[reference]
    kept = (one.cases > 0) & (other.cases > 0)
    (top, tops), (bottom, bottoms) = (_both(found, s, metric, kept) for s in (one, other))
    with np.errstate(invalid="ignore", divide="ignore"):
        value, resampled = np.log(top / bottom), np.log(tops / bottoms)
    keys, known = found.keys, np.isfinite(value)
    tables = [_averages(keys, value, resampled, kept & known, found)]
    if (keys["region"] == GLOBE).all():
        own = (keys[known], value[known], resampled[:, known], _runs(found, kept)[known])
        tables.insert(0, own)
    rows = []
    for about, estimates, draws, runs in tables:
        lower, upper = interval(estimates, draws, runs, inference.level)
        columns = {"ratio": estimates, "lower": lower, "upper": upper}
        exponents = {name: np.exp(column) for name, column in columns.items()}
        rows.append(about.assign(**exponents, verdict=_verdicts(lower, upper)))
    return pd.concat(rows, ignore_index=True).assign(**_sample(found, kept))


def _groups(keys: pd.DataFrame) -> tuple[pd.DataFrame, Bool[np.ndarray, "group key"]]:
    """Keys that are averaged over: of each lead, of all, and over the globe of each channel."""
    leads = sorted(keys["lead_hours"].unique())
    first = keys.iloc[[0] * (len(leads) + 1)].assign(variable=ALL, level=np.nan)
    abouts = [first.assign(lead_hours=[*map(float, leads), np.nan])]
    masks = [(keys["lead_hours"] == lead).to_numpy() for lead in leads]
    masks.append(np.ones(len(keys), bool))
    if len(leads) > 1 and (keys["region"] == GLOBE).all():
        channel = keys.groupby(["variable", "level"], dropna=False, sort=False).ngroup().to_numpy()
        masks += [channel == k for k in range(channel.max() + 1)]
        _, places = np.unique(channel, return_index=True)
        abouts.append(keys.iloc[places].assign(lead_hours=np.nan))
    return pd.concat(abouts, ignore_index=True), np.stack(masks)


def _averages(
    keys: pd.DataFrame,
    value: Float[np.ndarray, " key"],
    resampled: Float[np.ndarray, "resample key"],
    kept: Bool[np.ndarray, "unit key"],
    found: _Field,
) -> tuple[
    pd.DataFrame,
    Float[np.ndarray, " group"],
    Float[np.ndarray, "resample group"],
    Float[np.ndarray, " group"],
]:
    """Means over keys, of all units and in each resample, and the runs they rest on.

    A key that has no value in a resample does not move the means there.
    """
    abouts, masks = _groups(keys)
    masks = masks & kept.any(axis=0)
    some = masks.any(axis=1)
    abouts, members = abouts[some], masks[some].astype("float64").T
    with np.errstate(invalid="ignore", divide="ignore"):
        here = np.isfinite(resampled) & np.isfinite(value)
        moved = np.where(here, resampled - value, 0.0) @ members / (here @ members)
    means = np.where(kept.any(axis=0), value, 0.0) @ members / members.sum(axis=0)
    runs = _runs(found, (kept.astype("float64") @ members) > 0)
    return abouts, means, means + moved, runs


def _ends(
    metric: str,
    value: np.ndarray,
    resampled: np.ndarray,
    runs: np.ndarray,
    inference: Inference,
) -> tuple[np.ndarray, np.ndarray]:
    """An interval on the scale of a score, so that it stays within what the score can be."""
    there, back = _SCALES.get(metric, (np.asarray, np.asarray))
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = interval(there(value), there(resampled), runs, inference.level)
    return back(low), back(high)


def _runs(found: _Field, kept: Bool[np.ndarray, "unit key"]) -> Float[np.ndarray, " key"]:
    """How many runs of units have a key."""
    return kept.sum(axis=0) / found.resampling.run


def _verdicts(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    return np.select([upper < 0, lower > 0], ["better", "worse"], "no evidence")


def _sample(found: _Field, kept: Bool[np.ndarray, "unit key"]) -> dict[str, object]:
    """What the intervals rest on."""
    present = kept.any(axis=1)
    windows = {w for w, there in zip(found.windows, present, strict=True) if there}
    return {
        "windows": len(windows),
        "units": int(present.sum()),
        "run": round(found.resampling.run, 3),
    }


def _sorted(table: pd.DataFrame, others: list[str]) -> pd.DataFrame:
    typed = table.astype({"level": "Float64", "lead_hours": "Float64"})
    typed = typed.astype({"level": "Int64", "lead_hours": "Int64"})
    order = ["space", "region", *others, "variable", "level", "lead_hours"]
    return typed.sort_values(order, na_position="first", ignore_index=True, kind="stable")


def _acc(
    product: np.ndarray, forecast: np.ndarray, truth: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    square = forecast * (truth - noise)
    return np.where(square > 0, product / np.sqrt(np.maximum(square, 0)), np.nan)


# The statistics that each score follows from, and how; as in `scores.metrics`.
_METRICS = {
    "rmse": ("squared_error", "error_variance"),
    "bias": ("error",),
    "crps": ("crps",),
    "spread": ("variance",),
    "ssr": ("predicted", "error_variance", "squared_error"),
    "acc": ("covariance", "mean_square", "truth_square", "error_variance"),
    **{name: (name,) for name in COVERAGES},
    "energy_score": ("energy",),
    "brier": ("brier",),
}
_FORMULAS = {
    "rmse": lambda squared, noise: np.sqrt(np.maximum(squared - noise, 0)),
    "spread": np.sqrt,
    "ssr": lambda predicted, noise, squared: np.sqrt((predicted + noise) / squared),
    "acc": _acc,
    **{name: lambda x: x for name in ("bias", "crps", *COVERAGES, "energy_score", "brier")},
}
# Intervals are symmetric on these scales: of what is positive, a correlation, a probability.
_SCALES = {name: (np.log, np.exp) for name in ("rmse", "crps", "spread", "ssr", "energy_score")}
_SCALES |= {"acc": (np.arctanh, np.tanh)} | dict.fromkeys(COVERAGES, (logit, expit))
_INDEX = {name: k for k, name in enumerate((*STATISTICS, "predicted"))}
