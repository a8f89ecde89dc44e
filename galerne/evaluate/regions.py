r"""Regions that scores are averaged over, and weights of sites that stand close together.

Bands of latitude are those of WeatherBench2: the tropics reach to 20 degrees. Land is where the
land-sea mask is a half or more. Classes of distance are known once it is known what was observed:
great circles from the centre of each cell to the nearest observation.

A site :math:`k` among others weighs :math:`1 / \sum_l e^{-(\alpha_{kl} / \alpha_0)^2}`, with the
angle :math:`\alpha_{kl}` between sites up to :math:`4 \alpha_0`, so that a crowd of stations
counts as one.

Depends on: numpy, scipy.

References:
    | WeatherBench 2 (Rasp et al., 2024), https://arxiv.org/abs/2308.15560
    | A new equitable score suitable for verifying precipitation in numerical weather prediction
    | (Rodwell et al., 2010), section on station density, https://doi.org/10.1002/qj.656
"""

__all__ = ["GLOBE", "Regions", "density_weights", "distance_regions", "fixed_regions"]

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from ..grid.areas import cell_areas

GLOBE = "globe"
TROPICS = 20.0  # degrees on either side of the equator
RADIUS_KM = 6371.0
REACH = 4.0  # of the kernel of densities, in its widths


@dataclass(frozen=True)
class Regions:
    """Regions of a grid.

    Arguments:
        names: What they are called.
        weights: Share of each cell in each region [1]; those of a region sum to one.
        shares: Share of the sphere that each region covers [1].
    """

    names: tuple[str, ...]
    weights: Float[np.ndarray, "region place"]
    shares: Float[np.ndarray, " region"]

    @classmethod
    def of(
        cls, areas: Float[np.ndarray, " place"], inside: dict[str, Bool[np.ndarray, " place"]]
    ) -> "Regions":
        """Regions of those cells that lie inside; regions without a cell are left out.

        Arguments:
            areas: Share of the sphere of each cell [1].
            inside: The cells of each region.
        """
        kept = {name: areas * cells for name, cells in inside.items() if cells.any()}
        weights = np.stack(list(kept.values())) if kept else np.zeros((0, len(areas)))
        shares = weights.sum(axis=1)
        return cls(tuple(kept), weights / shares[:, None], shares)

    def joined(self, other: "Regions") -> "Regions":
        """These regions and others, one after the other."""
        return Regions(
            self.names + other.names,
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.shares, other.shares]),
        )


def fixed_regions(
    latitude: Float[np.ndarray, " lat"],
    longitude: Float[np.ndarray, " lon"],
    land: Float[np.ndarray, "lat lon"] | None = None,
) -> Regions:
    """The globe, bands of latitude and, where land is known, land and sea.

    Arguments:
        latitude: Rows of the grid [degrees_north].
        longitude: Columns of the grid [degrees_east].
        land: Share of land of each cell [1].

    Example:
        >>> fixed_regions(np.array([60.0, 0.0, -60.0]), np.array([0.0, 180.0])).names
        ('globe', 'northern_extratropics', 'tropics', 'southern_extratropics')
    """
    rows = np.repeat(latitude, len(longitude))
    inside = {
        GLOBE: np.full(len(rows), True),
        "northern_extratropics": rows > TROPICS,
        "tropics": np.abs(rows) <= TROPICS,
        "southern_extratropics": rows < -TROPICS,
    }
    if land is not None:
        inside |= {"land": land.ravel() >= 0.5, "sea": land.ravel() < 0.5}
    return Regions.of(cell_shares(latitude, len(longitude)), inside)


def cell_shares(latitude: Float[np.ndarray, " lat"], columns: int) -> Float[np.ndarray, " place"]:
    """Share of the sphere of each cell [1]."""
    return np.repeat(cell_areas(latitude.astype("float64")) / columns, columns)


def distance_regions(
    latitude: Float[np.ndarray, " lat"],
    longitude: Float[np.ndarray, " lon"],
    sites: Float[np.ndarray, "site 2"],
    edges_km: Sequence[float],
) -> Regions:
    """Classes of the distance to the nearest of some sites.

    Arguments:
        latitude: Rows of the grid [degrees_north].
        longitude: Columns of the grid [degrees_east].
        sites: Latitude [degrees_north] and longitude [degrees_east] of each; none gives no class.
        edges_km: Where one class ends and the next begins [km], increasing.

    Example:
        >>> distance_regions(
        ...     np.array([45.0, -45.0]), np.array([0.0, 180.0]), np.array([[45.0, 0.0]]), [1000.0]
        ... ).names
        ('distance_below_1000_km', 'distance_from_1000_km')
    """
    areas = cell_shares(latitude, len(longitude))
    if not len(sites) or not len(edges_km):
        return Regions.of(areas, {})
    rows, columns = np.repeat(latitude, len(longitude)), np.tile(longitude, len(latitude))
    chord, _ = cKDTree(_on_sphere(*sites.T)).query(_on_sphere(rows, columns))
    distance = 2 * RADIUS_KM * np.arcsin(np.minimum(chord / 2, 1))
    edges = [0.0, *edges_km, np.inf]
    inside = {
        _class_name(low, high): (distance >= low) & (distance < high)
        for low, high in pairwise(edges)
    }
    return Regions.of(areas, inside)


def density_weights(
    latitude: Float[np.ndarray, " site"],
    longitude: Float[np.ndarray, " site"],
    degrees: float,
) -> Float[np.ndarray, " site"]:
    """Weights of sites, less where they stand close together; they sum to one.

    Arguments:
        latitude: Of each site [degrees_north].
        longitude: Of each site [degrees_east].
        degrees: Width of the kernel [degrees].

    Example:
        >>> density_weights(np.array([0.0, 0.0, 60.0]), np.zeros(3), 1.0)
        array([0.25, 0.25, 0.5 ])
    """
    points = _on_sphere(latitude, longitude)
    tree = cKDTree(points)
    reach = 2 * np.sin(np.deg2rad(min(REACH * degrees, 180.0)) / 2)
    chords = tree.sparse_distance_matrix(tree, reach, output_type="coo_matrix")
    angles = 2 * np.arcsin(np.minimum(chords.data / 2, 1))
    kernel = np.exp(-np.square(angles / np.deg2rad(degrees)))
    density = np.zeros(len(points))
    np.add.at(density, chords.row, kernel)
    weights = 1 / density
    return weights / weights.sum()


def _class_name(low: float, high: float) -> str:
    if low == 0:
        return f"distance_below_{high:g}_km"
    return f"distance_from_{low:g}_km" if np.isinf(high) else f"distance_{low:g}_to_{high:g}_km"


def _on_sphere(latitude: np.ndarray, longitude: np.ndarray) -> Float[np.ndarray, "point 3"]:
    lat, lon = np.deg2rad(latitude), np.deg2rad(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
