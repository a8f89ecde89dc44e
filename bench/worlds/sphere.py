r"""Smooth fields on the sphere whose window covariance is known.

Each latent channel is a field of spherical harmonics, whose coefficients of degree :math:`l`
are turned about the axis and damped from state to state, an AR(1) process,

.. math:: a_{i+1} = \phi_l \, R(\alpha) \, a_i + \sqrt{C_l (1 - \phi_l^2)} \, \epsilon_i, \qquad
    a_i \sim \mathcal{N}(0, C_l)

so that the covariance on a grid is isotropic in space, travels in time, and does not change
when the globe is turned: :class:`galerne.prior.gaussian.WindowGaussian` holds it exactly, with
all components. By the addition theorem, the covariance of two points of one state at the angle
:math:`\gamma` is :math:`\sum_l C_l \frac{2l + 1}{4 \pi} P_l(\cos \gamma)`.

Windows are ordered ``state channel lat lon``; everything here is in double precision.
"""

__all__ = ["Dynamics", "Grid", "window_gaussian"]

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from scipy.special import sph_harm_y

from galerne.prior.gaussian import WindowGaussian


@dataclass(frozen=True)
class Grid:
    """A latitude-longitude grid without poles.

    Arguments:
        rows: Latitudes.
        columns: Longitudes, even.
    """

    rows: int
    columns: int

    @property
    def latitude(self) -> np.ndarray:
        """Row centres [degrees_north], north to south."""
        return 90 - 180 * (np.arange(self.rows) + 0.5) / self.rows

    @property
    def longitude(self) -> np.ndarray:
        """Column centres [degrees_east]."""
        return 360 * np.arange(self.columns) / self.columns

    def harmonics(self, degree: int) -> np.ndarray:
        """Real orthonormal harmonics at the points: (point, (degree + 1)**2), by degree.

        Of each degree, the order runs from -degree (sines) to degree (cosines).
        """
        colatitude = np.radians(90 - self.latitude)[:, None]
        longitude = np.radians(self.longitude)[None, :]
        columns = []
        for n in range(degree + 1):
            for m in range(-n, n + 1):
                value = sph_harm_y(n, abs(m), colatitude, longitude)
                part = value.imag if m < 0 else value.real
                columns.append((part * (np.sqrt(2) if m else 1)).ravel())
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Dynamics:
    r"""The process of the latent channels, independent of each other.

    Arguments:
        grid: Where fields are looked at.
        spectrum: The variance :math:`C_l` of a coefficient, shape (channel, degree + 1).
        memory: The correlation :math:`\phi_l` from state to state, likewise.
        turn: The angle :math:`\alpha` of each channel from state to state [rad], eastward.
    """

    grid: Grid
    spectrum: np.ndarray
    memory: np.ndarray
    turn: np.ndarray

    @classmethod
    def build(
        cls, grid: Grid, degree: int, *, turn: float, widths: tuple[float, ...] = (2.0, 4.0)
    ) -> "Dynamics":
        """Fields of unit variance; one channel for each width, the knee of its spectrum."""
        n = np.arange(degree + 1)
        spectrum = np.stack([(1 + (n / width) ** 2) ** -2.5 for width in widths])
        spectrum /= (spectrum * (2 * n + 1)).sum(1, keepdims=True) / (4 * np.pi)
        memory = np.stack([np.exp(-(n + 1) / (6 * width)) for width in widths])
        turns = turn * np.array([1.0, -0.6])[np.arange(len(widths)) % 2]
        return cls(grid, spectrum, memory, turns)

    def misjudged(self, factor: float) -> "Dynamics":
        """What a bad fit would see: variances off by scale, too short a memory, no waves.

        Arguments:
            factor: The largest scales have this times their variance, the smallest this
                times less.
        """
        degree = self.spectrum.shape[1] - 1
        wrong = factor ** (1 - 2 * np.arange(degree + 1) / degree)
        return Dynamics(self.grid, self.spectrum * wrong, self.memory**2, 0 * self.turn)

    @property
    def channels(self) -> int:
        """The number of latent channels."""
        return len(self.spectrum)

    @cached_property
    def harmonics(self) -> np.ndarray:
        """Coefficients of all channels to latent fields: (channel and point, coefficient)."""
        one = self.grid.harmonics(self.spectrum.shape[1] - 1)
        return np.kron(np.eye(self.channels), one)

    @cached_property
    def variance(self) -> np.ndarray:
        """The variance of each coefficient of all channels."""
        count = 2 * np.arange(self.spectrum.shape[1]) + 1
        return np.repeat(self.spectrum, count, axis=1).ravel()

    @cached_property
    def transition(self) -> np.ndarray:
        """The matrix that carries coefficients from state to state."""
        orders = np.concatenate([np.arange(-n, n + 1) for n in range(self.spectrum.shape[1])])
        size = len(orders)
        matrix = np.zeros((self.channels * size, self.channels * size))
        mirror = np.arange(size) - 2 * orders  # the other of a pair of sine and cosine
        count = 2 * np.arange(self.spectrum.shape[1]) + 1
        for c in range(self.channels):
            damping = np.repeat(self.memory[c], count)
            block = np.zeros((size, size))
            block[np.arange(size), np.arange(size)] = damping * np.cos(orders * self.turn[c])
            # cos' = cos C - sin S, sin' = cos S + sin C; orders of sines are negative.
            off = -damping * np.sin(orders * self.turn[c])
            nonzero = orders != 0
            block[np.arange(size)[nonzero], mirror[nonzero]] = off[nonzero]
            part = slice(c * size, (c + 1) * size)
            matrix[part, part] = block
        return matrix

    def covariance(self, states: int) -> np.ndarray:
        """The covariance of a window of latents, (window, window)."""
        powers = [np.eye(len(self.variance))]
        for _ in range(states - 1):
            powers.append(self.transition @ powers[-1])
        Y = self.harmonics
        lagged = [Y @ (power * self.variance) @ Y.T for power in powers]
        blocks = [
            [lagged[i - j] if i >= j else lagged[j - i].T for j in range(states)]
            for i in range(states)
        ]
        return np.block(blocks)


def window_gaussian(
    covariance: np.ndarray, states: int, channels: int, grid: Grid
) -> WindowGaussian:
    """Holds a covariance that does not change with longitude, with all components.

    Raises:
        ValueError: If the covariance changes when the globe is turned.
    """
    rows, columns = grid.rows, grid.columns
    size = states * channels * rows
    full = covariance.reshape(size, columns, size, columns)
    turned = np.roll(full, (1, 1), axis=(1, 3))
    if np.abs(turned - full).max() > 1e-9 * np.abs(full).max():
        raise ValueError("the covariance changes when the globe is turned")
    waves = np.moveaxis(np.fft.fft(full[..., 0], axis=1), 1, 0)[: columns // 2 + 1]
    values, vectors = torch.linalg.eigh(torch.from_numpy(waves))
    space, model = channels * rows, WindowGaussian(states, channels, rows, columns, size)
    identity = torch.view_as_real(torch.eye(space).to(torch.complex64))
    model.space.copy_(identity.expand(len(waves), -1, -1, -1))
    model.joint.copy_(torch.view_as_real(vectors.flip(-1).contiguous()))
    model.variance.copy_(values.flip(-1).clamp_min(0))
    model.rest.copy_(
        torch.view_as_real(torch.eye(states).to(torch.complex64)).expand_as(model.rest)
    )
    return model.requires_grad_(False)
