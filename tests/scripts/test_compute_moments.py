"""Moments of one period, by script."""

import pytest

from workflow.scripts.compute_moments import compute_moments


def test_a_level_that_the_data_lack_is_refused_and_nothing_is_written(
    tmp_path, choice, train
) -> None:
    state = choice.state | {"levels": [500, 700]}
    with pytest.raises(ValueError, match="level 700 hPa of 'temperature' is not in the data"):
        compute_moments(train[0], tmp_path / "moments.csv", **state)
    assert not list(tmp_path.iterdir())
