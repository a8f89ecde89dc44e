"""What the members of an ensemble would have seen, gathered while their fields pass by.

The linear part of an observation operator is a sum over places of several states and channels;
each field adds its own terms, so that no trajectory is ever in memory whole.
"""

__all__ = ["Sightings"]

import numpy as np

from jaxtyping import Float, Shaped
from scipy import sparse

from ..observe.derived import speed
from ..observe.operator import ObservationOperator


class Sightings:
    """Observations of several trajectories at once, field by field.

    Arguments:
        operator: The observation operator, for trajectories ``time channel lat lon``.
        trajectories: How many there are.
    """

    def __init__(self, operator: ObservationOperator, trajectories: int):
        sums = operator.sums
        _, channels, rows, columns = sums.shape
        self.operator, self.channels, self.places = operator, channels, rows * columns
        self.sums = np.zeros((len(sums.indices), trajectories))
        terms = np.nonzero(sums.weights.ravel())[0]
        self._row = terms // sums.weights.shape[1]
        self._place = sums.indices.ravel()[terms]
        self._weight = sums.weights.ravel()[terms]
        order = np.argsort(self._place // self.places, kind="stable")
        self._row, self._place, self._weight = (
            values[order] for values in (self._row, self._place, self._weight)
        )
        fields = np.arange(sums.shape[0] * channels + 1)
        self._first = np.searchsorted(self._place // self.places, fields)

    def wants(self, time: int, channel: int) -> bool:
        """Whether a field contributes to any observation."""
        field = time * self.channels + channel
        return bool(self._first[field] < self._first[field + 1])

    def add(self, time: int, channel: int, fields: Shaped[np.ndarray, "trajectory place"]) -> None:
        """Adds what one field of every trajectory contributes.

        Arguments:
            time: Index of the state.
            channel: Index of the channel.
            fields: The field of each trajectory [unit of the channel].
        """
        field = time * self.channels + channel
        own = slice(self._first[field], self._first[field + 1])
        entries = (self._weight[own], (self._row[own], self._place[own] - field * self.places))
        matrix = sparse.csr_array(entries, shape=(len(self.sums), self.places))
        self.sums += matrix @ fields.T.astype("float64")

    def values(self) -> Float[np.ndarray, "trajectory obs"]:
        """What each trajectory would have seen without error [unit of each observation]."""
        first, second = self.operator.first, self.operator.second
        one, other = self.sums[first].T, self.sums[second].T
        return np.where(second < 0, one, speed(one, other)) if len(first) else one
