r"""Jumps of a series, such as where one production stream of a reanalysis follows another.

For every time :math:`t`, :math:`D_t` is the mean of the next :math:`n` values less that of the
:math:`n` before, after the median of each hour of day is taken away. Divided by its own robust
spread over the record, :math:`z_t = (D_t - \mathrm{med}\,D) / (1.4826\,\mathrm{MAD}\,D)`, it needs
no model of the weather: what the atmosphere does by itself within :math:`n` values, season and
autocorrelation included, is in the spread. A jump is a :math:`z_t` beyond the quantile of
Student's t with :math:`N / n - 1` degrees of freedom (the spread is known from :math:`N / n`
independent pieces only) at :math:`\alpha / (2 N M)`: all :math:`N` times of all :math:`M` series
together give a false alarm with a probability of :math:`\alpha` at most. A series shorter than
:math:`8 n` is too short to tell and has none.

Depends on: numpy, scipy.
"""

__all__ = ["find_jumps"]

import numpy as np

from jaxtyping import Float, Int
from scipy.stats import t as student

SHORTEST = 8  # lengths n of a series that can be judged


def find_jumps(
    series: Float[np.ndarray, " time"],
    phase: Int[np.ndarray, " time"],
    n: int,
    false_alarms: float,
    tests: int,
) -> list[tuple[int, float, float]]:
    """Finds the jumps of a series.

    Arguments:
        series: Values, evenly spaced in time; none is NaN.
        phase: What repeats within a day, such as the hour, of each value.
        n: Values on either side.
        false_alarms: Probability of any false alarm in all series together.
        tests: The number of series that are tested together.

    Returns:
        For each jump the index of the first value behind it, :math:`z`, and the size of the
        jump [unit of the series].
    """
    count = len(series)
    if n < 1 or count < SHORTEST * n:
        return []
    x = np.asarray(series, dtype="float64").copy()
    for k in np.unique(phase):
        x[phase == k] -= np.median(x[phase == k])
    sums = np.concatenate([[0.0], np.cumsum(x - x.mean())])
    steps = (sums[2 * n :] - 2 * sums[n:-n] + sums[: -2 * n]) / n
    centre = np.median(steps)
    spread = 1.4826 * np.median(np.abs(steps - centre))
    tiny = 1e-6 * np.abs(series).max() + np.finfo(float).tiny  # of the rounding of float32
    z = (steps - centre) / max(spread, tiny)
    limit = student.isf(false_alarms / (2 * count * tests), count / n - 1)
    found, beyond = [], np.flatnonzero(np.abs(z) > limit)
    for group in np.split(beyond, np.flatnonzero(np.diff(beyond) > n) + 1):
        if len(group):
            k = group[np.abs(z[group]).argmax()]
            found.append((int(k + n), float(z[k]), float(steps[k])))
    return found
