r"""Sites of an observing network: where they are, and which are withheld.

Over the sphere, sites lie on a Fibonacci lattice: equal areas, no two close together,

.. math:: \sin\phi_k = 1 - \frac{2k + 1}{n}, \qquad \lambda_k = 2\pi k / \varphi^2

with the golden ratio :math:`\varphi`, turned by a random rotation. Real sites are far from
even (most lie in the northern hemisphere), so a few are chosen from a file by farthest
points: each next site is the one whose nearest chosen neighbour is farthest away.

Conventions: latitudes in degrees north, longitudes in [0, 360) degrees east.
"""

__all__ = ["SITE_COLUMNS", "place_sites", "read_sites", "scatter", "thin", "withhold"]

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pdbufr

from jaxtyping import Bool, Float, Int64

from ..catalogue import ELEVATIONS
from .noise import generator

SITE_COLUMNS = ["platform", "station", "lat", "lon", "elevation", "withheld"]

# Keys of BUFR reports; sites that report what is asked for are taken before others.
REPORTED_AS = {
    "mean_sea_level_pressure": "pressureReducedToMeanSeaLevel",
    "2m_temperature": "airTemperatureAt2M",
    "10m_u_component_of_wind": "windSpeedAt10M",
    "10m_v_component_of_wind": "windSpeedAt10M",
    "10m_wind_speed": "windSpeedAt10M",
}
GROUND = "heightOfStationGroundAboveMeanSeaLevel"  # of newer reports
HEIGHT = "heightOfStation"  # of older ones
DECIMALS = 4  # about 10 m


def place_sites(
    platform: str,
    *,
    count: int,
    path: Path | None,
    variables: Sequence[str],
    withheld_share: float,
    seed: int,
) -> pd.DataFrame:
    """Places the sites of one instrument.

    Arguments:
        platform: The name of the instrument; its draws are its own.
        count: Number of sites.
        path: A file of real sites (see :func:`read_sites`), or ``None`` for the sphere.
        variables: What is to be observed; real sites that report it come first.
        withheld_share: Share of the sites kept for verification only [1].
        seed: Seed of the network.

    Returns:
        A table with columns ``platform station lat lon elevation withheld``; the elevation [m]
        is NaN where it is not known, as on the sphere.

    Raises:
        ValueError: If the file holds fewer sites than asked for, or is not understood.
    """
    rng = generator(seed, "sites", platform)
    if path is None:
        lat, lon = scatter(count, rng)
        station = [f"{platform}_{k:05d}" for k in range(count)]
        sites = pd.DataFrame({"station": station, "lat": lat, "lon": lon, "elevation": np.nan})
    else:
        sites = _choose(read_sites(path, variables), count, path, rng)
    sites["lat"] = sites["lat"].round(DECIMALS)
    sites["lon"] = sites["lon"].round(DECIMALS) % 360
    sites["platform"] = platform
    sites["withheld"] = withhold(len(sites), withheld_share, generator(seed, "withheld", platform))
    return sites[SITE_COLUMNS]


def scatter(
    count: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " site"], Float[np.ndarray, " site"]]:
    """Spreads sites evenly over the sphere, turned at random.

    Returns:
        Latitudes [degrees_north] and longitudes [degrees_east].
    """
    k = np.arange(count)
    golden = (1 + np.sqrt(5)) / 2
    z, turn = 1 - (2 * k + 1) / count, 2 * np.pi * k / golden**2
    points = np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], 1)
    x, y, z = (points @ _rotation(rng)).T
    lon = np.degrees(np.arctan2(y, x)) % 360
    return np.degrees(np.arcsin(np.clip(z, -1, 1))), lon


def thin(
    lat: Float[np.ndarray, " site"],
    lon: Float[np.ndarray, " site"],
    count: int,
    rng: np.random.Generator,
    chosen: Sequence[int] = (),
) -> Int64[np.ndarray, " chosen"]:
    """Chooses sites as evenly as possible by farthest points.

    Arguments:
        lat: Latitudes [degrees_north].
        lon: Longitudes [degrees_east].
        count: How many to choose in all.
        rng: Draws the first site.
        chosen: Sites chosen already, which stay.

    Returns:
        The indices of the chosen sites, in the order they were chosen.
    """
    points = _unit_vectors(lat, lon)
    found = list(chosen) or [int(rng.integers(len(points)))]
    nearest = np.full(len(points), -np.inf)
    for site in found:
        nearest = np.maximum(nearest, points @ points[site])
    while len(found) < count:
        nearest[found[-1]] = np.inf
        found.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, points @ points[found[-1]])
    return np.array(found[:count], "int64")


def withhold(count: int, share: float, rng: np.random.Generator) -> Bool[np.ndarray, " site"]:
    """Chooses which sites are kept for verification only.

    Example:
        >>> int(withhold(20, 0.15, np.random.default_rng(0)).sum())
        3
    """
    kept = np.zeros(count, bool)
    kept[rng.permutation(count)[: round(share * count)]] = True
    return kept


def read_sites(path: Path, variables: Sequence[str] = ()) -> pd.DataFrame:
    """Reads the sites of a file, each place once.

    Arguments:
        path: CSV with columns ``lat``, ``lon`` and perhaps ``station`` and ``elevation`` [m], or
            BUFR reports.
        variables: What is to be observed.

    Returns:
        A table with columns ``station lat lon elevation preferred``: preferred are sites that
        report one of the variables (all of them where the file does not tell).

    Raises:
        ValueError: If the file is unreadable, columns are missing, or a latitude lies outside
            [-90, 90], or an elevation is none on Earth.
    """
    table = _read_csv(path) if path.suffix == ".csv" else _read_bufr(path, variables)
    table["lat"], table["lon"] = table["lat"].round(DECIMALS), table["lon"].round(DECIMALS) % 360
    wrong = ~table["lat"].between(-90, 90) | ~np.isfinite(table["lon"])
    if wrong.any():
        lat, lon = table.loc[wrong, ["lat", "lon"]].iloc[0]
        raise ValueError(f"{path}: latitude {lat}, longitude {lon} is no place on Earth")
    high = table["elevation"].notna() & ~table["elevation"].between(*ELEVATIONS)
    if high.any():
        name, height = table.loc[high, ["station", "elevation"]].iloc[0]
        allowed = "{:g} to {:g} m".format(*ELEVATIONS)
        raise ValueError(f"{path}: elevation of {name} is {height:g} m, and must be {allowed}")
    table = table.sort_values(["lat", "lon", "preferred", "station"], kind="stable")
    return table.drop_duplicates(["lat", "lon"], keep="last").reset_index(drop=True)


def _choose(sites: pd.DataFrame, count: int, path: Path, rng: np.random.Generator) -> pd.DataFrame:
    if len(sites) < count:
        raise ValueError(f"{path} holds {len(sites)} sites, fewer than the {count} asked for")
    lat, lon = sites["lat"].to_numpy(), sites["lon"].to_numpy()
    first = np.flatnonzero(sites["preferred"])
    if len(first) >= count:
        chosen = first[thin(lat[first], lon[first], count, rng)]
    else:
        chosen = thin(lat, lon, count, rng, chosen=first.tolist())
    return sites.iloc[np.sort(chosen)].reset_index(drop=True)


def _read_csv(path: Path) -> pd.DataFrame:
    text = {"station": str}
    numbers = {"lat": "", "lon": "", "elevation": ""}
    try:
        table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=numbers)
    except ValueError as error:  # of pandas, or of the encoding
        raise ValueError(f"{path} is no readable CSV file: {error}") from None
    missing = {"lat", "lon"} - set(table.columns)
    if missing:
        raise ValueError(f"{path} has no column {', '.join(sorted(missing))}")
    if "elevation" not in table:
        table["elevation"] = np.nan
    table = table.astype({"lat": float, "lon": float, "elevation": float})
    if "station" not in table:
        table["station"] = _named_by_place(table)
    return table[["station", "lat", "lon", "elevation"]].assign(preferred=True)


def _read_bufr(path: Path, variables: Sequence[str]) -> pd.DataFrame:
    keys = sorted({REPORTED_AS[name] for name in variables if name in REPORTED_AS})
    names = ["stationOrSiteName", "blockNumber", "stationNumber"]
    places = ["latitude", "longitude"]
    columns = [*places, *names, GROUND, HEIGHT, *keys]
    reports = pdbufr.read_bufr(str(path), columns=columns, required_columns=places)
    if reports.empty:
        raise ValueError(f"{path} holds no report with a place")
    reports = reports.reindex(columns=columns)
    table = reports.rename(columns={"latitude": "lat", "longitude": "lon"})
    table["station"] = _station_names(table)
    table["elevation"] = table[GROUND].fillna(table[HEIGHT]).astype(float)
    told = reports.groupby(places)[keys].transform("count").gt(0) if keys else reports[[]]
    table["preferred"] = told.all(axis=1)
    found = table[["station", "lat", "lon", "elevation", "preferred"]]
    return found.dropna(subset=["lat", "lon"])


def _station_names(table: pd.DataFrame) -> pd.Series:
    """The name, else the WMO number, else the place."""
    number = table["blockNumber"] * 1000 + table["stationNumber"]
    written = number.map(lambda n: f"{n:05.0f}", na_action="ignore").astype(object)
    named = table["stationOrSiteName"].astype(object)
    return named.where(named.notna(), written.where(number.notna(), _named_by_place(table)))


def _named_by_place(table: pd.DataFrame) -> pd.Series:
    return table["lat"].map("{:+.4f}".format) + table["lon"].map("{:+.4f}".format)


def _unit_vectors(lat: np.ndarray, lon: np.ndarray) -> Float[np.ndarray, "site 3"]:
    phi, lam = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], 1)


def _rotation(rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """A rotation drawn uniformly: the signed QR factor of a Gaussian matrix."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.diag(r))
