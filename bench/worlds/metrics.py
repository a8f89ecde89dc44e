r"""How far an ensemble is from a posterior that is known.

All in double precision. What an ensemble of :math:`n` exact draws would show on average is taken
out of squares (mean, covariance), or is there to be compared with: :func:`compare` of exact draws.
"""

__all__ = ["Verdict", "compare"]

from dataclasses import dataclass

import numpy as np

from .posterior import Posterior

EXPLAINED = 0.95  # of the posterior variance, by the eigenvectors that are looked at


@dataclass(frozen=True)
class Verdict:
    """An ensemble beside the exact posterior.

    Arguments:
        mean_error: Error of the mean in posterior standard deviations, root mean square over
            the numbers of a window, Monte-Carlo noise taken out in squares [1].
        mean_floor: That noise [1].
        variance_ratio: Variance by the exact one, mean over the numbers of a window [1].
        variance_least: The least ratio [1].
        variance_most: The greatest ratio [1].
        variance_noise: Standard deviation of one ratio by Monte Carlo alone [1].
        covariance_error: Error of the covariance in the Frobenius norm, relative, Monte-Carlo
            noise taken out in squares [1].
        along_least: Least ratio of variances along the leading eigenvectors of the exact
            covariance [1].
        along_most: The greatest [1].
        distance: 2-Wasserstein distance of the Gaussians with these moments, by the root of the
            exact total variance [1].
        inside_50: Probability of what lies between the quartiles of the ensemble [1].
        inside_90: Probability between its quantiles 5 and 95 % [1].
    """

    mean_error: float
    mean_floor: float
    variance_ratio: float
    variance_least: float
    variance_most: float
    variance_noise: float
    covariance_error: float
    along_least: float
    along_most: float
    distance: float
    inside_50: float
    inside_90: float


def compare(members: np.ndarray, exact: Posterior) -> Verdict:
    """Compares an ensemble, shape (member, n), with the exact posterior.

    Raises:
        ValueError: If there are fewer than two members, or one is not finite.
    """
    members = np.asarray(members, np.float64)
    count = len(members)
    if count < 2 or not np.isfinite(members).all():
        raise ValueError(f"{count} members, finite: {np.isfinite(members).all()}")
    P, variance = exact.covariance, exact.covariance.diagonal()
    mean, S = members.mean(0), np.cov(members, rowvar=False)
    gap = mean - exact.mean
    floor = (S.diagonal() / variance).mean() / count
    ratio = S.diagonal() / variance
    noise = (np.trace(S) ** 2 + (S**2).sum()) / (count - 1)
    values, vectors = np.linalg.eigh(P)
    leading = np.cumsum(values[::-1]) <= EXPLAINED * values.sum()
    vectors_leading = vectors[:, ::-1][:, leading]
    along = ((S @ vectors_leading) * vectors_leading).sum(0) / values[::-1][leading]
    inside = [_inside(members, exact, share) for share in (0.5, 0.9)]
    apart = ((S - P) ** 2).sum() - noise
    return Verdict(
        mean_error=float(np.sqrt(max((gap**2 / variance).mean() - floor, 0))),
        mean_floor=float(np.sqrt(floor)),
        variance_ratio=float(ratio.mean()),
        variance_least=float(ratio.min()),
        variance_most=float(ratio.max()),
        variance_noise=float(np.sqrt(2 / (count - 1))),
        covariance_error=float(np.sqrt(max(apart, 0) / (P**2).sum())),
        along_least=float(along.min()),
        along_most=float(along.max()),
        distance=_distance(gap, S, values, vectors, count),
        inside_50=inside[0],
        inside_90=inside[1],
    )


def _distance(
    gap: np.ndarray, S: np.ndarray, values: np.ndarray, vectors: np.ndarray, count: int
) -> float:
    """Of Gaussians (Dowson & Landau, 1982); noise of the mean is taken out."""
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ S @ root).clip(0)).sum()
    square = max((gap**2).sum() - np.trace(S) / count, 0) + np.trace(S) + values.sum() - 2 * cross
    return float(np.sqrt(max(square, 0) / values.sum()))


def _inside(members: np.ndarray, exact: Posterior, share: float) -> float:
    low, high = np.quantile(members, [(1 - share) / 2, (1 + share) / 2], axis=0)
    return float((exact.cdf(high) - exact.cdf(low)).mean())
