r"""Optimal interpolation, which is 3D-Var solved exactly, in space and time.

Prior: a Gaussian about the climatology with a covariance by zonal wavenumber
(:mod:`galerne.baselines.covariance`), of the training data for optimal interpolation, or of an
analytic kernel for a Gaussian process (kriging). Likelihood: that of the observations, with their
errors and the correlations of them. Observations at other times count by the covariance in time,
and a forecast is what that covariance makes of the last of them; it decays to the climatology.

The kernel is separable: a Matern function of order 3/2 of the chordal distance, positive definite
on the sphere as it is in space, times the same function of time, scaled by the standard deviation
of each channel and row. Channels are independent.

References:
    | Atmospheric data analysis (Daley, 1991), chapters 4 and 5
    | Gaussian processes for machine learning (Rasmussen and Williams, 2006), equation 4.17
"""

__all__ = ["analyse", "kernel_covariance"]

import math

from functools import partial

import numpy as np
import torch

from jaxtyping import Float
from torch import Tensor

from ..assimilate.linear import derivative
from ..assimilate.variational import gauss_newton, leading_inverse
from ..observe.orbit import MEAN_RADIUS
from ..stats.transform import Transform
from .covariance import WaveCovariance
from .fields import Case

LAGS = 64  # of the kernel; beyond, they follow from these
STEPS = 3  # of Gauss-Newton where what is seen is not linear


def analyse(
    case: Case,
    covariance: WaveCovariance,
    *,
    iterations: int,
    modes: int,
    inflation: float = 1.0,
    memory_hours: float = math.inf,
) -> Float[Tensor, "member state channel lat lon"]:
    """Draws members of the posterior of a window [1].

    Arguments:
        case: What is to be analysed.
        covariance: The covariance of the prior.
        iterations: Iterations of the solver.
        modes: Leading vectors of the covariance that precondition it.
        inflation: What the variance of the prior is multiplied by [1].
        memory_hours: Covariances fall by a factor e more in this time [h].
    """
    window = covariance.window(
        len(case.times), inflation=inflation, memory=memory_hours / case.step_hours
    )
    background = window.deviate(case.noise("prior", case.shape))
    if case.table.empty:
        return background
    y = case.y + case.noise("observations", case.y.shape)
    # What is seen of no anomaly is zero: where it is linear, the operator is its own derivative.
    push = case.operator if case.linear else case.derivative
    inverse = leading_inverse(push, window.leading(modes))
    return gauss_newton(
        background, y, partial(derivative, case.operator), window.apply,
        steps=1 if case.linear else STEPS, iterations=iterations, precondition=inverse,
    )  # fmt: skip


def kernel_covariance(
    transform: Transform, *, length_km: float, hours: float, step_hours: float, components: int
) -> WaveCovariance:
    """Makes the covariance of a Gaussian process on the sphere.

    Arguments:
        transform: Holds channels, grid and the variance of anomalies by channel and row.
        length_km: Length of the kernel in space [km].
        hours: Length of the kernel in time [h].
        step_hours: The time between states [h].
        components: Components kept of each wavenumber and channel.
    """
    phi, lam = np.radians(transform.latitude), np.radians(transform.longitude)
    rows, columns = len(phi), len(lam)
    # The chord from each row at the first longitude to each row at every longitude.
    cosine = np.sin(phi)[:, None, None] * np.sin(phi)[:, None] + np.cos(phi)[
        :, None, None
    ] * np.cos(phi)[:, None] * np.cos(lam - lam[0])
    chord = MEAN_RADIUS * np.sqrt(np.maximum(2 - 2 * cosine, 0))
    spectrum = np.fft.rfft(matern(chord / length_km), axis=-1).real
    values, vectors = torch.linalg.eigh(torch.from_numpy(np.moveaxis(spectrum, -1, 0).copy()))
    values = values.flip(-1).clamp_min(0)
    power = values.sum(-1)
    waves = int((power >= 1e-3 * power.max()).nonzero().max()) + 1
    kept = min(components, rows)
    lags = torch.from_numpy(matern(step_hours * np.arange(LAGS) / hours))
    model = WaveCovariance(len(transform.channels), rows, columns, waves, kept, LAGS, True)
    space = vectors.flip(-1)[:waves, :, :kept].contiguous().to(torch.complex64)
    model.space.copy_(torch.view_as_real(space))
    along = (values[:waves, :kept, None] * lags).to(torch.complex64)
    model.lags.copy_(torch.view_as_real(along.contiguous()))
    spread = np.sqrt(transform.variance[0]) / transform.scale[:, None]
    model.spread.copy_(torch.from_numpy(spread)[..., None])
    return model


def matern(distance: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """The Matern function of order 3/2 at distances in units of its length."""
    scaled = math.sqrt(3) * distance
    return (1 + scaled) * np.exp(-scaled)
