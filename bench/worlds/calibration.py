r"""Simulation-based calibration: ranks of truths among the members drawn for them.

A truth is drawn from the prior, observed, and a few members are drawn given what was observed. If
members come from the posterior, the rank of any functional of the truth among those of the members
is uniform over :math:`0, \dots, L`, whatever the observations, linear world or not. The histogram
of ranks over many truths is tested for it by :math:`\chi^2`.

References:
    | Validating Bayesian Inference Algorithms with Simulation-Based Calibration
      (Talts et al., 2018)
    | https://arxiv.org/abs/1804.06788
"""

__all__ = ["FUNCTIONALS", "holm", "rank", "uniformity"]

from collections.abc import Callable

import numpy as np

from scipy.stats import chisquare

Functional = Callable[[np.ndarray], np.ndarray]
BINS = 8


def _area_mean(x: np.ndarray) -> np.ndarray:
    rows = x.shape[-2]
    weight = np.sin(np.pi * (np.arange(rows) + 0.5) / rows)
    return (x.mean(-1) * weight).sum(-1) / weight.sum()


# Of windows of fields, shape (..., state, channel, lat, lon). The clusters of sites are anywhere,
# so every place is somewhere between observed and not; the third channel is a mixture.
FUNCTIONALS: dict[str, Functional] = {
    "point first": lambda x: x[..., 0, 0, 1, 3],
    "point last": lambda x: x[..., -1, 2, -2, -3],
    "point pole": lambda x: x[..., 0, 1, 0, 0],
    "mean": lambda x: _area_mean(x[..., 0, 0, :, :]),
    "tendency": lambda x: _area_mean(x[..., -1, 1, :, :] - x[..., 0, 1, :, :]),
    "wave": lambda x: np.abs(np.fft.rfft(x[..., 0, 0, 2, :])[..., 2]),
    "energy": lambda x: _area_mean((x**2).sum(-3)).sum(-1),
}


def rank(truth: np.ndarray, members: np.ndarray) -> dict[str, int]:
    """The rank of each functional of a truth among its members.

    Arguments:
        truth: The window of fields, shape (state, channel, lat, lon).
        members: The members, shape (member, state, channel, lat, lon).
    """
    return {
        name: int((functional(members) < functional(truth)).sum())
        for name, functional in FUNCTIONALS.items()
    }


def uniformity(ranks: np.ndarray, members: int, bins: int = BINS) -> float:
    """The probability of a histogram of ranks as uneven as this, if ranks are uniform.

    Arguments:
        ranks: The ranks, each from 0 to ``members``.
        members: The members :math:`L` drawn for each truth.
        bins: Bars of the histogram.

    Raises:
        ValueError: If the ranks do not divide evenly into bars, or there are too few truths.
    """
    if (members + 1) % bins:
        raise ValueError(f"{members + 1} ranks do not divide into {bins} bars")
    if len(ranks) < 5 * bins:
        raise ValueError(f"{len(ranks)} truths are too few for {bins} bars")
    counts = np.bincount(np.asarray(ranks) * bins // (members + 1), minlength=bins)
    return float(chisquare(counts).pvalue)


def holm(values: dict[str, float]) -> dict[str, float]:
    """Corrects probabilities for how many were looked at (Holm, 1979).

    A family of true hypotheses passes at 5 % if the least of the result is above 0.05, and does
    so in 95 % of all cases, however the functionals depend on each other.
    """
    corrected, greatest = {}, 0.0
    for k, (name, p) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        greatest = max(greatest, min(1.0, (len(values) - k) * p))
        corrected[name] = greatest
    return corrected
