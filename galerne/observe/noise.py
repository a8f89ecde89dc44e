r"""Errors of observations: Gaussian, of known size.

An observation is :math:`y = Hx + \varepsilon` with :math:`\varepsilon \sim N(0, R)` and
:math:`R` diagonal, but for blocks of correlated errors (:mod:`.correlation`). Every draw has a
generator of its own, spawned from a seed and names, so that adding an instrument to a network
leaves the draws of the others as they were.

Depends on: numpy only.
"""

__all__ = ["error_variances", "generator", "perturb", "perturb_by_platform"]

import hashlib

from collections.abc import Sequence

import numpy as np

from jaxtyping import Float, Shaped


def generator(seed: int, *names: str) -> np.random.Generator:
    """Spawns a generator for one use.

    Arguments:
        seed: The seed that all uses share.
        names: What tells this use from the others.

    Example:
        >>> one, other = generator(0, "stations"), generator(0, "soundings")
        >>> bool(one.normal() == other.normal())
        False
    """
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, "uint32").tolist()])


def perturb(
    values: Float[np.ndarray, "*batch obs"],
    errors: Float[np.ndarray, " obs"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "*batch obs"]:
    """Adds Gaussian errors to values.

    Arguments:
        values: Values without error [unit of each variable].
        errors: Standard deviation of each error [same unit], positive.
        rng: Where the draws come from.

    Raises:
        ValueError: If an error is not positive.
    """
    error_variances(errors)
    return values + errors * rng.standard_normal(values.shape)


def perturb_by_platform(
    values: Float[np.ndarray, "*batch obs"],
    errors: Float[np.ndarray, " obs"],
    platforms: Shaped[np.ndarray, " obs"],
    seed: int,
    blocks: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> Float[np.ndarray, "*batch obs"]:
    """Adds Gaussian errors, drawn for each platform by itself.

    Arguments:
        values: Values without error [unit of each variable].
        errors: Standard deviation of each error [same unit], positive.
        platforms: The name of the instrument of each observation.
        seed: The seed that all platforms share.
        blocks: Rows of each block of correlated errors, and the Cholesky factor of their
            correlation; all others are independent.

    Raises:
        ValueError: If an error is not positive.
    """
    error_variances(errors)
    noise = np.empty(values.shape)
    for platform in np.unique(platforms.astype(str)):
        own = platforms == platform
        rng = generator(seed, "errors", str(platform))
        noise[..., own] = rng.standard_normal(noise[..., own].shape)
    for rows, factor in blocks:
        noise[..., rows] = noise[..., rows] @ factor.T
    return values + errors * noise


def error_variances(errors: Float[np.ndarray, " obs"]) -> Float[np.ndarray, " obs"]:
    """Returns the diagonal of R [unit of each variable, squared].

    Raises:
        ValueError: If an error is not positive.

    Example:
        >>> error_variances(np.array([0.5, 2.0]))
        array([0.25, 4.  ])
    """
    if np.any(~(errors > 0)):
        raise ValueError(
            f"errors of observations must be positive, not {errors[~(errors > 0)][0]}"
        )
    return errors**2
