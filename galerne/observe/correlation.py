r"""Errors of observations that are correlated within a platform.

Rows of a table that share ``platform``, ``variable`` and ``block`` have errors correlated by

.. math:: \rho_{ij} = e^{-|\ln p_i - \ln p_j| / L_p} \; e^{-d_{ij} / L_d}

with the great-circle distance :math:`d`, and the lengths that the rows carry:
``correlation_log_pressure`` (:math:`L_p` [1]) and ``correlation_km`` (:math:`L_d` [km]). Where a
length is not given (NaN), errors at unlike levels, or places, are independent. Rows without a
block are independent of all others. Both factors are positive definite, the second on the sphere
too.

A block holds at most :data:`MOST` rows, so that work grows with the number of rows alone;
between blocks errors are independent.

References:
    | Strictly and non-strictly positive definite functions on spheres (Gneiting, 2013)
    | https://doi.org/10.3150/12-BEJSP06
"""

__all__ = ["COLUMNS", "MOST", "block_factors", "check_blocks"]

import numpy as np
import pandas as pd

from jaxtyping import Float, Int64

from ..catalogue import MEAN_RADIUS

MOST = 512  # rows of a block
COLUMNS = ["block", "correlation_log_pressure", "correlation_km"]
LENGTHS = COLUMNS[1:]


def block_factors(
    observations: pd.DataFrame,
) -> list[tuple[Int64[np.ndarray, " row"], Float[np.ndarray, "row row"]]]:
    """Factorises the correlation of every block of more than one row.

    Arguments:
        observations: A table of observations; without a column ``block`` there is none.

    Returns:
        The rows of each block, and the lower Cholesky factor of their correlation.

    Raises:
        ValueError: If the errors of two rows of a block are one and the same.
    """
    found = []
    for key, rows in _blocks(observations).items():
        if len(rows) < 2:
            continue
        try:
            found.append((rows, np.linalg.cholesky(_correlation(observations.iloc[rows]))))
        except np.linalg.LinAlgError:
            raise ValueError(
                f"block {key}: errors of its {len(rows)} rows depend on each other; "
                "is an observation there twice?"
            ) from None
    return found


def check_blocks(observations: pd.DataFrame, source: object) -> None:
    """Refuses blocks that cannot be correlated as their rows say.

    Arguments:
        observations: A table of observations.
        source: Where it comes from, for the message.

    Raises:
        ValueError: If a length is not positive, differs within a block, or a block is too large.
    """
    for key, rows in _blocks(observations).items():
        if len(rows) > MOST:
            raise ValueError(f"{source}: block {key} has {len(rows)} rows; at most {MOST}")
        for name in LENGTHS:
            length = observations[name].to_numpy(dtype=float)[rows]
            if not (np.isnan(length).all() or (length[0] > 0 and (length == length[0]).all())):
                raise ValueError(
                    f"{source}: {name} of block {key} must be one positive number, or NaN in "
                    f"every row, not {np.unique(length)}"
                )


def _blocks(observations: pd.DataFrame) -> dict[tuple, np.ndarray]:
    if "block" not in observations or observations["block"].isna().all():
        return {}
    keys = ["platform", "variable", "block"]
    return observations.reset_index(drop=True).groupby(keys, sort=True).indices  # none: left out


def _correlation(rows: pd.DataFrame) -> Float[np.ndarray, "row row"]:
    """The correlation of the errors within a block."""
    level = np.log(rows["level"].fillna(1.0).to_numpy(dtype=float))
    apart = np.abs(level[:, None] - level)
    phi, lam = np.radians(rows[["lat", "lon"]].to_numpy(dtype=float)).T
    points = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], 1)
    chord = np.linalg.norm(points[:, None] - points, axis=-1)
    distance = 2 * MEAN_RADIUS * np.arcsin(np.clip(chord / 2, 0, 1))
    lengths = rows[LENGTHS].to_numpy(dtype=float)[0]
    return _decay(apart, lengths[0]) * _decay(distance, lengths[1])


def _decay(distance: np.ndarray, length: float) -> np.ndarray:
    return (distance == 0).astype(float) if np.isnan(length) else np.exp(-distance / length)
