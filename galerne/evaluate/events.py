r"""Probabilities of events: how often thresholds are exceeded, and were expected to be.

Of :math:`M` members, the share :math:`p` exceeds the threshold; :math:`o` is one where the truth
does, and zero elsewhere. The Brier score is fair where :math:`p (1 - p) / (M - 1)` is taken off
:math:`(p - o)^2`. Reliability is shown by classes of :math:`p`, as wide as a tenth, around 0,
0.1 to 1: in each, the mean probability beside the frequency of the event.

Sums are kept, so that windows can be pooled: ``weight`` of the places (of the globe, one),
``probability``, ``event`` and ``brier``, each times it.

References:
    | Fair scores for ensemble forecasts (Ferro, 2014), https://doi.org/10.1002/qj.2270
"""

__all__ = ["CLASSES", "SUMS", "event_rows"]

from collections.abc import Sequence

import numpy as np
import pandas as pd

from jaxtyping import Float

from .scores import Estimator

CLASSES = 10  # of probability, and one more
SUMS = ("weight", "probability", "event", "brier")


def event_rows(
    members: Float[np.ndarray, "member place"],
    truth: Float[np.ndarray, " place"],
    weights: Float[np.ndarray, " place"],
    thresholds: Sequence[float],
    *,
    crps: Estimator,
) -> pd.DataFrame:
    """Sums up the probabilities of events: one row by threshold and class of probability.

    Arguments:
        members: The ensemble [unit].
        truth: The true field [unit].
        weights: Weight of each place [1]; they sum to one.
        thresholds: What is to be exceeded [unit].
        crps: ``fair`` or ``ecdf``: as for the CRPS, which is the integral of Brier scores.
    """
    size, tables = len(members), []
    for threshold in thresholds:
        probability = np.count_nonzero(members > threshold, axis=0) / size
        event = (truth > threshold).astype("float64")
        brier = np.square(probability - event)
        if crps == "fair" and size > 1:
            brier = brier - probability * (1 - probability) / (size - 1)
        place = np.floor(CLASSES * probability + 0.5).astype(int)
        sums = [
            np.bincount(place, weights * values, CLASSES + 1)
            for values in (np.ones_like(event), probability, event, brier)
        ]
        about = {"threshold": float(threshold), "class": np.arange(CLASSES + 1)}
        tables.append(pd.DataFrame(about | dict(zip(SUMS, sums, strict=True))))
    table = pd.concat(tables, ignore_index=True)
    return table[table["weight"] > 0].reset_index(drop=True)
