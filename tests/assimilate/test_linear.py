"""Derivatives of operators, and preconditioned solves, against dense algebra."""

import pytest
import torch

from galerne.assimilate.linear import Preconditioner, derivative, place_levels, solve


@pytest.fixture
def world() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Eigenvectors, variances over six decades, and an operator that amplifies the greatest."""
    vectors = torch.linalg.qr(torch.randn(40, 40, dtype=torch.float64))[0].float().T
    return vectors, torch.logspace(4, -2, 40), torch.randn(25, 40)


def dense(world: tuple, sigma: float) -> torch.Tensor:
    vectors, variance, J = (part.double() for part in world)
    V = vectors.T @ (variance / (1 + variance / sigma**2)).diag() @ vectors
    return torch.eye(25, dtype=torch.float64) + J @ V @ J.T


def test_products_are_those_of_the_jacobian() -> None:
    x, u, w = torch.randn(2, 3), torch.randn(2, 3), torch.randn(2, 2)

    def f(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, 0].sin() * x[:, 1], x.square().sum(1)], 1)

    y, push, pull = derivative(f, x)
    J = torch.stack([torch.autograd.functional.jacobian(f, row[None])[0, :, 0] for row in x])
    torch.testing.assert_close(y, f(x))
    torch.testing.assert_close(push(u), torch.einsum("boi,bi->bo", J, u))
    torch.testing.assert_close(pull(w), torch.einsum("boi,bo->bi", J, w))


@pytest.mark.parametrize("sigma", [0.1, 3.0, 1000.0, float("inf")])
def test_all_eigenvectors_make_the_exact_inverse(world: tuple, sigma: float) -> None:
    vectors, variance, J = world
    chunks = zip(vectors.split(7), variance.split(7), strict=True)
    inverse = Preconditioner(lambda e: e @ J.T, chunks).at(torch.tensor(sigma))
    b = torch.randn(3, 25)
    expected = torch.linalg.solve(dense(world, sigma), b.double().T).T
    torch.testing.assert_close(inverse(b).double(), expected, rtol=2e-3, atol=2e-4)


def test_variances_given_observations_are_those_of_the_posterior(world: tuple) -> None:
    vectors, variance, J = world
    made = Preconditioner(lambda e: e @ J.T, [(vectors, variance)])
    e, v, j = (part.double() for part in world)
    expected = torch.linalg.eigvalsh(torch.linalg.inv(e.T @ (1 / v).diag() @ e + j.T @ j))
    found = made.posterior_variances().sort().values
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-9)


def test_one_variance_is_shared_out_in_closed_form() -> None:
    share = torch.tensor([0.75, 0.5, 0.25], dtype=torch.float64)
    found = place_levels(torch.tensor([9.0]), 4)
    torch.testing.assert_close(found, 3 * (share / (1 - share)).sqrt())
    assert len(place_levels(torch.tensor([9.0, 1.0]), 1)) == 0


@pytest.mark.parametrize("leading", [0, 25])
def test_leading_eigenvectors_save_iterations(world: tuple, leading: int) -> None:
    vectors, variance, J = world
    matrix, b = dense(world, 1000.0).float(), torch.randn(3, 25)
    inverse = None
    if leading:
        chunk = [(vectors[:leading], variance[:leading])]
        inverse = Preconditioner(lambda e: e @ J.T, chunk).at(torch.tensor(1000.0))
    w = solve(lambda w: w @ matrix, b, iterations=15, precondition=inverse)
    expected = torch.linalg.solve(matrix.double(), b.double().T).T
    miss = (w - expected).norm() / expected.norm()
    assert miss < 1e-3 if leading else miss > 0.1


def test_members_are_solved_one_by_one(world: tuple) -> None:
    matrix, b = dense(world, 1.0).float(), torch.randn(3, 25)
    many = solve(lambda w: w @ matrix, b, iterations=5)
    other = torch.cat([b[:1], 100 * b[1:]])
    again = solve(lambda w: w @ matrix, other, iterations=5)
    torch.testing.assert_close(many[0], again[0], rtol=1e-6, atol=1e-7)


def test_a_solve_goes_on_from_its_start(world: tuple) -> None:
    matrix, b = dense(world, 1.0).float(), torch.randn(2, 25)
    exact = torch.linalg.solve(matrix.double(), b.double().T).T.float()
    found = solve(lambda w: w @ matrix, b, iterations=1, start=exact)
    torch.testing.assert_close(found, exact, rtol=1e-3, atol=1e-4)
    assert (solve(lambda w: w @ matrix, b, iterations=1) - exact).norm() > 0.1 * exact.norm()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_member_that_has_converged_stays(size: int) -> None:
    """Few observations of great variances and their exact inverse, for many more iterations."""
    rng = torch.Generator().manual_seed(size)
    J = 300 * torch.randn(size, 6, generator=rng)
    inverse = Preconditioner(lambda e: e @ J.T, [(torch.eye(6), torch.ones(6))])
    b = 1000 * torch.randn(4000, size, generator=rng)
    matrix = torch.eye(size) + J @ J.T
    apply = inverse.at(torch.tensor(float("inf")))
    found = [
        solve(lambda w: w @ matrix, b, iterations=n, precondition=apply) for n in (2 * size, 40)
    ]
    assert torch.isfinite(found[1]).all()
    miss = [(w @ matrix - b).norm() / b.norm() for w in found]
    assert miss[1] <= miss[0] + 1e-3
    assert miss[1] < 0.02


def test_nothing_to_solve_is_no_division_by_zero(world: tuple) -> None:
    matrix = dense(world, 1.0).float()
    w = solve(lambda w: w @ matrix, torch.zeros(2, 25), iterations=3)
    assert torch.equal(w, torch.zeros(2, 25))


@pytest.mark.parametrize("pieces", [1, 2, 3, 6])
def test_observations_belong_to_the_piece_that_they_see_most_of(pieces: int) -> None:
    """Each sees a state, and a little of the next, which may be of the next piece."""
    states = 2 * pieces
    matrix = torch.eye(states) + 0.02 * torch.eye(states).roll(-1, 0)
    places = [slice(2 * k, 2 * k + 2) for k in range(pieces)]
    pushed = []

    def push(x: torch.Tensor) -> torch.Tensor:
        pushed.append(len(x))
        return x.flatten(1) @ matrix.T

    vectors = torch.eye(2).repeat(1, pieces)[..., None]
    found = Preconditioner(push, [(vectors, torch.ones(2))], places)
    own = [index.tolist() for index, _ in found.parts]
    assert own == [[2 * k, 2 * k + 1] for k in range(pieces)]
    assert sum(pushed) == 2 + 2 * (pieces - 1).bit_length()
    for index, part in found.parts:
        torch.testing.assert_close(part, (vectors.flatten(1) @ matrix.T)[:, index])
