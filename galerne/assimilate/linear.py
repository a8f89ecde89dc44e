r"""Linear algebra of the guidance: derivatives of operators, and a preconditioned solve.

The system of the guidance is :math:`(I + J V J^T) w = b`, with :math:`J` the whitened operator's
derivative and :math:`V` a covariance whose leading eigenvectors :math:`E` are known. In the few
directions in which observations say much more than their errors, its eigenvalues are huge.
With :math:`B = J E` and the variances :math:`D` of :math:`V` along :math:`E`, the preconditioner

.. math:: (I + B D B^T)^{-1} = I - B \left( D^{-1} + B^T B \right)^{-1} B^T

takes them out (Woodbury). :math:`B` does not depend on the noise level, only :math:`D` does.

Conventions: observations are the last dimension; a batch is solved member by member, so that no
member feels another.
"""

__all__ = ["Preconditioner", "derivative", "solve"]

from collections.abc import Callable, Iterable

import torch

from jaxtyping import Float
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


class Preconditioner:
    """An approximate inverse of the system, from leading eigenvectors of the covariance.

    Arguments:
        push: Product with the operator's derivative, of vectors to (n, obs).
        vectors: The eigenvectors and their variances, in chunks.
    """

    def __init__(self, push: Product, vectors: Iterable[tuple[Tensor, Tensor]]) -> None:
        seen, variance = zip(*((push(e), v) for e, v in vectors), strict=True)
        self.seen, self.variance = torch.cat(seen), torch.cat(variance).double()
        self.gram = self.seen.double() @ self.seen.double().T

    def at(self, sigma_t: Float[Tensor, ""]) -> Product:
        """Returns the approximate inverse at a noise level."""
        inverse = 1 / self.variance + 1 / sigma_t.double().square()
        factor = torch.linalg.cholesky(inverse.diag() + self.gram)

        def apply(r: Tensor) -> Tensor:
            along = torch.cholesky_solve((r @ self.seen.T).double().mT, factor).mT
            return r - along.to(r) @ self.seen

        return apply


def solve(
    system: Product,
    b: Float[Tensor, "batch obs"],
    *,
    iterations: int,
    start: Float[Tensor, "batch obs"] | None = None,
    precondition: Product | None = None,
) -> Float[Tensor, "batch obs"]:
    """Solves a symmetric positive definite system by preconditioned conjugate gradients.

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
    rz = _dot(r, z)
    for _ in range(iterations):
        q = system(p)
        step = rz / _dot(p, q).clamp_min(TINY)
        x, r = x + (step * p).to(x), r - (step * q).to(r)
        z = precondition(r)
        old, rz = rz, _dot(r, z)
        p = z + (rz / old.clamp_min(TINY) * p).to(z)
    return x


TINY = torch.finfo(torch.float64).tiny


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.einsum("bo,bo->b", a.double(), b.double())[:, None]
