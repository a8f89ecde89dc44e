r"""Linear algebra of the guidance: derivatives of operators, and a preconditioned solve.

The system of the guidance is :math:`(I + J V J^T) w = b`, with :math:`J` the whitened operator's
derivative and :math:`V` a covariance whose leading eigenvectors :math:`E` are known. In the few
directions in which observations say much more than their errors, its eigenvalues are huge.
With :math:`B = J E` and the variances :math:`D` of :math:`V` along :math:`E`, the preconditioner

.. math:: (I + B D B^T)^{-1} = I - B \left( D^{-1} + B^T B \right)^{-1} B^T

takes them out (Woodbury). :math:`B` does not depend on the noise level, only :math:`D` does.

The eigenvectors of a long trajectory are those of pieces of it, laid one behind the other: a
column of :math:`E` is of all pieces at once. An observation belongs to the piece that it sees
most of, and the preconditioner is such a matrix for the observations of each piece. It grows
with the number of observations only.

Conventions: observations are the last dimension; a batch is solved member by member, so that no
member feels another.
"""

__all__ = ["Preconditioner", "derivative", "linearised_by", "place_levels", "pushed", "solve"]

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch

from jaxtyping import Float, Int
from torch import Tensor

Product = Callable[[Tensor], Tensor]


def derivative(f: Product, x: Tensor) -> tuple[Tensor, Product, Product]:
    """The value of a function, and products with its derivative and the transpose of it.

    The transposed product is linear in its argument, so its own derivative is the product
    with the derivative itself: both reuse one graph.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        y = f(x)
        v = torch.zeros_like(y, requires_grad=True)
        g = torch.autograd.grad(y, x, v, create_graph=True)[0]

    def push(u: Tensor) -> Tensor:
        return torch.autograd.grad(g, v, u, retain_graph=True)[0]

    def pull(w: Tensor) -> Tensor:
        return torch.autograd.grad(y, x, w, retain_graph=True)[0]

    return y.detach(), push, pull


def pushed(f: Product, x: Tensor, u: Tensor) -> Tensor:
    """The product with the derivative at a point, once: it needs no graph."""
    return torch.func.jvp(f, (x.contiguous(),), (u.contiguous(),))[1]


def linearised_by(
    A: Product, linearisation: str
) -> tuple[
    Callable[[Tensor], tuple[Tensor, Product, Product]], Callable[[Tensor, Tensor], Tensor]
]:
    """How an operator is linearised, and how one batch of changes is pushed through it.

    Arguments:
        A: The operator.
        linearisation: ``linear``: by its own ``linearise`` and ``push``; or ``exact``.
    """
    if linearisation == "linear":
        return A.linearise, A.push
    return partial(derivative, A), partial(pushed, A)


class Preconditioner:
    """An approximate inverse of the system, from leading eigenvectors of the covariance.

    Arguments:
        push: Product with the operator's derivative, of vectors to (n, obs).
        vectors: The eigenvectors and their variances, in chunks.
        pieces: Where the pieces of a trajectory lie; ``None`` for a single one.
    """

    def __init__(
        self,
        push: Product,
        vectors: Iterable[tuple[Tensor, Tensor]],
        pieces: Sequence[slice] | None = None,
    ) -> None:
        seen, variance, found = [], [], [slice(None)]
        for e, v in vectors:
            rows = push(e)
            if pieces is not None and not seen:
                owner = _owners(push, pieces, e.shape[1:], rows)
                own = ((owner == k).nonzero()[:, 0] for k in range(len(pieces)))
                found = [index for index in own if len(index)]
            seen.append([rows[:, index] for index in found])
            variance.append(v)
        self.variance = torch.cat(variance).double()
        self.parts: list[tuple[slice | Tensor, Tensor]] = []
        for k, index in enumerate(found):
            self.parts.append((index, torch.cat([rows[k] for rows in seen])))
            for rows in seen:
                rows[k] = None  # or there would be two of everything for a while
        self.grams = [part.double() @ part.double().T for _, part in self.parts]

    def posterior_variances(self) -> Float[Tensor, " n"]:
        """Variances given the observations, along their own axes among the eigenvectors [1].

        Of several pieces all are listed.
        """
        inverse = (1 / self.variance).diag()
        found = [torch.linalg.eigvalsh(inverse + gram) for gram in self.grams]
        return 1 / torch.cat(found)

    def at(self, sigma_t: Float[Tensor, ""], beside: float = 0.0) -> Product:
        """Returns the approximate inverse at a noise level.

        Arguments:
            sigma_t: The noise level.
            beside: What comes to the variances at every noise level, as a share of them.
        """
        variance = 1 / (1 / self.variance + 1 / sigma_t.double().square())
        inverse = (1 / (variance + beside * self.variance)).diag()
        factors = [torch.linalg.cholesky(inverse + gram) for gram in self.grams]

        def apply(r: Tensor) -> Tensor:
            found = r.clone()
            for (index, part), factor in zip(self.parts, factors, strict=True):
                along = torch.cholesky_solve((r[:, index] @ part.T).double().mT, factor).mT
                found[:, index] -= along.to(r) @ part
            return found

        return apply


def _owners(
    push: Product, pieces: Sequence[slice], shape: torch.Size, like: Tensor
) -> Int[Tensor, " obs"]:
    """The piece that each observation sees most of, by a few random trajectories.

    Pieces are told apart by the bits of their numbers, so that there are as many trajectories as
    bits. Bits are those of Gray's code: of two neighbours, which an observation may see
    both, all agree but one.
    """
    rng = torch.Generator().manual_seed(0)
    white = torch.randn(shape, generator=rng).to(like)
    codes = [k ^ (k >> 1) for k in range(len(pieces))]
    owner = torch.zeros(like.shape[1], dtype=torch.long, device=like.device)
    for bit in range(max(codes).bit_length()):
        sides = torch.zeros(2, *shape).to(like)
        for code, piece in zip(codes, pieces, strict=True):
            sides[code >> bit & 1, piece] = white[piece]
        sizes = torch.cat([push(side[None]).abs() for side in sides])
        owner += (sizes[1] > sizes[0]).long() << bit
    places = torch.tensor([codes.index(c) if c in codes else 0 for c in range(2 * len(codes))])
    return places.to(owner)[owner]


def place_levels(variances: Float[Tensor, " n"], steps: int) -> Float[Tensor, " level"]:
    r"""Noise levels between which a posterior changes by equal amounts.

    A Gaussian of variances :math:`\mu_i` has, given a window with noise of :math:`\sigma`, the
    total variance :math:`\sum_i (1 / \mu_i + 1 / \sigma^2)^{-1}`, which falls from that of the
    posterior to nothing. Every level takes an equal share of it.

    Arguments:
        variances: The variances of the posterior.
        steps: Steps, the first of which starts from infinite noise.

    Returns:
        The ``steps - 1`` levels that steps lead to before the last, falling.
    """
    mu = variances.double().clamp_min(TINY)
    low = torch.full((steps - 1,), mu.min().log().item() - 20, dtype=torch.float64)
    high = torch.full_like(low, mu.max().log().item() + 20)
    share = 1 - torch.arange(1, steps, dtype=torch.float64) / steps
    for _ in range(60):  # bisection of log variance
        middle = (low + high) / 2
        left = 1 / (1 / mu + torch.exp(-middle)[:, None])
        above = left.sum(1) / mu.sum() > share
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return torch.exp((low + high) / 4)


def solve(
    system: Product,
    b: Float[Tensor, "batch obs"],
    *,
    iterations: int,
    start: Float[Tensor, "batch obs"] | None = None,
    precondition: Product | None = None,
) -> Float[Tensor, "batch obs"]:
    """Solves a symmetric positive definite system by preconditioned conjugate gradients.

    A member that has converged to rounding stays as it is: directions of what is left then are
    noise, along which products may vanish or be negative, and steps be of any length.

    Arguments:
        system: Product with the matrix.
        b: The right-hand side.
        iterations: How many; all are made.
        start: Where to start from; zero if ``None``.
        precondition: Product with an approximate inverse; the identity if ``None``.

    References:
        | Iterative Methods for Sparse Linear Systems (Saad, 2003), algorithm 9.1
    """
    precondition = precondition or (lambda r: r)
    x = torch.zeros_like(b) if start is None else start
    r = b if start is None else b - system(start)
    z = p = precondition(r)
    rz, enough = _dot(r, z), torch.finfo(b.dtype).eps ** 2 * _dot(b, b)
    for _ in range(iterations):
        q = system(p)
        pq = _dot(p, q)
        goes_on = (_dot(r, r) > enough) & (rz > 0) & (pq > 0)
        step = torch.where(goes_on, rz / pq.clamp_min(TINY), 0)
        x, r = x + (step * p).to(x), r - (step * q).to(r)
        z = precondition(r)
        old, rz = rz, _dot(r, z)
        p = z + (torch.where(goes_on, rz / old.clamp_min(TINY), 0) * p).to(z)
    return x


TINY = torch.finfo(torch.float64).tiny


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.einsum("bo,bo->b", a.double(), b.double())[:, None]
