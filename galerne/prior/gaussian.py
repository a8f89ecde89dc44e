r"""The Gaussian part of the prior: space-time covariance by zonal wavenumber.

Statistics of anomalies hardly depend on longitude, so a window of latents
:math:`z \in \mathbb{R}^{L \times C \times h \times w}` is modelled as a Gaussian whose
covariance is unchanged by turning the globe. The Fourier transform along longitude then
splits it into independent blocks, one for each wavenumber :math:`m`,

.. math:: \hat{z}_m \in \mathbb{C}^{L \times S}, \qquad S = C h, \qquad
    \Sigma_m = U_m \, \mathrm{diag}(v_m) \, U_m^* + t_m (I - U_m U_m^*)
    + T_m \otimes (I - E_m E_m^*)

where the columns of :math:`E_m` are the leading spatial components of the wavenumber,
:math:`U_m` the leading eigenvectors of the covariance of *windows* of their amplitudes (hence
waves that travel), :math:`t_m` the one variance of all that these leave of the amplitudes, and
:math:`T_m` the covariance in time of the rest. Everything is diagonal in one orthonormal basis, so
any function of the covariance costs two transforms; in particular

.. math:: \mathbb{E}[z \mid z_t] = \mu + \Sigma (\Sigma + \sigma_t^2 I)^{-1} (z_t - \mu)

is exact. Eigenvectors come from one part of the training data and variances from another,
held-out part: variances along components of the data that made them are far too large for
the first and far too small for the last.

The covariance of windows of amplitudes is shrunk before its eigenvectors are taken: with
:math:`a_{ik}` the amplitude of component :math:`k` in state :math:`i` of a window,

.. math:: \mathrm{cov}(a_{ik}, a_{jl}) \to (1 - \lambda) \, \mathrm{cov}(a_{ik}, a_{jl})
    \qquad \text{for } k \neq l

Components are uncorrelated at one time by their making; what one has to do with another at another
time is the most of the matrix, each entry small, and known the least.

Conventions: orthonormal transforms, so white noise is white in every basis. Averaging over
longitude multiplies the sample: each state counts as many, turned.

References:
    | A well-conditioned estimator for large-dimensional covariance matrices
    | (Ledoit and Wolf, 2004)
    | https://doi.org/10.1016/S0047-259X(03)00096-4
"""

__all__ = ["WindowGaussian", "fit_gaussian"]

import copy

from collections.abc import Callable, Iterable, Iterator

import torch

from jaxtyping import Complex, Float
from torch import Tensor, nn

FLOOR = 1e-3  # least variance of the rest, as a share of its mean
SMOOTHING = 0.1  # half-width of the smoothing of variances, as a share of the index


class WindowGaussian(nn.Module):
    """A Gaussian over windows of latents, unchanged by turning the globe.

    Arguments:
        states: States in a window :math:`L`.
        channels: Latent channels :math:`C`.
        rows: Latent rows :math:`h`.
        columns: Latent columns :math:`w`.
        components: Spatial components for each wavenumber, at most :math:`C h`.
        rank: Eigenvectors of windows of them, at most :math:`L` times as many; ``None``: all.
        windows: Windows of the training data less their mean that are kept beside it, and when
            each begins [days since 2000], for covariances of places
            (:mod:`galerne.assimilate.localisation`).
        window_components: The components of a place of a window that are kept, at most all
            :math:`L C`.
    """

    def __init__(
        self,
        states: int,
        channels: int,
        rows: int,
        columns: int,
        components: int,
        rank: int | None = None,
        windows: int = 0,
        window_components: int = 0,
    ) -> None:
        super().__init__()
        self.shape = (states, channels, rows, columns)
        waves, space = columns // 2 + 1, channels * rows
        components = min(components, space)
        joint = states * components
        rank = min(rank or joint, joint)
        self.register_buffer("mean", torch.zeros(channels, rows, columns))
        self.register_buffer("space", torch.zeros(waves, space, components, 2))
        self.register_buffer("joint", torch.zeros(waves, joint, rank, 2))
        self.register_buffer("variance", torch.zeros(waves, rank))
        self.register_buffer("tail", torch.zeros(waves))
        self.register_buffer("rest", torch.zeros(waves, states, states, 2))
        self.register_buffer("rest_variance", torch.zeros(waves, states))
        places = min(window_components, states * channels)
        kept = torch.zeros(windows, places, rows, columns, dtype=torch.float16)  # of size to 100
        self.register_buffer("windows", kept)
        self.register_buffer("window_components", torch.zeros(places, states, channels))
        self.register_buffer("days", torch.zeros(windows))

    def apply_gain(
        self,
        z: Float[Tensor, "batch state channel y x"],
        gain: Callable[[Tensor], Tensor],
    ) -> Float[Tensor, "batch state channel y x"]:
        r"""Applies a function of the covariance, :math:`f(\Sigma) z`.

        Arguments:
            z: Windows of latents.
            gain: The function :math:`f` of the variances, given with shape (wave, 1, n);
                its result may have the batch as its middle axis.
        """
        batch, states = z.shape[:2]
        space, joint, rest = map(torch.view_as_complex, (self.space, self.joint, self.rest))
        waves = to_waves(z).flatten(1, 2)
        amplitudes = project(waves, space)
        remainder = waves - amplitudes @ space.mT
        windows = amplitudes.unflatten(1, (batch, states)).flatten(2)
        windows = self._apply_to_windows(windows, joint, gain)
        amplitudes = windows.unflatten(2, (states, -1)).flatten(1, 2)
        remainder = remainder.unflatten(1, (batch, states)).transpose(2, 3).flatten(1, 2)
        points = remainder.shape[1] // batch
        factor = gain(self.rest_variance[:, None])
        if factor.shape[1] == batch > 1:
            factor = factor.repeat_interleave(points, dim=1)
        remainder = (project(remainder, rest) * factor) @ rest.mT
        remainder = remainder.unflatten(1, (batch, points)).transpose(2, 3).flatten(1, 2)
        # What the gain does to the rest may reach into the span of the components by
        # rounding only: the components are orthonormal.
        result = (amplitudes @ space.mT + remainder).unflatten(1, (batch, states))
        return from_waves(result, z.shape)

    def _apply_to_windows(
        self,
        windows: Complex[Tensor, "wave batch n"],
        joint: Complex[Tensor, "wave n rank"],
        gain: Callable[[Tensor], Tensor],
    ) -> Complex[Tensor, "wave batch n"]:
        """The function of the covariance of windows of amplitudes."""
        along = project(windows, joint)
        changed = along * gain(self.variance[:, None])
        if joint.shape[1] == joint.shape[2]:
            return changed @ joint.mT
        # Both at once: the eigenvectors are large, and read once.
        changed, same = (torch.cat([changed, along], dim=1) @ joint.mT).chunk(2, dim=1)
        return changed + gain(self.tail[:, None, None]) * (windows - same)

    def scaled(self, factor: float) -> "WindowGaussian":
        """Returns the Gaussian of the same mean with its covariance times a factor."""
        other = copy.copy(self)
        other._buffers = dict(self._buffers)
        for name in ("variance", "tail", "rest_variance"):
            other._buffers[name] = factor * self._buffers[name]
        return other

    def denoise(
        self,
        z_t: Float[Tensor, "batch state channel y x"],
        sigma_t: Float[Tensor, "..."],
    ) -> Float[Tensor, "batch state channel y x"]:
        r"""Returns the exact mean of :math:`z` given :math:`z_t = z + \sigma_t \varepsilon`.

        Arguments:
            z_t: Noisy windows of latents.
            sigma_t: The noise level, one for all or one for each of the batch.
        """
        s2 = sigma_t.square().reshape(1, -1, 1)
        return self.mean + self.apply_gain(z_t - self.mean, lambda v: v / (v + s2))

    def posterior_covariance(
        self, z: Float[Tensor, "batch state channel y x"], sigma_t: Float[Tensor, ""]
    ) -> Float[Tensor, "batch state channel y x"]:
        r"""Applies the covariance of :math:`z` given :math:`z_t` to some windows.

        Arguments:
            z: Windows.
            sigma_t: The noise level; if infinite, the covariance is the prior's.
        """
        return self.apply_gain(z, lambda v: v / (1 + v / sigma_t.square()))

    def deviate(
        self, noise: Float[Tensor, "batch state channel y x"], sigma_t: Float[Tensor, ""]
    ) -> Float[Tensor, "batch state channel y x"]:
        r"""Turns white noise into deviations of :math:`z` from its mean given :math:`z_t`."""
        return self.apply_gain(noise, lambda v: (v / (1 + v / sigma_t.square())).sqrt())

    def leading(
        self, count: int, chunk: int = 32
    ) -> Iterator[tuple[Float[Tensor, "n state channel y x"], Float[Tensor, " n"]]]:
        """Yields the eigenvectors of the greatest variances, and the variances, in chunks.

        Arguments:
            count: How many; a wave has two, a quarter of a wavelength apart. Fewer if there are
                fewer that vary.
            chunk: How many at a time.
        """
        space, joint = torch.view_as_complex(self.space), torch.view_as_complex(self.joint)
        waves, states = len(space), self.shape[0]
        order = self.variance.flatten().argsort(descending=True, stable=True)
        found = []
        for index in order[self.variance.flatten()[order] > 0].tolist():
            wave = index // self.variance.shape[1]
            found += [(index, 1.0)] if wave in (0, waves - 1) else [(index, 1.0), (index, 1j)]
            if len(found) >= count:
                break
        for first in range(0, min(count, len(found)), chunk):
            part = found[first : min(first + chunk, count)]
            spectrum = space.new_zeros(waves, len(part), states, space.shape[1])
            for k, (index, phase) in enumerate(part):
                wave, place = divmod(index, self.variance.shape[1])
                size = 1.0 if wave in (0, waves - 1) else 0.5**0.5
                amplitudes = joint[wave, :, place].unflatten(0, (states, -1))
                spectrum[wave, k] = phase * size * amplitudes @ space[wave].mT
            vectors = from_waves(spectrum, torch.Size((len(part), *self.shape)))
            yield vectors, self.variance.flatten()[[index for index, _ in part]]

    def uncertainty(self, sigma_t: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
        r"""Returns the root mean posterior variance of a latent at each noise level."""
        states, channels, rows, columns = self.shape
        s2 = sigma_t.square()[:, None, None]
        count = torch.full((columns // 2 + 1,), 2.0, device=s2.device)
        count[0] = count[-1] = 1.0
        rest = channels * rows - self.space.shape[2]
        first = (self.variance * s2 / (self.variance + s2)).sum(-1)
        others = self.joint.shape[1] - self.joint.shape[2]
        tail = self.tail * s2[..., 0]
        first = first + others * tail / (self.tail + s2[..., 0]).clamp_min(1e-12)
        other = (self.rest_variance * s2 / (self.rest_variance + s2).clamp_min(1e-12)).sum(-1)
        total = ((first + rest * other) * count).sum(-1)
        return (total / (states * channels * rows * columns)).sqrt()

    def sample(self, noise: Float[Tensor, "batch state channel y x"]) -> Tensor:
        """Turns white noise into windows drawn from the Gaussian."""
        return self.mean + self.apply_gain(noise, torch.sqrt)


def project(
    x: Complex[Tensor, "wave n m"], vectors: Complex[Tensor, "wave m k"]
) -> Complex[Tensor, "wave n k"]:
    """Returns the coefficients of some rows along vectors, the columns of a matrix.

    The rows are conjugated instead of the vectors, which are many times larger and would be
    copied for it.
    """
    return (x.conj() @ vectors).conj()


def to_waves(z: Float[Tensor, "batch state channel y x"]) -> Complex[Tensor, "wave batch state s"]:
    """Transforms along longitude, and gathers channels and rows."""
    return torch.fft.rfft(z, dim=-1, norm="ortho").movedim(-1, 0).flatten(3)


def from_waves(waves: Complex[Tensor, "wave batch state s"], shape: torch.Size) -> Tensor:
    """The inverse of :func:`to_waves`."""
    spectrum = waves.unflatten(3, shape[2:4]).movedim(0, -1)
    return torch.fft.irfft(spectrum, n=shape[-1], dim=-1, norm="ortho")


Blocks = Callable[[bool], Iterable[Float[Tensor, "time channel y x"]]]


def fit_gaussian(
    blocks: Blocks,
    states: int,
    components: int,
    rank: int,
    shrinkage: float,
    report: Callable[[str], None] = print,
) -> WindowGaussian:
    r"""Fits the Gaussian in three passes over blocks of consecutive states.

    Arguments:
        blocks: Yields blocks of latents, of the held-out part if called with ``True``, of
            the fitting part otherwise; blocks shorter than a window are skipped.
        states: States in a window.
        components: Spatial components for each wavenumber.
        rank: Eigenvectors of windows of them, likewise.
        shrinkage: The share :math:`\lambda` taken off covariances between components.
        report: Called with a line on each pass.

    Raises:
        ValueError: If either part holds no window.
    """
    mean, space_covariance, shape = _first_pass(blocks, states)
    model = WindowGaussian(states, *shape, components, rank)
    model.mean.copy_(mean)
    _, vectors = torch.linalg.eigh(space_covariance)
    space = vectors.flip(-1)[..., : model.space.shape[2]].to(torch.complex64)
    report(f"{shape[-1] // 2 + 1} wavenumbers, {space.shape[-1]} of {space.shape[1]} components")

    joint = _shrunk(_joint_covariance(blocks, mean, space, states), states, shrinkage)
    _, vectors = torch.linalg.eigh(joint)
    vectors = vectors.flip(-1)[..., : model.joint.shape[2]].contiguous()
    variance, tail, rest = _heldout_variance(blocks, mean, space, vectors, states)
    values, rest_vectors = torch.linalg.eigh(rest)
    floor = FLOOR * values.mean(-1, keepdim=True)
    model.space.copy_(torch.view_as_real(space).float())
    model.joint.copy_(torch.view_as_real(vectors).float())
    model.variance.copy_(_smooth(variance))
    model.tail.copy_(tail.clamp_min(1e-9 * variance.max()))
    model.rest.copy_(torch.view_as_real(rest_vectors).float())
    model.rest_variance.copy_(torch.maximum(values, floor).clamp_min(0))
    others = model.joint.shape[1] - model.joint.shape[2]
    report(f"{model.joint.shape[2]} eigenvectors of windows, {others} directions beside them")
    report(f"held-out variance by wavenumber: {variance.sum(-1).tolist()}")
    report(f"beside the eigenvectors: {(others * tail).tolist()}")
    return model


def _states(blocks: Blocks, heldout: bool, states: int, mean: Tensor) -> Iterator[Tensor]:
    """Anomalies of the blocks that hold a window, as waves: (wave, time, s)."""
    for block in blocks(heldout):
        if len(block) >= states:
            yield to_waves((block - mean)[:, None])[:, :, 0]


def _windows(amplitudes: Tensor, states: int) -> Tensor:
    """Every window of consecutive amplitudes: (wave, window, state and component)."""
    return amplitudes.unfold(1, states, 1).movedim(-1, 2).flatten(2)


def _first_pass(blocks: Blocks, states: int) -> tuple[Tensor, Tensor, tuple[int, int, int]]:
    total, count, covariance, shape = 0.0, 0, 0.0, None
    for heldout in (False, True):
        lengths = [len(block) for block in blocks(heldout)]
        if not any(length >= states for length in lengths):
            part = "held-out" if heldout else "fitting"
            raise ValueError(
                f"the {part} part of the training data holds no window of {states} states "
                f"(its blocks: {lengths}); train on longer periods or shorten the window"
            )
    for block in blocks(False):
        waves = to_waves(block.double()[:, None])[:, :, 0]
        covariance = covariance + waves.mT @ waves.conj()
        total, count, shape = total + block.double().sum(0), count + len(block), block.shape[1:]
    # A mean that turns with the globe has no waves: the mean field is taken out as it is.
    mean = total / count
    waves = to_waves(mean[None, None])[:, 0]
    covariance = covariance / count - waves.mT @ waves.conj()
    return mean.float(), _real_ends(covariance), tuple(shape)


def _joint_covariance(blocks: Blocks, mean: Tensor, space: Tensor, states: int) -> Tensor:
    total, count = 0.0, 0
    for waves in _states(blocks, False, states, mean):
        windows = _windows(waves @ space.conj(), states)
        total, count = total + windows.mT @ windows.conj(), count + windows.shape[1]
    return _real_ends(total / count)


def _shrunk(joint: Complex[Tensor, "wave n n"], states: int, shrinkage: float) -> Tensor:
    """Covariances between components made smaller; those of each with itself stay."""
    own = torch.eye(joint.shape[-1] // states).repeat(states, states)
    return joint * (1 - shrinkage * (1 - own))


def _heldout_variance(
    blocks: Blocks, mean: Tensor, space: Tensor, vectors: Tensor, states: int
) -> tuple[Tensor, Tensor, Tensor]:
    total, whole, rest, count = 0.0, 0.0, 0.0, 0
    for waves in _states(blocks, True, states, mean):
        amplitudes = waves @ space.conj()
        left = (waves - amplitudes @ space.mT).unfold(1, states, 1)
        rest = rest + torch.einsum("mbsi,mbsj->mij", left, left.conj())
        windows = _windows(amplitudes, states)
        total = total + (windows @ vectors.conj()).abs().square().sum(1)
        whole = whole + windows.abs().square().sum((1, 2))
        count += windows.shape[1]
    free = max(space.shape[1] - space.shape[2], 1)
    others = max(vectors.shape[1] - vectors.shape[2], 1)
    tail = (whole - total.sum(-1)) / (count * others)
    return total / count, tail, _real_ends(rest / (count * free))


def _real_ends(covariance: Complex[Tensor, "wave n n"]) -> Complex[Tensor, "wave n n"]:
    """Wavenumber zero and the last are real for real fields."""
    ends = torch.zeros_like(covariance.imag[:, :1, :1])
    ends[1:-1] = 1
    covariance = torch.complex(covariance.real, covariance.imag * ends)
    return (covariance + covariance.mH) / 2


def _smooth(variance: Float[Tensor, "wave n"]) -> Float[Tensor, "wave n"]:
    """Averages over neighbours in the ranking, more of them the further down."""
    n = variance.shape[-1]
    index = torch.arange(n)
    half = torch.minimum((SMOOTHING * index).long() + 2, torch.minimum(index, n - 1 - index))
    sums = torch.cat([torch.zeros_like(variance[:, :1]), variance.cumsum(-1)], dim=-1)
    mean = (sums[:, index + half + 1] - sums[:, index - half]) / (2 * half + 1)
    return mean.clamp_min(1e-9 * variance.max())
