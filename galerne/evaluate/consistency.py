r"""The space of observations: withheld ones as a truth with an error, and all of them as a check.

Withheld observations are judged as fields are, with their error accounted for: members are given
errors of their own for the CRPS and for ranks, the squared error :math:`r^2` is taken out of the
mean square. A second set of rows, of region ``globe_by_density``, weighs sites by
:func:`~galerne.evaluate.regions.density_weights`, so that no crowd of stations decides.

With the innovation :math:`d_b = y - H c` (:math:`c`: the climatology, the mean of the prior), the
residual :math:`d_a = y - H \bar x` and the variance :math:`s^2` of the members' :math:`H x`:

* innovation :math:`\chi^2`: the mean of :math:`d_a^2` over that of what it is expected to be.
  For withheld observations and for ensembles that saw none, :math:`r^2 + \frac{M+1}{M} s^2`; for
  observations that were assimilated, :math:`r^2 - \frac{M-1}{M} s^2`;
* Desroziers: of an optimal analysis :math:`\overline{d_a d_b} = r^2`, which estimates the error
  of the observations that the analysis acts by;
* degrees of freedom for signal: :math:`\mathrm{tr}(R^{-1} H A H^T) = \sum s^2 / r^2` over
  assimilated observations, as far as their errors are independent: what the analysis learns from
  them.

Rows keep the means, so that windows can be pooled.

References:
    | Diagnosis of observation, background and analysis-error statistics (Desroziers et al., 2005)
    | https://doi.org/10.1256/qj.05.108
    | Analysis sensitivity calculation in an ensemble Kalman filter (Liu et al., 2009), DFS
    | https://doi.org/10.1002/qj.511
"""

__all__ = ["MEANS", "consistency_metrics", "consistency_rows", "point_statistics", "withheld_rows"]

from collections.abc import Mapping

import numpy as np
import pandas as pd

from jaxtyping import Float

from ..observe.noise import perturb
from .regions import GLOBE, density_weights
from .scores import PLACES, STATISTICS, Estimator, place_statistics, rank_shares

BY_DENSITY = "globe_by_density"
GROUP = ["platform", "variable", "level", "lead_hours", "withheld"]
MEANS = (
    "residual_square", "innovation_square", "product", "variance", "error_variance", "signal",
)  # fmt: skip


def point_statistics(
    members: Float[np.ndarray, "member obs"],
    observations: Float[np.ndarray, " obs"],
    climatology: Float[np.ndarray, " obs"],
    errors: Float[np.ndarray, " obs"],
    noise: Float[np.ndarray, "member obs"],
    weights: Float[np.ndarray, "region obs"],
    *,
    crps: Estimator,
) -> tuple[dict[str, Float[np.ndarray, " region"]], Float[np.ndarray, " rank"]]:
    """Computes the statistics at observations that carry an error.

    The CRPS asks whether the observation could be a member, so each member is given an
    error as well; one member alone keeps its absolute error against the observation.

    Arguments:
        members: What the observations would be for each member, without error [unit].
        observations: The observations [unit].
        climatology: What they would be for the climatology [unit].
        errors: The standard deviation of the error of each [unit].
        noise: A draw of the errors for each member [unit].
        weights: Weights of the observations [1], several sets of them, each of sum one.
        crps: Estimator of the CRPS.

    Returns:
        Each of the statistics [unit, or unit squared] by set of weights, and the share of each
        rank of the observation among members with errors, by the first set.
    """
    anomaly, size = observations - climatology, len(members)
    found, below, equal = place_statistics(members - observations, anomaly, crps=crps)
    if size > 1:
        noisy, below, equal = place_statistics(members + noise - observations, anomaly, crps=crps)
        for name in ("crps", "coverage_50", "coverage_90"):
            found[PLACES.index(name)] = noisy[PLACES.index(name)]
    sums = dict(zip(PLACES, found @ weights.T, strict=True))
    missing = np.full(len(weights), np.nan)
    sums |= {"error_variance": weights @ errors**2, "energy": missing, "brier": missing}
    return sums, rank_shares(below, equal, size, weights[0])


def withheld_rows(
    observations: pd.DataFrame,
    seen: Float[np.ndarray, "member obs"],
    climatology: Float[np.ndarray, " obs"],
    *,
    crps: Estimator,
    density_degrees: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compares an ensemble with withheld observations, by time, variable and level.

    Arguments:
        observations: The withheld observations, each with its ``lead_hours``.
        seen: What each member would have seen [unit of each].
        climatology: What the climatology would have seen [unit of each].
        crps: Estimator of the CRPS.
        density_degrees: Width of the kernel of the density of sites [degrees].
        rng: Draws the errors of the members' own observations.

    Returns:
        Rows of statistics, two of each group, and shares of ranks.
    """
    errors = observations["error"].to_numpy()
    values = observations["observation"].to_numpy()
    noise = perturb(np.zeros(seen.shape), errors, rng)
    keys = ["time", "variable", "level", "lead_hours"]
    statistics, ranks = [], []
    for key, k in observations.groupby(keys, dropna=False).indices.items():
        place = observations.iloc[k]
        crowded = density_weights(
            place["lat"].to_numpy(), place["lon"].to_numpy(), density_degrees
        )
        weights = np.stack([np.full(len(k), 1 / len(k)), crowded])
        found, shares = point_statistics(
            seen[:, k], values[k], climatology[k], errors[k], noise[:, k], weights, crps=crps
        )
        about = dict(zip(keys, key, strict=True)) | {"space": "withheld", "members": len(seen)}
        both = {"region": [GLOBE, BY_DENSITY], "count": float(len(k))}
        statistics.append(pd.DataFrame(about | both | {n: found[n] for n in STATISTICS}))
        counts = {"rank": np.arange(len(shares)), "weight": shares * len(k)}
        ranks.append(pd.DataFrame(about | counts))
    return pd.concat(statistics, ignore_index=True), pd.concat(ranks, ignore_index=True)


def consistency_rows(
    observations: pd.DataFrame,
    seen: Float[np.ndarray, "member obs"],
    climatology: Float[np.ndarray, " obs"],
) -> pd.DataFrame:
    """Averages products of residuals and innovations by platform, variable, level and lead.

    Arguments:
        observations: Observations, ``withheld`` or assimilated, each with its ``lead_hours``.
        seen: What each member would have seen [unit of each].
        climatology: What the climatology would have seen [unit of each].

    Returns:
        Rows with ``count``, ``members`` and :data:`MEANS` [unit squared; ``signal`` 1].
    """
    values, noise = observations["observation"].to_numpy(), observations["error"].to_numpy() ** 2
    residual, innovation = values - seen.mean(axis=0), values - climatology
    variance = seen.var(axis=0, ddof=1) if len(seen) > 1 else np.zeros(len(values))
    columns = (
        residual**2, innovation**2, residual * innovation, variance, noise, variance / noise,
    )  # fmt: skip
    table = observations[GROUP].assign(count=1.0, **dict(zip(MEANS, columns, strict=True)))
    grouped = table.groupby(GROUP, dropna=False)
    means = grouped[list(MEANS)].mean()
    rows = means.assign(count=grouped["count"].sum(), members=len(seen)).reset_index()
    return rows[[*GROUP, "count", "members", *MEANS]]


def consistency_metrics(row: Mapping[str, object]) -> dict[str, float]:
    """Turns pooled means into what they are compared by.

    Arguments:
        row: ``count``, ``members``, ``assimilated`` (whether the ensemble saw them) and each of
            :data:`MEANS`.

    Returns:
        Of an ensemble, ``chi_square`` [1]; for assimilated observations also ``error_ratio``, the
        error by Desroziers over the one assumed [1], and ``signal``, the degrees of freedom for
        all of them, and ``signal_share`` for each [1]. What is not defined is left out.
    """
    members, noise, variance = row["members"], row["error_variance"], row["variance"]
    if members < 2:
        return {}
    if not row["assimilated"]:
        return {
            "chi_square": row["residual_square"] / (noise + (members + 1) / members * variance)
        }
    expected = noise - (members - 1) / members * variance
    found = {"signal": row["signal"] * row["count"], "signal_share": row["signal"]}
    if expected > 0:
        found["chi_square"] = row["residual_square"] / expected
    if row["product"] > 0:
        found["error_ratio"] = float(np.sqrt(row["product"] / noise))
    return found
