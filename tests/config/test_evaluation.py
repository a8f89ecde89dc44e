"""What the block of evaluation refuses."""

import pytest

from pydantic import ValidationError

from galerne.config.evaluation import Evaluation

GOOD = {
    "crps": "fair",
    "map_members": 3,
    "missing_members": "error",
    "thresholds": {"2m_temperature": [273.15], "geopotential_500": [5e4]},
    "distances_km": [500.0, 1000.0],
    "density_degrees": 0.75,
    "bootstrap": {"resamples": 1000, "level": 0.95, "block_hours": 120.0},
}


def test_the_good_one_is_taken() -> None:
    assert Evaluation.model_validate(GOOD).thresholds["geopotential_500"] == [5e4]
    assert Evaluation.model_validate(GOOD | {"thresholds": {}, "distances_km": []})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("missing_members", "ignore", "'error' or 'skip'"),
        ("thresholds", {"temperature": [1.0]}, "no channel 'temperature'"),
        ("thresholds", {"2m_temperature_500": [1.0]}, "no channel '2m_temperature_500'"),
        ("thresholds", {"geopotential_top": [1.0]}, "no channel 'geopotential_top'"),
        ("thresholds", {"2m_temperature": [float("nan")]}, "finite"),
        ("distances_km", [1000.0, 500.0], "must increase"),
        ("distances_km", [-1.0], "greater than 0"),
        ("density_degrees", 0.0, "greater than 0"),
        ("bootstrap", GOOD["bootstrap"] | {"resamples": 10}, "greater than or equal to 100"),
        ("bootstrap", GOOD["bootstrap"] | {"level": 95}, "less than 1"),
        ("bootstrap", GOOD["bootstrap"] | {"block_hours": 0}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(key, value, message) -> None:
    with pytest.raises(ValidationError, match=message):
        Evaluation.model_validate(GOOD | {key: value})
