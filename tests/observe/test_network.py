"""Sites: even over the sphere, chosen from files, withheld by seed."""

import numpy as np
import pandas as pd
import pytest

from galerne.observe import network
from galerne.observe.network import place_sites, read_sites, scatter, thin, withhold


def nearest_angles(lat, lon) -> np.ndarray:
    phi, lam = np.radians(lat), np.radians(lon)
    cosine = np.sin(phi[:, None]) * np.sin(phi) + np.cos(phi[:, None]) * np.cos(phi) * np.cos(
        lam[:, None] - lam
    )
    np.fill_diagonal(cosine, -1)
    return np.arccos(np.clip(cosine.max(1), -1, 1))


def place(path=None, count=50, seed=0, platform="stations", share=0.2, variables=()) -> object:
    return place_sites(
        platform,
        count=count,
        path=path,
        variables=list(variables),
        withheld_share=share,
        seed=seed,
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_scattered_sites_cover_the_sphere_evenly_and_keep_apart(seed) -> None:
    lat, lon = scatter(400, np.random.default_rng(seed))
    phi, lam = np.radians(lat), np.radians(lon)
    points = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    np.testing.assert_allclose(points.mean(1), 0, atol=0.01)
    np.testing.assert_allclose(points @ points.T / 400, np.eye(3) / 3, atol=0.01)
    # The densest packing of n caps keeps centres about sqrt(8 pi / (sqrt(3) n)) apart.
    assert nearest_angles(lat, lon).min() > 0.7 * np.sqrt(8 * np.pi / (np.sqrt(3) * 400))
    assert np.all((lon >= 0) & (lon < 360))


def test_sites_depend_on_seed_and_platform_alone() -> None:
    pd.testing.assert_frame_equal(place(), place())
    assert not np.allclose(place()["lat"], place(seed=1)["lat"])
    assert not np.allclose(place()["lat"], place(platform="soundings")["lat"])


def test_thinning_takes_the_farthest_points() -> None:
    lon = np.array([0.0, 1.0, 2.0, 90.0, 91.0, 180.0, 270.0])
    chosen = thin(np.zeros(7), lon, 4, np.random.default_rng(0), chosen=[0])
    assert {0, 5}.issubset(chosen)
    assert nearest_angles(np.zeros(4), lon[chosen]).min() > np.radians(85)
    assert sorted(thin(np.zeros(7), lon, 7, np.random.default_rng(0))) == list(range(7))


def test_thinning_evens_out_a_lopsided_network() -> None:
    rng = np.random.default_rng(1)
    north, south = rng.uniform(0.2, 1, 850), rng.uniform(-1, -0.2, 150)
    lat = np.degrees(np.arcsin(np.concatenate([north, south])))
    chosen = thin(lat, rng.uniform(0, 360, 1000), 60, rng)
    assert np.mean(lat[chosen] > 0) < 0.6


def test_the_withheld_share_is_kept_exactly_and_by_seed() -> None:
    kept = withhold(40, 0.15, np.random.default_rng(0))
    assert kept.sum() == 6
    assert not np.array_equal(kept, withhold(40, 0.15, np.random.default_rng(1)))
    assert not withhold(40, 0.0, np.random.default_rng(0)).any()
    assert place(share=0.2)["withheld"].sum() == 10


def test_sites_of_a_table_keep_their_names_and_each_place_once(tmp_path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text("station,lat,lon\nNA,10,-20\n007,-30,40\n008,-30,40\n")
    sites = read_sites(path)
    assert sites["station"].tolist() == ["008", "NA"]
    assert sites["lon"].tolist() == [40.0, 340.0]
    unnamed = tmp_path / "places.csv"
    unnamed.write_text("lat,lon\n10,-20\n")
    assert read_sites(unnamed)["station"].tolist() == ["+10.0000-20.0000"]


def test_sites_keep_their_elevation_where_it_is_known(tmp_path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text("station,lat,lon,elevation\na,10,20,1500\nb,-30,40,\n")
    assert read_sites(path)["elevation"].tolist()[1] == 1500
    assert np.isnan(read_sites(path)["elevation"][0])
    assert place(path, count=2)["elevation"].tolist()[1] == 1500
    assert place()["elevation"].isna().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "station,lat,lon,elevation\na,1,2,99999\n",
            "elevation of a is 99999 m, and must be -500",
        ),
        ("lat,longitude\n1,2\n", "has no column lon"),
        ("lat,lon\n95,2\n", "latitude 95.0, longitude 2.0 is no place on Earth"),
        ("lat,lon\n,2\n", "is no place on Earth"),
        ("lat,lon\n1,2\n3,4\n", "holds 2 sites, fewer than the 50 asked for"),
    ],
)
def test_files_that_hold_no_such_sites_are_refused(text, message, tmp_path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        place(path)


def reports(path, columns, required_columns) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "latitude": [10.0, 10.0, 20.0, -90.00000000000001, 40.0],
            "longitude": [-20.0, -20.0, 0.0, 0.0, 5.0],
            "blockNumber": [1, 1, 1, 89, 2],
            "stationNumber": [25, 25, 26, 9, 1],
            "heightOfStationGroundAboveMeanSeaLevel": [np.nan, 12.0, np.nan, 2835.0, np.nan],
            "heightOfStation": [np.nan, 99.0, 30.0, np.nan, np.nan],
            "pressureReducedToMeanSeaLevel": [np.nan, 101_000.0, np.nan, 99_000.0, np.nan],
        }
    )


def test_real_sites_that_report_what_is_asked_for_come_first(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(network.pdbufr, "read_bufr", reports)
    path = tmp_path / "synop.bufr"
    sites = read_sites(path, ["mean_sea_level_pressure"])
    assert sites["station"].tolist() == ["89009", "01025", "01026", "02001"]
    assert sites["preferred"].tolist() == [True, True, False, False]
    assert sites["elevation"].tolist()[:3] == [2835, 12, 30]
    assert np.isnan(sites["elevation"][3])
    two = place(path, count=2, variables=["mean_sea_level_pressure"])
    assert two["station"].tolist() == ["89009", "01025"]
    three = place(path, count=3, variables=["mean_sea_level_pressure"])
    assert {"89009", "01025"}.issubset(three["station"])
    assert read_sites(path)["preferred"].all()
