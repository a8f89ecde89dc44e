r"""Scores of an ensemble, from statistics that can be pooled.

At each place, members :math:`x_m` with mean :math:`\bar x`, the truth :math:`y` and the
climatology :math:`c` give the squared error :math:`(\bar x - y)^2`, the error :math:`\bar x -
y`, the unbiased variance :math:`s^2 = \frac{1}{M-1}\sum_m (x_m - \bar x)^2`, the CRPS

.. math:: \frac1M \sum_m |x_m - y| - \frac{1}{M (M-1)} \sum_i (2 i - M - 1)\, x_{(i)}

of the members in order (:math:`M^2` in place of :math:`M (M-1)` where it is not fair), whether
central intervals cover :math:`y`, and products of the anomalies :math:`\bar x - c` and
:math:`y - c`. Their means over places are kept, with :math:`r^2`, the squared error of the
observation, zero where the truth is known. Then

.. math::
    \text{rmse} = \sqrt{\max(\text{mse} - r^2, 0)}, \qquad
    \text{spread} = \sqrt{\overline{s^2}}, \qquad
    \text{ssr} = \sqrt{\frac{\frac{M+1}{M}\,\overline{s^2} + r^2}{\text{mse}}}, \qquad
    \text{acc} = \frac{\overline{(\bar x - c)(y - c)}}
        {\sqrt{\overline{(\bar x - c)^2}\,(\overline{(y - c)^2} - r^2)}}

An ensemble from which the truth could have been drawn has :math:`\text{ssr} = 1` whatever its
size: the mean of :math:`M` members errs by :math:`\sigma^2 (1 + 1/M)`, and the error of an
observation adds :math:`r^2` to that. Its members part the line into :math:`M + 1` intervals that
the truth falls into equally often; the interval of 90 % is cut from them, taking the right share
of the outermost, so that it covers 90 % whatever :math:`M` is.

The energy score is that of a whole field, with the norm :math:`\|x\|^2 = \sum_p w_p x_p^2` of
areas.

Means over places are exact sums in double precision; places are taken some at a time.

References:
    | Why should ensemble spread match the RMSE of the ensemble mean? (Fortin et al., 2014)
    | https://doi.org/10.1175/JHM-D-14-0008.1
    | Estimation of the CRPS with limited information (Zamo and Naveau, 2018)
    | https://doi.org/10.1007/s11004-017-9709-7
    | Fair scores for ensemble forecasts (Ferro, 2014), https://doi.org/10.1002/qj.2270
    | Strictly proper scoring rules (Gneiting and Raftery, 2007), energy score
    | https://doi.org/10.1198/016214506000001437
"""

__all__ = [
    "COVERAGES", "METRICS", "STATISTICS", "Estimator", "FieldStatistics", "field_statistics",
    "metrics", "place_statistics", "rank_shares",
]  # fmt: skip

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from jaxtyping import Float, Int

Estimator = Literal["fair", "ecdf"]
COVERAGES = {"coverage_50": 0.5, "coverage_90": 0.9}
METRICS = (
    "rmse", "bias", "crps", "spread", "ssr", "acc", *COVERAGES, "energy_score", "brier",
)  # fmt: skip
# Means over places; energy and brier are of whole fields and of events, and may be missing.
PLACES = (
    "squared_error", "error", "variance", "crps", *COVERAGES, "covariance", "mean_square",
    "truth_square",
)  # fmt: skip
STATISTICS = (*PLACES, "error_variance", "energy", "brier")
BLOCK = 16_384  # places whose members are sorted at once


@dataclass(frozen=True)
class FieldStatistics:
    """The statistics of one field.

    Arguments:
        values: Each of the statistics by region [unit, or unit squared]; ``energy`` is that of
            the first region, NaN for the others.
        ranks: Share of the first region where the truth has each rank among the members [1].
    """

    values: dict[str, Float[np.ndarray, " region"]]
    ranks: Float[np.ndarray, " rank"]


def field_statistics(
    members: Float[np.ndarray, "member place"],
    truth: Float[np.ndarray, " place"],
    climatology: Float[np.ndarray, " place"],
    weights: Float[np.ndarray, "region place"],
    *,
    crps: Estimator,
) -> FieldStatistics:
    """Computes the statistics of one field, averaged over regions.

    Arguments:
        members: The ensemble [unit of the field].
        truth: The true field [same unit].
        climatology: The climatology [same unit].
        weights: Weight of each place in each region [1]; each region's sum to one.
        crps: Estimator of the CRPS: ``fair`` (of an ensemble as large as one likes) or
            ``ecdf`` (of the members as they are). One member has its absolute error.
    """
    size, places = members.shape
    sums = np.zeros((len(PLACES), len(weights)))
    gram, ranks = np.zeros((size, size)), np.zeros(size + 1)
    for first in range(0, places, BLOCK):
        block = slice(first, first + BLOCK)
        deviations = members[:, block] - truth[block]
        found, below, equal = place_statistics(
            deviations, truth[block] - climatology[block], crps=crps
        )
        sums += found @ weights[:, block].T
        ranks += rank_shares(below, equal, size, weights[0, block])
        wide = deviations.astype("float64")
        gram += (wide * weights[0, block]) @ wide.T
    energy = np.full(len(weights), np.nan)
    energy[0] = _energy(gram, crps)
    rest = {"error_variance": np.zeros(len(weights)), "energy": energy}
    return FieldStatistics(dict(zip(PLACES, sums, strict=True)) | rest, ranks)


def place_statistics(
    deviations: Float[np.ndarray, "member place"],
    anomaly: Float[np.ndarray, " place"],
    *,
    crps: Estimator,
) -> tuple[
    Float[np.ndarray, "statistic place"], Int[np.ndarray, " place"], Int[np.ndarray, " place"]
]:
    """Computes the statistics at each place.

    Arguments:
        deviations: Members less the truth [unit].
        anomaly: Truth less climatology [unit].
        crps: Estimator of the CRPS.

    Returns:
        The statistics that are means over places, how many members lie below the truth, and how
        many are equal to it.
    """
    size = len(deviations)
    # Members of a place lie side by side, which sorts ten times faster than across memory.
    ordered = np.sort(np.ascontiguousarray(deviations.T), axis=1)
    wide = ordered.astype("float64", copy=False)
    weights = np.stack([np.full(size, 1 / size), _spread_weights(size, crps)], axis=1)
    mean, distance = (wide @ weights).T
    apart = wide - mean[:, None]
    # Not NaN for one member, whose variance nothing reads.
    variance = np.einsum("pm,pm->p", apart, apart) / max(size - 1, 1)
    below = np.count_nonzero(ordered < 0, axis=1)
    equal = np.count_nonzero(ordered == 0, axis=1)
    anomaly = anomaly.astype("float64")
    forecast = mean + anomaly
    score = np.abs(wide, out=apart) @ weights[:, 0] - distance
    covered = [_covered(share, below, equal, size) for share in COVERAGES.values()]
    products = (forecast * anomaly, np.square(forecast), np.square(anomaly))
    return np.stack([mean**2, mean, variance, score, *covered, *products]), below, equal


def rank_shares(
    below: Int[np.ndarray, " place"],
    equal: Int[np.ndarray, " place"],
    members: int,
    weights: Float[np.ndarray, " place"],
) -> Float[np.ndarray, " rank"]:
    """Adds up the weights of places by the rank of the truth; equal values share their ranks.

    Arguments:
        below: How many members lie below the truth.
        equal: How many are equal to it.
        members: Size of the ensemble.
        weights: Weight of each place.

    Example:
        >>> rank_shares(np.array([0, 1]), np.array([0, 1]), 2, np.array([0.5, 0.5]))
        array([0.5 , 0.25, 0.25])
    """
    share = weights / (equal + 1)
    begins = np.bincount(below, share, members + 2)
    ends = np.bincount(below + equal + 1, share, members + 2)
    return np.cumsum(begins - ends)[: members + 1]


def metrics(statistics: Mapping[str, float], members: int) -> dict[str, float]:
    """Turns statistics, pooled or not, into metrics; leaves out what is not defined.

    Arguments:
        statistics: Each of :data:`STATISTICS`, and ``predicted``, the variance that the error of
            the mean is expected to have (without it, that of this many members).
        members: Size of the ensemble; one alone has neither spread nor intervals.

    Returns:
        ``rmse``, ``bias``, ``crps``, ``energy_score`` [unit], ``acc``, ``brier`` [1] and, of an
        ensemble, ``spread`` [unit], ``ssr``, ``coverage_50`` and ``coverage_90`` [1].

    Example:
        >>> calibrated = dict.fromkeys(STATISTICS, 0.0) | dict(squared_error=1.5, variance=1.0)
        >>> metrics(calibrated, members=2)["ssr"]
        1.0
    """
    squared, noise = statistics["squared_error"], statistics["error_variance"]
    found = {
        "rmse": float(np.sqrt(max(squared - noise, 0.0))),
        "bias": float(statistics["error"]),
        "crps": float(statistics["crps"]),
        "acc": _correlation(statistics),
        "energy_score": float(statistics["energy"]),
        "brier": float(statistics["brier"]),
    }
    if members > 1:
        variance = statistics["variance"]
        expected = statistics.get("predicted", (members + 1) / members * variance) + noise
        found["spread"] = float(np.sqrt(variance))
        # An ensemble without error has no ratio: not a number, which is left in the table.
        found["ssr"] = float(np.sqrt(expected / squared)) if squared > 0 else np.nan
        found |= {name: float(statistics[name]) for name in COVERAGES}
    optional = ("acc", "energy_score", "brier")
    return {
        name: found[name]
        for name in METRICS
        if name in found and not (name in optional and np.isnan(found[name]))
    }


def _correlation(statistics: Mapping[str, float]) -> float:
    """The anomaly correlation; not a number where one of the anomalies is nothing."""
    truth = statistics["truth_square"] - statistics["error_variance"]
    product = statistics["mean_square"] * truth
    return float(statistics["covariance"] / np.sqrt(product)) if product > 0 else np.nan


def _spread_weights(members: int, crps: Estimator) -> Float[np.ndarray, " member"]:
    """Weights of ordered members that give half their mean distance."""
    pairs = max(members * (members - 1), 1) if crps == "fair" else members**2
    return (2 * np.arange(1, members + 1) - members - 1) / pairs


def _covered(
    share: float,
    below: Int[np.ndarray, " place"],
    equal: Int[np.ndarray, " place"],
    members: int,
) -> Float[np.ndarray, " place"]:
    """The part of the ranks that the truth may have within a central interval of them."""
    tail = (1 - share) / 2 * (members + 1)
    low = np.maximum(below, tail)
    high = np.minimum(below + equal + 1, members + 1 - tail)
    return np.maximum(high - low, 0) / (equal + 1)


def _energy(gram: Float[np.ndarray, "member member"], crps: Estimator) -> float:
    """The energy score from the products of deviations from the truth."""
    size = len(gram)
    squares = np.diag(gram)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * gram, 0))
    np.fill_diagonal(distances, 0)
    pairs = max(size * (size - 1), 1) if crps == "fair" else size**2
    return float(np.sqrt(squares).mean() - distances.sum() / (2 * pairs))
