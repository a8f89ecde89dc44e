r"""What goes with what at each place: the localised covariance of some training windows.

The prior's Gaussian is unchanged by turning the globe, so it knows nothing of continents. Here a
window is the sum of two independent parts,

.. math:: z = \zeta + b, \qquad \zeta \sim \mathcal{N}(\mu, (1 - \beta) \Sigma), \qquad
    b \sim \mathcal{N}(0, B), \qquad
    B = \frac{\beta}{1 - \sum_k \omega_k^2} \sum_{k=1}^n \omega_k (x_k x_k^T) \circ C

with windows :math:`x_k` of the training data less their mean, which count for so much,
:math:`\omega_k` of sum one, the nearer they are in the year; and the function of Gaspari and
Cohn :math:`C` of the distance on the sphere, the same for all channels and times: the hybrid
covariance of variational assimilation. Diffusion is of :math:`\zeta`, for which all stays closed;
:math:`b` is drawn along, as one more Gaussian unknown (the control variables that Lorenc adds):
with weights :math:`w_k \sim \mathcal{N}(0, C)`, fields over the sphere,

.. math:: b = \sqrt{\frac{\beta}{1 - \sum_k \omega_k^2}} \sum_k \sqrt{\omega_k} \, w_k \circ x_k

Windows may count, at each place, the more the better they resemble a first guess there
(:mod:`galerne.assimilate.analogs`): then :math:`\sqrt{\omega_k}` is a field too. Windows turned by
a patch either way may count beside them.

A latent speaks of a whole patch of points. Within a patch weights are planes, fitted to those at
its points: a latent's part of a field times a coordinate of the patch is a product with a small
matrix :math:`M = P^T \mathrm{diag}(\text{coordinate}) P` of the decoder's components :math:`P`.
Windows are kept, and multiplied, by the leading components of what they have at a place.

References:
    | A hybrid ensemble Kalman filter-3D variational analysis scheme (Hamill & Snyder, 2000)
    | https://doi.org/10.1175/1520-0493(2000)128<2905:AHEKFV>2.0.CO;2
    | The potential of the ensemble Kalman filter for NWP (Lorenc, 2003), section 5
    | https://doi.org/10.1256/qj.02.132
    | Construction of correlation functions (Gaspari and Cohn, 1999), equation 4.10
    | https://doi.org/10.1002/qj.49712555417
"""

__all__ = ["LocalCovariance"]

import copy

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from jaxtyping import Float
from torch import Tensor

from ..latent.autoencoder import Autoencoder
from .analogs import neighbourhoods, resemblance
from .distances import gaspari_cohn, great_circles

LEAST = 0.03  # windows that count for less are left out: a fifth of them, which change nothing


class LocalCovariance:
    r"""The localised covariance of windows of latents; of longer trajectories, piece by piece.

    Pieces are windows that overlap; each has weights of its own, and fades into the next so that
    variances stay what they are.

    Arguments:
        windows: Windows of latents less their mean, two at least, by components of places.
        components: The components, orthonormal; all of what a window has at a place, or the
            leading ones.
        autoencoder: Whose linear part says what a latent is within a patch.
        latitude: Latitudes of the fields [degrees_north].
        longitude: Longitudes of the fields [degrees_east].
        share: The share of the variance :math:`\beta`.
        length_km: The distance from which places have nothing to do with each other [km].
        season_days: The distance in the year from which on windows do not count [days], which
            falls to there as that of places; ``None``: all count alike.
        inflation: What the variance of both parts is multiplied by.
        turned_share: How much, of one, windows turned by a patch either way count.
        analogs: How windows count by resembling a guess (:meth:`resembling`): the ``sharpness`` of
            that, and ``length_km``, from where on places have no part in it [km]; ``None``: not.
        apart: How far each window is in the year from the first state of each piece [days];
            needed with ``season_days`` only.
        starts: The first state of each piece.
        weights: How much each piece counts in each of its states, of sum one; ``None`` for one
            piece alone.

    Raises:
        ValueError: If there are fewer than two windows, or none count for a piece.
    """

    def __init__(
        self,
        windows: Float[Tensor, "n component y x"],
        components: Float[Tensor, "component state channel"],
        autoencoder: Autoencoder,
        latitude: Float[np.ndarray, " lat"],
        longitude: Float[np.ndarray, " lon"],
        *,
        share: int | float,
        length_km: int | float,
        season_days: int | float | None = None,
        inflation: int | float = 1.0,
        turned_share: int | float = 0.0,
        analogs: Mapping[str, int | float] | None = None,
        apart: Float[np.ndarray, "piece n"] | None = None,
        starts: Sequence[int] = (0,),
        weights: Float[Tensor, "piece state"] | None = None,
    ) -> None:
        if len(windows) < 2:
            raise ValueError(
                f"a local covariance needs windows of the training data, and the prior has "
                f"{len(windows)}: set priors.*.gaussian.windows, or local: null"
            )
        self.share, self.rest = share, inflation * (1 - share)
        self.starts = list(starts)
        self.shape = (*components.shape[1:], *windows.shape[2:])
        counts = torch.ones(len(self.starts), len(windows), dtype=torch.float64)
        if season_days is not None:
            counts = torch.from_numpy(gaspari_cohn(2 * apart / season_days))
            counts = torch.where(counts < LEAST, 0, counts).double()
        counts, windows = _that_count(counts, windows, season_days)
        self.turns = (0, 1, -1) if turned_share else (0,)
        shares = [1 - turned_share, turned_share / 2, turned_share / 2][: len(self.turns)]
        omega = counts / counts.sum(1, keepdim=True)
        omega = torch.cat([part * omega for part in shares], 1)
        size = inflation * share / (1 - omega.square().sum(1))
        self.omega, self.size = (part.to(windows.device, torch.float32) for part in (omega, size))
        # Of how much windows count, by piece, place, member and window.
        self.roots = (self.size[:, None] * self.omega).sqrt()[:, None, None]
        self.windows = windows.float().flatten(-2).movedim(-1, 0).contiguous()  # place n component
        self.components = components.float().flatten(1)
        self.analogs, patches = analogs, windows.shape[2:]
        if analogs is not None:
            near = neighbourhoods(latitude, longitude, patches, analogs["length_km"])
            self.near = torch.from_numpy(near).to(self.windows)
        ones = torch.ones(1, self.shape[0])
        self.fading = (ones if weights is None else weights).sqrt().to(self.windows)
        basis, side = autoencoder.basis, autoencoder.downsampling
        planes = _planes(side)
        coordinates = planes.repeat(len(basis) // side**2, 1).to(basis)
        moments = torch.einsum("fk,fa,fl->akl", basis, coordinates, basis)
        # What a component times a coordinate of the patch is at a place of a window.
        parts = torch.einsum("ctk,akl->actl", components.float(), moments)
        self.parts = parts.flatten(2)  # coordinate component rest
        correlation = torch.from_numpy(_between(latitude, longitude, side, planes, length_km))
        values, vectors = torch.linalg.eigh(correlation)
        root = vectors * values.clamp_min(0).sqrt()
        self.root = root.float().to(self.windows)
        self.correlation = (root @ root.T).float().to(self.windows)

    def product(
        self, v: Float[Tensor, "batch state channel y x"]
    ) -> Float[Tensor, "batch state channel y x"]:
        """Multiplies trajectories by the covariance :math:`B`."""
        total = torch.zeros_like(v)
        for start, fading, roots in self._pieces:
            piece = slice(start, start + self.shape[0])
            weights = self._weighted(self._along(self._rows(v[:, piece] * fading)), roots)
            weights = self._weighted(self._correlate(self.correlation, weights), roots)
            total[:, piece] += fading * self._fields(weights)
        return total

    def deviate(
        self, noise: Callable[..., Tensor], states: int
    ) -> Float[Tensor, "batch state channel y x"]:
        """Draws :math:`b`.

        Arguments:
            noise: White noise of each member, by use and shape.
            states: States of a trajectory.
        """
        places, count = len(self.windows), self.omega.shape[1]
        total = None
        for number, (start, fading, roots) in enumerate(self._pieces):
            white = noise(f"local/{number}", (len(self.parts), count, places))
            weights = self._correlate(self.root, white.permute(3, 1, 0, 2).flatten(1, 2))
            part = fading * self._fields(self._weighted(weights, roots))
            if total is None:
                total = part.new_zeros(len(part), states, *self.shape[1:])
            total[:, start : start + self.shape[0]] += part
        return total

    def resembling(self, guess: Float[Tensor, "batch state channel y x"]) -> "LocalCovariance":
        """Returns the covariance of windows that count, at each place, as they resemble a guess.

        Arguments:
            guess: Trajectories less the mean of the prior: one for all members, or one each.
        """
        other, found = copy.copy(self), []
        squares = self.windows.square().sum(2)[:, None]
        squares = self.near @ self._joined([squares] * len(self.turns))[:, 0]
        for (start, _, _), omega, size in zip(self._pieces, self.omega, self.size, strict=True):
            places = guess[:, start : start + self.shape[0]].flatten(-2).movedim(-1, 0).flatten(2)
            rows = places @ self.components.T
            along = torch.tensordot(self.near, self._along(rows), 1)
            own = self.near @ rows.square().sum(2)
            counts = resemblance(along, own, squares, omega, self.analogs["sharpness"])
            found.append((size * counts).sqrt())
        other.roots = torch.stack(found)
        return other

    @property
    def _pieces(self) -> list[tuple[int, Tensor, Tensor]]:
        """The first state of each piece, how it fades, and the roots of how much windows count."""
        fading = self.fading[..., None, None, None]
        return list(zip(self.starts, fading, self.roots, strict=True))

    def _rows(self, v: Tensor) -> Float[Tensor, "place row component"]:
        """Windows by components of places; a row is a coordinate and a member."""
        places = v.flatten(-2).movedim(-1, 0).flatten(2)
        rows = places @ self.parts.flatten(0, 1).T
        return rows.unflatten(2, self.parts.shape[:2]).transpose(1, 2).flatten(1, 2)

    def _along(self, rows: Tensor) -> Float[Tensor, "place row n"]:
        """Products of rows with the windows, and with those turned: rows are turned back."""
        back = torch.cat([self._turned(rows, -turn) for turn in self.turns], 1)
        products = torch.bmm(back, self.windows.mT).chunk(len(self.turns), 1)
        return self._joined(products)

    def _joined(self, parts: Sequence[Tensor]) -> Float[Tensor, "place row n"]:
        """What is at the places of windows, at those where they are turned to."""
        pairs = zip(parts, self.turns, strict=True)
        return torch.cat([self._turned(part, turn) for part, turn in pairs], 2)

    def _turned(self, x: Float[Tensor, "place ..."], turn: int) -> Float[Tensor, "place ..."]:
        if turn == 0:
            return x
        return x.unflatten(0, self.shape[2:]).roll(turn, 1).flatten(0, 1)

    def _weighted(self, weights: Float[Tensor, "place row n"], roots: Tensor) -> Tensor:
        """Weights times the roots of how much windows count, of each member alike or its own."""
        order = (len(self.parts), -1)
        return (weights.unflatten(1, order) * roots[:, None]).flatten(1, 2)

    def _correlate(self, matrix: Tensor, weights: Float[Tensor, "place row n"]) -> Tensor:
        """Multiplies weights, of each window and member, by a matrix over places."""
        order = (len(self.parts), -1, weights.shape[2])
        flat = weights.unflatten(1, order[:2]).flatten(0, 1).flatten(1)
        return (matrix @ flat).view(len(weights), -1, weights.shape[2])

    def _fields(self, weights: Float[Tensor, "place row n"]) -> Tensor:
        """The sum of the windows times their weights."""
        pairs = zip(weights.chunk(len(self.turns), 2), self.turns, strict=True)
        back = torch.cat([self._turned(part, -turn) for part, turn in pairs], 1)
        found = torch.bmm(back, self.windows).chunk(len(self.turns), 1)
        found = sum(self._turned(part, turn) for part, turn in zip(found, self.turns, strict=True))
        rows = found.unflatten(1, (len(self.parts), -1))
        places = rows.transpose(1, 2).flatten(2) @ self.parts.flatten(0, 1)
        return places.movedim(0, -1).unflatten(1, self.shape[:2]).unflatten(-1, self.shape[2:])


def _that_count(
    counts: Float[Tensor, "piece n"], windows: Tensor, season_days: int | float | None
) -> tuple[Float[Tensor, "piece kept"], Tensor]:
    """The windows that count for some piece, and for how much."""
    if int((counts > 0).sum(1).min()) < 2:
        raise ValueError(
            f"a local covariance needs windows of the season, and of {len(windows)} that the "
            f"prior keeps fewer than two count within {season_days:g} days: raise season_days, or "
            "priors.*.gaussian.windows"
        )
    kept = (counts > 0).any(0)
    return counts[:, kept], windows[kept.to(windows.device)]


def _planes(side: int) -> Float[Tensor, "point coordinate"]:
    """One and the coordinates of the points of a patch, orthogonal; of one point, one alone."""
    offset = (torch.arange(side) - (side - 1) / 2) / side
    y, x = torch.meshgrid(offset, offset, indexing="ij")
    coordinates = [torch.ones(side**2), y.flatten(), x.flatten()]
    return torch.stack(coordinates[: 1 if side == 1 else 3], 1)


def _between(
    latitude: np.ndarray, longitude: np.ndarray, side: int, planes: Tensor, length_km: int | float
) -> Float[np.ndarray, "n n"]:
    """The covariance of the planes of all patches, of weights that correlate as they should.

    Row by row of patches, for all points at once would be a large matrix.
    """
    fit = np.linalg.pinv(planes.double().numpy())
    phi, lam = (a.astype("float64") for a in np.meshgrid(latitude, longitude, indexing="ij"))
    rows, columns = len(latitude) // side, len(longitude) // side

    def patches(field: np.ndarray) -> np.ndarray:
        cut = field.reshape(rows, side, columns, side).transpose(0, 2, 1, 3)
        return cut.reshape(rows * columns, side**2)

    phi, lam = patches(phi), patches(lam)
    found = np.empty((rows * columns, len(fit), rows * columns, len(fit)))
    for patch in range(rows * columns):
        apart = great_circles((phi[patch], lam[patch]), (phi.ravel(), lam.ravel()))
        near = gaspari_cohn(2 * apart / length_km).reshape(side**2, rows * columns, side**2)
        found[patch] = np.einsum("ai,iqj,bj->aqb", fit, near, fit)
    return found.reshape(rows * columns * len(fit), -1)
