r"""Padding that continues a latitude-longitude grid over the sphere.

Longitude is periodic. Beyond the first or last row lies, half a turn away, the same row
again: the neighbour of :math:`(\phi, \lambda)` across the pole is
:math:`(\phi, \lambda + \pi)`. Rows are cell centres, so the row nearest the pole is its own
neighbour; on a grid with rows on the poles the next row is.

Values are continued as scalars: hidden features carry no sign convention. Depends on: torch.
"""

__all__ = ["pad_sphere"]

import torch

from jaxtyping import Float
from torch import Tensor


def pad_sphere(
    x: Float[Tensor, "*batch lat lon"], width: int
) -> Float[Tensor, "*batch lat2 lon2"]:
    """Pads a field by some rows and columns on each side.

    Arguments:
        x: The field; rows are cell centres, none on a pole.
        width: The number of rows and columns added on each side.

    Returns:
        The field, larger by twice the width along both axes.

    Raises:
        ValueError: If the number of columns is odd or the width exceeds the grid.
    """
    rows, columns = x.shape[-2:]
    if columns % 2 or width > min(rows, columns):
        raise ValueError(f"cannot pad {rows} rows, {columns} columns by {width} over the sphere")
    if width == 0:
        return x
    across = torch.roll(x, columns // 2, dims=-1).flip(-2)
    x = torch.cat([across[..., rows - width :, :], x, across[..., :width, :]], dim=-2)
    return torch.cat([x[..., columns - width :], x, x[..., :width]], dim=-1)
