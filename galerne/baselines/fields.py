"""What instruments see of fields of anomalies, and members drawn of them.

The observation operator is that of the posterior (:mod:`galerne.assimilate.forward`) with a
decoder that changes nothing, so derived variables, logarithms and correlated errors are taken
alike.
"""

__all__ = ["Case", "Fields", "Noise", "distances"]

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from jaxtyping import Float
from torch import Tensor

from ..assimilate.distances import great_circles
from ..assimilate.forward import ForwardOperator
from ..assimilate.linear import derivative
from ..assimilate.whitening import Whitening
from ..latent.autoencoder import Autoencoder
from ..observe.noise import generator
from ..observe.operator import ObservationOperator
from ..stats.logarithm import epsilons
from ..stats.transform import Transform


class Fields(Autoencoder):
    """Latents that are the fields themselves."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def decode(
        self, z: Float[Tensor, "batch channel lat lon"]
    ) -> Float[Tensor, "batch channel lat lon"]:
        """Returns the fields."""
        return z

    decode_linearly = decode


@dataclass(frozen=True)
class Noise:
    """White noise of the members of an ensemble, another one for each use.

    Arguments:
        seed: The seed that all members share.
        members: The numbers of the members; each has its own, whatever the others.
    """

    seed: int
    members: Sequence[int]

    def __call__(self, use: str, shape: Sequence[int]) -> Float[Tensor, "member ..."]:
        """Draws for a use, of a shape for each member."""
        rngs = (generator(self.seed, "baseline", str(k), use) for k in self.members)
        drawn = [rng.standard_normal(tuple(shape), dtype="float32") for rng in rngs]
        return torch.from_numpy(np.stack(drawn))


@dataclass(frozen=True)
class Case:
    """What is to be analysed: consecutive states, and the observations that may be used.

    Arguments:
        transform: The transform between anomalies and fields.
        table: The observations; those withheld or after the cutoff are already gone.
        times: The times of the states, shape (state,).
        noise: White noise of each member, by use and shape.
        members: The numbers of the members.
    """

    transform: Transform
    table: pd.DataFrame
    times: np.ndarray
    noise: Noise
    members: Sequence[int]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Sizes of the states: state, channel, lat, lon."""
        t = self.transform
        return (len(self.times), len(t.channels), len(t.latitude), len(t.longitude))

    @property
    def step_hours(self) -> float:
        """The time between states [h]."""
        return float((self.times[1] - self.times[0]) / np.timedelta64(1, "h"))

    @cached_property
    def operator(self) -> ForwardOperator:
        """What is seen of anomalies, whitened [1]."""
        t = self.transform
        operator = ObservationOperator.build(
            self.table,
            times=self.times,
            channels=t.channels,
            latitude=t.latitude,
            longitude=t.longitude,
        )
        centre, scale = t.centre(self.times), t.scale_at(self.times)
        whitening = Whitening(self.table)
        return ForwardOperator(Fields(), operator, centre, scale, epsilons(t.channels), whitening)

    @cached_property
    def y(self) -> Float[Tensor, " obs"]:
        """The observations less the climatology, whitened [1]."""
        return self.operator.innovate(self.table["observation"].to_numpy())

    @property
    def linear(self) -> bool:
        """Whether what is seen is linear in the anomalies."""
        return not (self.operator.winds or self.operator.curved)

    def derivative(self, v: Float[Tensor, "n state channel lat lon"]) -> Float[Tensor, "n obs"]:
        """Multiplies anomalies by the derivative of the operator at the climatology."""
        return derivative(self.operator, torch.zeros_like(v))[1](v)

    @property
    def hours(self) -> Float[np.ndarray, " obs"]:
        """When observations were made, from the first state [h]."""
        since = self.table["time"].to_numpy() - self.times[0]
        return since / np.timedelta64(1, "h")


def distances(
    case: Case, latitude: np.ndarray, longitude: np.ndarray
) -> Float[np.ndarray, "node obs"]:
    """Great-circle distances of the observations from points of a grid [km]."""
    nodes = tuple(a.ravel() for a in np.meshgrid(latitude, longitude, indexing="ij"))
    return great_circles(nodes, tuple(case.table[["lat", "lon"]].to_numpy(float).T))
