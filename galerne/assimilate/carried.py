r"""States that a member carries from one window into the next, as observations of latents.

The states :math:`\check{z}` that a member had in the window before are observed with an error of
standard deviation :math:`e`, beside whatever the instruments see:

.. math:: y' = \begin{pmatrix} y \\ \check{z} / e \end{pmatrix}, \qquad
    A'(z) = \begin{pmatrix} A(z) \\ S z / e \end{pmatrix}

with the selection :math:`S` of these states. Latents have unit variance, so :math:`e` is a share
of the climatological spread. Each member has its own :math:`y'`, and all share the operator.
"""

__all__ = ["Carried", "WithCarried"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from jaxtyping import Float
from torch import Tensor, nn

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Carried:
    """States of the window before.

    Arguments:
        states: The states of each member.
        places: Where they lie in the window, counted from its first state.
        error: The standard deviation of their error [1].
    """

    states: Float[Tensor, "member given latent y x"]
    places: Sequence[int]
    error: float

    def __post_init__(self) -> None:
        if not self.error > 0:
            raise ValueError(f"error of carried states: {self.error} is not above 0")

    def observed(
        self, y: Float[Tensor, " obs"], places: Sequence[int] | None = None
    ) -> Float[Tensor, "member obs2"]:
        """Whitened observations of each member: those given, then the states.

        Arguments:
            y: The observations given.
            places: The members, by their places; ``None``: all.
        """
        states = self.states if places is None else self.states[list(places)]
        own = (states.to(y.device) / self.error).flatten(1)
        return torch.cat([y.to(own).expand(len(own), -1), own], dim=1)


class WithCarried(nn.Module):
    """Sees what an operator sees, then the carried states, whitened.

    Arguments:
        operator: The operator; ``None`` sees nothing.
        carried: The states.
    """

    def __init__(self, operator: nn.Module | None, carried: Carried) -> None:
        super().__init__()
        self.operator, self.error = operator, carried.error
        self.places = list(carried.places)

    def forward(self, z: Float[Tensor, "batch state latent y x"]) -> Float[Tensor, "batch obs"]:
        """Returns what is seen [1]."""
        own = self._own(z)
        return own if self.operator is None else torch.cat([self.operator(z), own], dim=1)

    def linearise(
        self, z: Float[Tensor, "batch state latent y x"]
    ) -> tuple[Float[Tensor, "batch obs"], Product, Product]:
        """As :meth:`galerne.assimilate.forward.ForwardOperator.linearise`."""
        if self.operator is None:
            return self._own(z), self._own, self._back(z.shape)
        seen, push, pull = self.operator.linearise(z)
        count, back = seen.shape[1], self._back(z.shape)
        return (
            torch.cat([seen, self._own(z)], dim=1),
            lambda v: torch.cat([push(v), self._own(v)], dim=1),
            lambda w: pull(w[:, :count].contiguous()) + back(w[:, count:]),
        )

    def push(self, z: Tensor, change: Tensor) -> Tensor:
        """As :meth:`galerne.assimilate.forward.ForwardOperator.push`."""
        own = self._own(change)
        return own if self.operator is None else torch.cat([self.operator.push(z, change), own], 1)

    def _own(self, z: Tensor) -> Tensor:
        return z[:, self.places].flatten(1) / self.error

    def _back(self, shape: torch.Size) -> Product:
        def back(w: Tensor) -> Tensor:
            z = w.new_zeros(len(w), *shape[1:])
            z[:, self.places] = w.unflatten(1, (len(self.places), *shape[2:])) / self.error
            return z

        return back
