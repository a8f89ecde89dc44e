r"""A Gaussian Markov chain of blocks of states, and what is left of it given noisy states.

Windows of consecutive states :math:`x_1, x_2, \dots` in blocks of :math:`g` states follow from the
covariance of two neighbouring blocks,

.. math:: \mathrm{cov} \begin{pmatrix} x_i \\ x_{i+1} \end{pmatrix} =
    \begin{pmatrix} A & B^* \\ B & D \end{pmatrix}, \qquad
    x_{i+1} = F x_i + q_i, \quad F = B A^{-1}, \quad \mathrm{cov}(q_i) = Q = D - F B^*

which is the process itself wherever a block holds all that matters of the past: a process of
Markov order up to :math:`g`. Given :math:`y_i = x_i + \sigma \varepsilon_i` at every block, the
mean is Kalman's filter and the smoother of Rauch, Tung and Striebel, linear in :math:`y`,

.. math::
    m_i & = F m_{i-1} + K_i (y_i - F m_{i-1}), & K_i & = P_i^- (P_i^- + \sigma^2 I)^{-1} \\
    \hat{x}_i & = m_i + J_i (\hat{x}_{i+1} - F m_i), & J_i & = P_i F^* (P_{i+1}^-)^{-1}

and the covariance is :math:`\sigma^2` times this very map. Gains do not depend on :math:`y`, and
soon no longer on :math:`i`: they are computed until they stand still.

Conventions: matrices are batched over their first axis (the zonal wavenumbers). Gains are
computed in double precision and applied in that of the states.

References:
    | Maximum likelihood estimates of linear dynamic systems (Rauch, Tung & Striebel, 1965)
    | https://doi.org/10.2514/3.3166
"""

__all__ = ["Chain", "Gains"]

from dataclasses import dataclass
from functools import cached_property

import torch

from jaxtyping import Complex
from torch import Tensor

STILL = 1e-7  # change of a covariance, as a share of its largest entry, that is none
JITTER = 1e-10  # added to variances, as a share of the largest


@dataclass(frozen=True)
class Gains:
    """What carries a block to its mean and to its neighbours; transposed, to act from the right.

    Arguments:
        forecast: :math:`F^T` into this block; ``None`` for the first.
        filtered: :math:`K^T` of this block.
        smoothed: :math:`J^T` of this block; ``None`` for the last.
        deviation: Transposed square root of the covariance of this block given the next.
    """

    forecast: Tensor | None
    filtered: Tensor
    smoothed: Tensor | None
    deviation: Tensor


class Chain:
    """A stationary chain of blocks.

    Arguments:
        covariance: Of two neighbouring blocks.
        states: States in a block.
    """

    def __init__(self, covariance: Complex[Tensor, "wave n n"], states: int) -> None:
        self.covariance, self.states = covariance.to(torch.complex128), states
        self._kept: dict[tuple[float, int], list[Gains]] = {}

    @cached_property
    def _law(self) -> tuple[Tensor, Tensor, Tensor]:
        """The covariance of a block, the forecast :math:`F` and its error :math:`Q`."""
        half = self.covariance.shape[-1] // 2
        first, cross = self.covariance[:, :half, :half], self.covariance[:, half:, :half]
        first = _regular(first)
        forecast = _divide(cross, first)
        error = self.covariance[:, half:, half:] - forecast @ cross.mH
        return first, forecast, _regular(error)

    def smooth(
        self, y: Complex[Tensor, "wave batch state n"], sigma: float
    ) -> Complex[Tensor, "wave batch state n"]:
        r"""Returns the mean of the states given noisy ones, the mean of all being zero.

        Arguments:
            y: Noisy states.
            sigma: The noise level :math:`\sigma`.
        """
        gains, means, forecasts = self.gains(sigma, y.shape[2]), [], []
        for block, gain in zip(self._blocks(y), gains, strict=True):
            if gain.forecast is None:
                forecast = torch.zeros_like(block)
            else:
                forecast = means[-1] @ gain.forecast
            forecasts.append(forecast)
            means.append(forecast + (block - forecast) @ gain.filtered)
        for i in reversed(range(len(means) - 1)):
            means[i] = means[i] + (means[i + 1] - forecasts[i + 1]) @ gains[i].smoothed
        return self._states(means, y)

    def deviate(
        self, noise: Complex[Tensor, "wave batch state n"], sigma: float
    ) -> Complex[Tensor, "wave batch state n"]:
        """Turns white noise into deviations of the states given noisy ones from their mean.

        Arguments:
            noise: White noise.
            sigma: The noise level.
        """
        gains, found = self.gains(sigma, noise.shape[2]), []
        for block, gain in zip(reversed(self._blocks(noise)), reversed(gains), strict=True):
            deviation = block @ gain.deviation
            found.append(deviation + found[-1] @ gain.smoothed if found else deviation)
        return self._states(found[::-1], noise)

    def gains(self, sigma: float, length: int) -> list[Gains]:
        """Returns the gains of every block of a trajectory; those of the last call are kept.

        Arguments:
            sigma: The noise level.
            length: States in the trajectory.
        """
        if (sigma, length) not in self._kept:
            self._kept = {(sigma, length): self._gains(sigma**2, length)}
        return self._kept[sigma, length]

    def _gains(self, s2: float, length: int) -> list[Gains]:
        first, forecast, error = self._law
        per_state = first.shape[-1] // self.states
        whole, rest = divmod(length, self.states)
        sizes = [self.states * per_state] * whole + [rest * per_state] * (rest > 0)
        found: list[Gains] = []
        predicted, still, into = first[:, : sizes[0], : sizes[0]], False, None
        for k, size in enumerate(sizes):
            last = k == len(sizes) - 1
            if still and not last and sizes[k + 1] == size:
                found.append(found[-1])
                continue
            unit = torch.eye(size, dtype=first.dtype, device=first.device)
            filtered = _divide(predicted, predicted + s2 * unit)
            left = _hermitian(s2 * filtered)
            if last:
                found.append(_single(into, filtered, None, _root(left)))
                break
            onward = forecast[:, : sizes[k + 1], :]
            noise = error[:, : sizes[k + 1], : sizes[k + 1]]
            ahead = _hermitian(onward @ left @ onward.mH + noise)
            smoothed = _divide(left @ onward.mH, ahead)
            kept = unit - smoothed @ onward
            spread = kept @ left @ kept.mH + smoothed @ noise @ smoothed.mH
            found.append(_single(into, filtered, smoothed, _root(spread)))
            change = (ahead - predicted).abs().amax() if len(ahead[0]) == size else 1.0
            still = k > 0 and bool(change <= STILL * predicted.abs().amax())
            predicted, into = ahead, onward
        return found

    def _blocks(self, y: Tensor) -> list[Tensor]:
        return [block.flatten(2) for block in y.split(self.states, dim=2)]

    def _states(self, blocks: list[Tensor], like: Tensor) -> Tensor:
        return torch.cat(blocks, dim=2).view(like.shape)


def _single(into: Tensor | None, filtered: Tensor, smoothed: Tensor | None, root: Tensor) -> Gains:
    """The gains in the precision of states, transposed."""
    parts = (into, filtered, smoothed, root)
    return Gains(*(x if x is None else x.mT.to(torch.complex64) for x in parts))


def _divide(a: Tensor, b: Tensor) -> Tensor:
    """The product of a matrix with the inverse of a positive one."""
    return torch.cholesky_solve(a.mH, torch.linalg.cholesky(b)).mH


def _hermitian(a: Tensor) -> Tensor:
    return (a + a.mH) / 2


def _regular(a: Tensor) -> Tensor:
    """A covariance without directions of no variance at all."""
    least = JITTER * a.diagonal(dim1=-2, dim2=-1).real.amax(-1) + 1e-30
    unit = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    return _hermitian(a) + least[:, None, None] * unit


def _root(a: Tensor) -> Tensor:
    return torch.linalg.cholesky(_regular(a))
