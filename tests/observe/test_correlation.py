"""Correlated errors: the matrix that the table says, and what it may not say."""

import numpy as np
import pandas as pd
import pytest

from galerne.observe.correlation import COLUMNS, MOST, block_factors, check_blocks
from galerne.observe.noise import perturb_by_platform
from galerne.observe.table import read_observations, write_observations

LEVELS = [300.0, 500.0, 700.0, 850.0]


def sounding(station="a", log_pressure=0.4, km=np.nan, lat=10.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": pd.Timestamp("2001-01-01"),
            "lat": lat,
            "lon": 20.0,
            "level": LEVELS,
            "variable": "temperature",
            "observation": 250.0,
            "error": [0.5, 1.0, 1.5, 2.0],
            "platform": "sonde",
            "station": station,
            "withheld": False,
            "block": station,
            "correlation_log_pressure": log_pressure,
            "correlation_km": km,
        }
    )


def footprints(km=200.0, log_pressure=np.nan) -> pd.DataFrame:
    """Two footprints a degree of latitude apart, at two levels each."""
    rows = pd.concat([sounding(lat=lat).iloc[:2] for lat in (10.0, 11.0)], ignore_index=True)
    return rows.assign(correlation_km=km, correlation_log_pressure=log_pressure)


def test_errors_of_a_sounding_are_correlated_in_the_vertical() -> None:
    ((rows, factor),) = block_factors(sounding())
    apart = np.abs(np.log(LEVELS)[:, None] - np.log(LEVELS))
    assert rows.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(factor @ factor.T, np.exp(-apart / 0.4))


def test_errors_of_footprints_are_correlated_along_the_ground() -> None:
    ((_, factor),) = block_factors(footprints())
    degree = np.exp(-6371 * np.pi / 180 / 200)
    level = np.eye(2)  # unlike levels are independent
    np.testing.assert_allclose(
        factor @ factor.T, np.kron([[1, degree], [degree, 1]], level), atol=1e-12
    )
    ((_, factor),) = block_factors(footprints(log_pressure=0.3))
    vertical = np.exp(-np.log(500 / 300) / 0.3)
    expected = np.kron([[1, degree], [degree, 1]], [[1, vertical], [vertical, 1]])
    np.testing.assert_allclose(factor @ factor.T, expected, atol=1e-12)


def test_blocks_variables_and_platforms_are_apart() -> None:
    one = sounding()
    other = [one.assign(variable="humidity"), one.assign(platform="x"), sounding("b")]
    alone = one.assign(block=None, platform="none")
    table = pd.concat([one, alone, *other], ignore_index=True)
    found = sorted(rows.tolist() for rows, _ in block_factors(table))
    assert found == [list(range(k, k + 4)) for k in (0, 8, 12, 16)]
    assert block_factors(one.drop(columns=COLUMNS)) == []
    assert block_factors(one.iloc[:1]) == []


def test_simulated_errors_have_the_covariance_that_is_stated() -> None:
    table = pd.concat([sounding(), sounding("b").assign(block=None)], ignore_index=True)
    errors, blocks = table["error"].to_numpy(), block_factors(table)
    platforms = table["platform"].to_numpy()
    noisy = perturb_by_platform(np.zeros((20_000, 8)), errors, platforms, 3, blocks)
    apart = np.abs(np.log(LEVELS)[:, None] - np.log(LEVELS))
    correlation = np.eye(8)
    correlation[:4, :4] = np.exp(-apart / 0.4)
    np.testing.assert_allclose(np.corrcoef(noisy.T), correlation, atol=5 / np.sqrt(20_000))
    np.testing.assert_allclose(noisy.std(0), errors, rtol=0.03)
    plain = perturb_by_platform(np.zeros((20_000, 8)), errors, platforms, 3)
    np.testing.assert_array_equal(plain[:, 4:], noisy[:, 4:])


def test_an_observation_that_is_there_twice_is_refused() -> None:
    twice = pd.concat([sounding(), sounding()], ignore_index=True)
    with pytest.raises(ValueError, match=r"'a'.*: errors of its 8 rows depend on each other"):
        block_factors(twice)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"correlation_km": 0.0}, "correlation_km of block .*'a'.* must be one positive number"),
        ({"correlation_km": [1.0, 2.0, 1.0, 1.0]}, "correlation_km"),
        ({"correlation_log_pressure": [0.4, np.nan, 0.4, 0.4]}, "correlation_log_pressure"),
    ],
)
def test_a_length_that_is_none_is_refused(columns, message) -> None:
    check_blocks(sounding(), "mine.parquet")
    with pytest.raises(ValueError, match=f"mine.parquet: .*{message}"):
        check_blocks(sounding().assign(**columns), "mine.parquet")


def test_a_block_is_bounded() -> None:
    many = pd.concat([sounding()] * (MOST // 4 + 1), ignore_index=True)
    with pytest.raises(ValueError, match=f"has {MOST + 4} rows; at most {MOST}"):
        check_blocks(many, "mine.parquet")


def test_the_table_carries_correlations_only_where_there_are_any(tmp_path) -> None:
    plain, path = sounding().drop(columns=COLUMNS), tmp_path / "o.parquet"
    write_observations(plain, path)
    assert not set(COLUMNS) & set(read_observations(path))
    mixed = pd.concat([sounding(), plain.assign(platform="other")], ignore_index=True)
    write_observations(mixed, path)
    found = read_observations(path)
    assert found["block"].notna().sum() == 4
    assert len(block_factors(found)) == 1
    found.drop(columns="correlation_km").to_parquet(path)
    with pytest.raises(ValueError, match="has no column correlation_km"):
        read_observations(path)
    sounding(km=-1.0).to_parquet(path)
    with pytest.raises(ValueError, match=r"o.parquet: correlation_km"):
        read_observations(path)
