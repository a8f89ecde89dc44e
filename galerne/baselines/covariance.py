r"""Climatological covariances of anomalies that turning the globe leaves as they are.

With the Fourier transform along longitude, a field :math:`x` of :math:`S` channels and rows
becomes :math:`\hat{x}_m \in \mathbb{C}^S` for each wavenumber :math:`m`, and

.. math:: \mathrm{cov}(\hat{x}_m(\tau + l), \hat{x}_m(\tau)) =
    s \sum_k c_{mk}(l) \, u_{mk} u_{mk}^* \, s

with orthonormal :math:`u_{mk}`, a spread :math:`s` by channel and row, and for each component a
covariance in time :math:`c_{mk}(l)`, complex, so that waves travel. The :math:`u_{mk}` hold what
goes with what: variables, levels and latitudes. Longer lags than are known follow from the
autoregression of the known ones (Yule-Walker), whose covariances they are.

Components are found in one part of the data, their covariances in time in another (held out):
those of the data that made the components are too large for the first and too small for the last.

Conventions: orthonormal transforms, so white noise is white in every basis.
"""

__all__ = [
    "LAGS", "MOST_NUMBERS", "WaveCovariance", "WindowCovariance", "alternate_blocks",
    "fit_covariance", "runs",
]  # fmt: skip

import math

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from jaxtyping import Complex, Float
from torch import Tensor, nn

from ..latent.record import StandardisedStates

MOST_NUMBERS = 4096  # channels times rows: a wavenumber has the square of it
RIDGE = 1e-6  # share of the variance added where an autoregression is found
NEGLIGIBLE = 2e-4  # share of the variance of a wavenumber that is left out, with all above it

BLOCK = 120  # states that are held out, or not, together
CYCLE = 4  # one block of so many is held out
LAGS = 9  # of covariances in time that are estimated

Blocks = Callable[[bool], Iterable[Float[Tensor, "time channel lat lon"]]]


class WaveCovariance(nn.Module):
    """A covariance of anomalies in space and time.

    Arguments:
        channels: Channels of a state.
        rows: Rows of the grid.
        columns: Columns of the grid.
        waves: Wavenumbers kept, from zero.
        components: Components of a wavenumber.
        lags: Lags known, from zero.
        univariate: Whether components are of each channel for itself, alike for all.
    """

    def __init__(
        self,
        channels: int,
        rows: int,
        columns: int,
        waves: int,
        components: int,
        lags: int,
        univariate: bool = False,
    ) -> None:
        super().__init__()
        self.arguments = {
            "channels": channels, "rows": rows, "columns": columns, "waves": waves,
            "components": components, "lags": lags, "univariate": univariate,
        }  # fmt: skip
        self.shape = (channels, rows, columns)
        self.groups = channels if univariate else 1
        size = channels * rows // self.groups
        self.register_buffer("space", torch.zeros(waves, size, components, 2))
        self.register_buffer("lags", torch.zeros(waves, components, lags, 2))
        self.register_buffer("spread", torch.ones(channels, rows, 1))

    def window(
        self, states: int, *, inflation: float = 1.0, memory: float = math.inf
    ) -> "WindowCovariance":
        """Returns the covariance of a window of consecutive states.

        Arguments:
            states: How many.
            inflation: What the variance is multiplied by [1].
            memory: Covariances fall by a factor e more in so many states.
        """
        lags = extend(torch.view_as_complex(self.lags), states)
        lags = inflation * lags * torch.exp(-torch.arange(states) / memory)
        return WindowCovariance(self, toeplitz(lags))


class WindowCovariance:
    """The covariance of a window of anomalies, by its products.

    Arguments:
        whole: The covariance in space, and its components.
        time: The covariance of each component in time.
    """

    def __init__(
        self, whole: WaveCovariance, time: Complex[Tensor, "wave component state state"]
    ) -> None:
        self.whole, self.groups = whole, whole.groups
        self.shape = (time.shape[-1], *whole.shape)
        self.space = torch.view_as_complex(whole.space)
        self.values, self.vectors = torch.linalg.eigh(time)
        self.values = self.values.clamp_min(0)
        self.time, self.root = (self._function(v) for v in (self.values, self.values.sqrt()))
        self.analysis, self.synthesis = _transforms(whole.shape[-1], len(self.space))

    def apply(
        self, v: Float[Tensor, "batch state channel lat lon"]
    ) -> Float[Tensor, "batch state channel lat lon"]:
        """Multiplies anomalies by the covariance."""
        return self._through(v * self.whole.spread, self.time)

    def deviate(
        self, noise: Float[Tensor, "batch state channel lat lon"]
    ) -> Float[Tensor, "batch state channel lat lon"]:
        """Turns white noise into anomalies of this covariance, of mean zero."""
        return self._through(noise, self.root)

    def leading(
        self, count: int, chunk: int = 32
    ) -> Iterator[tuple[Float[Tensor, "n state channel lat lon"], Float[Tensor, " n"]]]:
        """Yields vectors whose outer products, times variances, are most of the covariance.

        Arguments:
            count: How many at most; a wave has two, a quarter of a wavelength apart.
            chunk: How many at a time.
        """
        order = self.values.flatten().argsort(descending=True, stable=True)
        found: list[tuple[int, int, complex]] = []
        for index in order[self.values.flatten()[order] > 0].tolist():
            wave = index // self.values[0].numel()
            phases = (1 + 0j, 1j)[: 1 if wave in (0, self.shape[-1] // 2) else 2]
            found += [(index, g, p) for g in range(self.groups) for p in phases]
            if len(found) >= count:
                break
        for first in range(0, min(count, len(found)), chunk):
            part = found[first : min(first + chunk, count)]
            yield self._vectors(part), self.values.flatten()[[index for index, *_ in part]]

    def _vectors(self, chosen: list[tuple[int, int, complex]]) -> Tensor:
        waves, size, _ = self.space.shape
        spectrum = self.space.new_zeros(waves, len(chosen), self.shape[0], self.groups, size)
        for k, (index, group, phase) in enumerate(chosen):
            wave, rest = divmod(index, self.values[0].numel())
            component, place = divmod(rest, self.shape[0])
            norm = phase if wave in (0, self.shape[-1] // 2) else phase * 0.5**0.5
            in_time = self.vectors[wave, component, :, place]
            in_space = self.space[wave, :, component]
            spectrum[wave, k, :, group] = norm * in_time[:, None] * in_space
        return self._fields(spectrum, len(chosen)) * self.whole.spread

    def _through(self, v: Tensor, time: Tensor) -> Tensor:
        """Multiplies anomalies by a matrix in time for each component."""
        batch, states, waves = len(v), self.shape[0], len(self.space)
        planes = self.analysis @ v.reshape(-1, v.shape[-1]).T
        spectrum = torch.complex(planes[:waves], planes[waves:])
        along = spectrum.reshape(waves, -1, self.space.shape[1]) @ self.space.conj()
        along = along.unflatten(1, (batch, states, self.groups))
        along = torch.einsum("wkts,wnsgk->wntgk", time, along).flatten(1, 3)
        return self._fields(along @ self.space.mT, batch) * self.whole.spread

    def _fields(self, spectrum: Tensor, batch: int) -> Tensor:
        flat = spectrum.reshape(len(spectrum), -1)
        fields = torch.cat([flat.real, flat.imag]).T @ self.synthesis
        return fields.reshape(batch, *self.shape)

    def _function(self, values: Tensor) -> Tensor:
        return (self.vectors * values[..., None, :]) @ self.vectors.mH


def fit_covariance(blocks: Blocks, components: int, lags: int) -> WaveCovariance:
    """Fits components to some blocks of anomalies, and their covariances in time to others.

    Arguments:
        blocks: Yields blocks of consecutive standardised anomalies [1], those held out if called
            with ``True``, all others if called with ``False``.
        components: Components of each wavenumber.
        lags: Lags, from zero to one less, of covariances in time.

    Raises:
        ValueError: If there is no block, no held-out block of so many states, or states are too
            large.
    """
    covariance, shape = _spatial(blocks)
    power = covariance.diagonal(dim1=1, dim2=2).real.sum(-1)
    waves = int((power >= NEGLIGIBLE * power.sum()).nonzero().max()) + 1
    components = min(components, covariance.shape[-1])
    model = WaveCovariance(*shape, waves, components, lags)
    _, vectors = torch.linalg.eigh(covariance[:waves])
    space = vectors.flip(-1)[..., :components].contiguous()
    total, count = torch.zeros(waves, components, lags, dtype=torch.complex128), 0
    for block in blocks(True):
        if len(block) < lags:
            continue
        along = (_waves(block)[:waves] @ space.conj()).to(torch.complex128)
        for lag in range(lags):  # all divided by one number: never indefinite
            later, earlier = along[:, lag:], along[:, : len(block) - lag]
            total[..., lag] += (later * earlier.conj()).sum(1)
        count += len(block)
    if not count:
        raise ValueError(f"no held-out part of the training data has {lags} consecutive states")
    model.space.copy_(torch.view_as_real(space))
    model.lags.copy_(torch.view_as_real((total / count).to(torch.complex64)))
    return model


def _spatial(blocks: Blocks) -> tuple[Tensor, tuple[int, int, int]]:
    total, count, shape = 0.0, 0, None
    for block in blocks(False):
        shape = tuple(block.shape[1:])
        if shape[0] * shape[1] > MOST_NUMBERS:
            raise ValueError(
                f"{shape[0]} channels on {shape[1]} rows are too many for a covariance by "
                f"wavenumber: at most {MOST_NUMBERS} in all"
            )
        waves = _waves(block)
        total, count = total + waves.mT @ waves.conj(), count + len(block)
    if shape is None:
        raise ValueError("no part of the training data is left to find components in")
    return (total + total.mH) / (2 * count), shape


def _waves(block: Tensor) -> Complex[Tensor, "wave time s"]:
    return torch.fft.rfft(block, dim=-1, norm="ortho").movedim(-1, 0).flatten(2)


def extend(lags: Complex[Tensor, "*mode lag"], count: int) -> Complex[Tensor, "*mode count"]:
    """Covariances at the first lags: known ones, and then those of their autoregression."""
    known = lags.shape[-1]
    if count <= known or known < 2:
        pad = lags.new_zeros(*lags.shape[:-1], max(count - known, 0))
        return torch.cat([lags, pad], -1)[..., :count]
    size = lags[..., :1].real.clamp_min(torch.finfo(torch.float32).tiny)
    unit = (lags / size).to(torch.complex128)
    system = toeplitz(unit[..., :-1]) + RIDGE * torch.eye(known - 1)
    ahead = torch.linalg.solve(system, unit[..., 1:, None])[..., 0]
    found = list(unit.unbind(-1))
    for _ in range(count - known):
        recent = torch.stack(found[-1:-known:-1], -1)
        found.append((ahead * recent).sum(-1))
    return (size * torch.stack(found, -1)).to(lags.dtype)


def toeplitz(lags: Complex[Tensor, "*mode lag"]) -> Complex[Tensor, "*mode lag lag"]:
    """The Hermitian matrix of covariances in time."""
    index = torch.arange(lags.shape[-1])
    apart = index[:, None] - index
    full = lags[..., apart.abs()]
    return torch.where(apart >= 0, full, full.conj())


def _transforms(columns: int, waves: int) -> tuple[Tensor, Tensor]:
    """The transform along longitude of the wavenumbers kept, and back, as real matrices."""
    wave, place = torch.arange(waves).double(), torch.arange(columns).double()
    angle = 2 * math.pi * wave[:, None] * place / columns
    unit = columns**-0.5
    twice = torch.where((wave == 0) | (wave == columns // 2), 1.0, 2.0)[:, None]
    forward = torch.cat([angle.cos(), -angle.sin()]) * unit
    back = torch.cat([angle.cos() * twice, -angle.sin() * twice]) * unit
    return forward.float(), back.float()


def alternate_blocks(
    states: StandardisedStates, heldout: bool
) -> Iterator[Float[Tensor, "time channel lat lon"]]:
    """Yields the blocks that components are found in, or those held out.

    Blocks are consecutive states without a gap, and end with a period.

    Arguments:
        states: The training data.
        heldout: Which of them.
    """
    pieces = [piece for run in runs(states) for piece in _cut(run)]
    for number, piece in enumerate(pieces):
        if (number % CYCLE == CYCLE - 1) == heldout:
            yield states[piece.tolist()]


def runs(states: StandardisedStates) -> list[np.ndarray]:
    """The states of each period without a gap: a nature run draws periods independently."""
    found, first = [], 0
    step = min(np.diff(record.times).min() for record in states.records if len(record.times) > 1)
    for record in states.records:
        seams = np.flatnonzero(np.diff(record.times) != step) + 1
        found += np.split(first + np.arange(len(record.times)), seams)
        first += len(record.times)
    return found


def _cut(run: np.ndarray) -> list[np.ndarray]:
    """Cuts a run into blocks of one size, four of them at least if there is anything to cut."""
    size = min(BLOCK, max(len(run) // CYCLE, 2 * LAGS))
    return [run[k : k + size] for k in range(0, len(run), size)]
