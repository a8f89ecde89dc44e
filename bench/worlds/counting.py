r"""Counts of the evaluations that a draw costs: decoder and denoiser, forward, vjp and jvp.

Everything runs as it is; what leaves the decoder and the denoiser passes through an identity that
notes when a derivative passes back through it. A product with the transpose of the derivative
(vjp) is a backward pass; a product with the derivative itself (jvp) is a forward-mode pass, or a
backward pass through a backward pass. One for each window that goes through: a batch of ten
counts ten. In forward mode the value is computed again and not counted again. Evaluations by
:func:`torch.autograd.grad` of a graph that is kept count anew, as they cost anew.
"""

__all__ = ["Count", "counted"]

import copy

from collections import Counter
from dataclasses import dataclass, field

import torch

from torch import Tensor
from torch.autograd import forward_ad

from galerne.latent.autoencoder import Autoencoder
from galerne.prior.denoiser import WindowDenoiser


@dataclass
class Count:
    """Windows that went through, by part and kind: ``decoder vjp``, ``denoiser forward``..."""

    windows: Counter = field(default_factory=Counter)

    def total(self) -> int:
        """All evaluations of decoder and denoiser."""
        parts = ("decoder", "denoiser")
        return sum(n for key, n in self.windows.items() if key.split()[0] in parts)


class _Watched(torch.autograd.Function):
    """The identity; notes products with the transposed derivative."""

    @staticmethod
    def forward(x: Tensor, note: object) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: object, inputs: tuple, output: Tensor) -> None:
        ctx.note = inputs[1]

    @staticmethod
    def backward(ctx: object, g: Tensor) -> tuple:
        ctx.note("vjp", len(g))
        return _WatchedTwice.apply(g, ctx.note), None

    @staticmethod
    def jvp(ctx: object, u: Tensor, _: None) -> Tensor:
        ctx.note("jvp", len(u))
        return u.view_as(u)


class _WatchedTwice(torch.autograd.Function):
    """The identity; notes the products with the derivative that go back through a vjp."""

    @staticmethod
    def forward(x: Tensor, note: object) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: object, inputs: tuple, output: Tensor) -> None:
        ctx.note = inputs[1]

    @staticmethod
    def backward(ctx: object, u: Tensor) -> tuple:
        ctx.note("jvp", len(u))
        return u.view_as(u), None


def counted(
    prior: WindowDenoiser, decoder: Autoencoder
) -> tuple[WindowDenoiser, Autoencoder, Count]:
    """Returns copies of denoiser and decoder that count, and the count.

    The decoder takes states, and a window of them counts as one evaluation, by its linear part
    too. Applications of the closed form of the Gaussian part are noted beside
    (``gaussian forward``).
    """
    count = Count()
    prior, decoder = copy.copy(prior), copy.copy(decoder)
    prior._modules = dict(prior._modules)
    prior.gaussian = copy.copy(prior.gaussian)
    states, mean, decode = prior.gaussian.shape[0], prior.mean, decoder.decode
    apply_gain, linearly = prior.gaussian.apply_gain, decoder.decode_linearly

    def note(part: str, per_window: int, kind: str, windows: int) -> None:
        count.windows[f"{part} {kind}"] += windows / per_window

    def watched(part: str, per_window: int, x: Tensor) -> Tensor:
        def seen(kind: str, windows: int) -> None:
            note(part, per_window, kind, windows)

        if forward_ad._current_level < 0:
            seen("forward", len(x))
        return _Watched.apply(x, seen)

    prior.mean = lambda *given: watched("denoiser", 1, mean(*given))
    decoder.decode = lambda z: watched("decoder", states, decode(z))
    decoder.decode_linearly = lambda z: watched("decoder", states, linearly(z))

    def gain(z: Tensor, f: object) -> Tensor:
        note("gaussian", 1, "forward", len(z))
        return apply_gain(z, f)

    prior.gaussian.apply_gain = gain
    return prior, decoder, count
