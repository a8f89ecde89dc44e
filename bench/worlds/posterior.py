r"""Exact posteriors of linear observations, in double precision, in two ways.

Directly: with :math:`G` the operator on a whole window of latents,

.. math:: \mu' = \mu + K (y - G \mu), \quad \Sigma' = \Sigma - K G \Sigma, \quad
    K = \Sigma G^\top (G \Sigma G^\top + R)^{-1}

and by the Kalman smoother (Rauch, Tung & Striebel, 1965) on the coefficients of the dynamics,
state after state. A state is kept together with the one before it, since an observation between
two states sees both. Neither way knows of the other.

A prior of several Gaussians of one covariance has a posterior of several, with weights
:math:`w_k' \propto w_k \, \mathcal{N}(y \mid G \mu_k, G \Sigma G^\top + R)`.
"""

__all__ = ["Posterior", "condition", "smooth"]

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scipy.special import ndtr, softmax

from .sphere import Dynamics


@dataclass(frozen=True)
class Posterior:
    """A mixture of Gaussians of one covariance.

    Arguments:
        weights: The weights, shape (k,).
        means: The means, shape (k, n).
        within: Their covariance, shape (n, n).
    """

    weights: np.ndarray
    means: np.ndarray
    within: np.ndarray

    @cached_property
    def mean(self) -> np.ndarray:
        """The mean, shape (n,)."""
        return self.weights @ self.means

    @cached_property
    def covariance(self) -> np.ndarray:
        """The covariance, shape (n, n)."""
        apart = self.means - self.mean
        return self.within + (apart * self.weights[:, None]).T @ apart

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """The probability of each number below a value, both shape (n,)."""
        scaled = (x - self.means) / np.sqrt(self.within.diagonal())
        return self.weights @ ndtr(scaled)

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws from it, shape (count, n)."""
        values, vectors = np.linalg.eigh(self.within)
        root = vectors * np.sqrt(values.clip(0))
        chosen = rng.choice(len(self.weights), count, p=self.weights)
        return self.means[chosen] + rng.normal(size=(count, len(values))) @ root.T

    def seen_through(self, D: np.ndarray) -> "Posterior":
        """The same after a linear map."""
        return Posterior(self.weights, self.means @ D.T, D @ self.within @ D.T)


def condition(prior: Posterior, G: np.ndarray, y: np.ndarray, error: np.ndarray) -> Posterior:
    """Conditions on observations with independent errors.

    Arguments:
        prior: What is known before.
        G: The operator, shape (obs, n).
        y: The observations, shape (obs,).
        error: Their standard deviations, shape (obs,).
    """
    cross = prior.within @ G.T
    system = G @ cross + np.diag(error**2)
    gain = np.linalg.solve(system, cross.T).T
    innovation = y - prior.means @ G.T
    mismatch = (innovation * np.linalg.solve(system, innovation.T).T).sum(1)
    weights = softmax(np.log(prior.weights) - mismatch / 2)
    within = prior.within - gain @ cross.T
    return Posterior(weights, prior.means + innovation @ gain.T, (within + within.T) / 2)


def smooth(
    dynamics: Dynamics, states: int, G: np.ndarray, y: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The Kalman smoother.

    Arguments:
        dynamics: The process, from its stationary distribution.
        states: States in a window.
        G: The operator on windows of latents, shape (obs, n); each observation sees one
            state, or one and the next.
        y: The observations, shape (obs,).
        error: Their standard deviations, shape (obs,).

    Returns:
        The mean of the latents of each state, shape (state, n), and the covariance of the
        latents of each state and the one before (of the first: itself twice), shape
        (state, 2, n, 2, n).

    Raises:
        ValueError: If an observation sees states that are no neighbours.
    """
    Y, F = dynamics.harmonics, dynamics.transition
    P = np.diag(dynamics.variance)
    n, zero = len(P), np.zeros_like(P)
    T = np.block([[F, zero], [np.eye(n), zero]])
    Q = np.block([[P - F @ P @ F.T, zero], [zero, zero]])
    seen = np.einsum("osp,pn->osn", G.reshape(len(G), states, -1), Y)
    steps = _by_last_state(seen)
    x, C = np.zeros(2 * n), np.block([[P, P], [P, P]])
    forecasts, analyses = [], []
    for i in range(states):
        if i:
            x, C = T @ x, T @ C @ T.T + Q
        forecasts.append((x, C))
        rows = steps == i
        H = np.concatenate([seen[rows, i], seen[rows, i - 1] if i else 0 * seen[rows, i]], axis=1)
        gain = np.linalg.solve(H @ C @ H.T + np.diag(error[rows] ** 2), H @ C).T
        x, C = x + gain @ (y[rows] - H @ x), C - gain @ H @ C
        analyses.append((x, C))
    means, pairs = [None] * states, [None] * states
    for i in reversed(range(states)):
        if i < states - 1:
            (x_f, C_f), (x_a, C_a) = forecasts[i + 1], analyses[i]
            gain = np.linalg.solve(C_f, T @ C_a).T
            x, C = x_a + gain @ (x - x_f), C_a + gain @ (C - C_f) @ gain.T
        both = np.kron(np.eye(2), Y)
        means[i] = Y @ x[:n]
        pairs[i] = (both @ C @ both.T).reshape(2, len(Y), 2, len(Y))
    return np.stack(means), np.stack(pairs)


def _by_last_state(seen: np.ndarray) -> np.ndarray:
    """The last state that each observation sees."""
    touched = np.abs(seen).max(-1) > 0
    last = touched.shape[1] - 1 - touched[:, ::-1].argmax(1)
    first = touched.argmax(1)
    if (last - first > 1).any():
        raise ValueError("an observation sees states that are no neighbours")
    return last
