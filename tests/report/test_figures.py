"""Maps have the columns, scales and units that they say."""

import numpy as np
import pandas as pd
import xarray as xr

from galerne.report.figures import (
    observed_near,
    plot_glance,
    plot_members,
    plot_overview,
)


def titles(figure: object) -> list[str]:
    return [ax.get_title() for ax in figure.axes if ax.get_title()]


def test_observations_are_those_of_the_channel_and_the_time(observations: pd.DataFrame) -> None:
    at = np.datetime64("2004-01-14T00")
    assert list(observed_near(observations, "geopotential_500", at, 6)["station"]) == ["a"]
    assert list(observed_near(observations, "2m_temperature", at, 6)["station"]) == ["b", "c"]
    assert list(observed_near(observations, "2m_temperature", at, 2)["station"]) == ["b"]
    assert observed_near(observations, "geopotential_850", at, 6).empty


def test_overview_has_a_column_for_each_thing_there_is(
    maps: xr.Dataset, observations: pd.DataFrame
) -> None:
    figure = plot_overview(maps, observations, 1, step_hours=6)
    columns = ["Truth", "Observations", "Posterior mean", "Spread", "Error (mean − truth)"]
    assert titles(figure) == columns
    assert len(figure.axes) == 10
    assert "2004-01-14 06 UTC" in figure.get_suptitle()


def test_overview_leaves_out_what_is_missing(maps: xr.Dataset) -> None:
    bare = maps.drop_vars(["spread", "members", "land_sea_mask"])
    assert titles(plot_overview(bare, None, 0, step_hours=6)) == [
        "Truth", "Posterior mean", "Error (mean − truth)",
    ]  # fmt: skip


def test_error_is_drawn_around_zero_and_fields_on_one_scale(maps: xr.Dataset) -> None:
    figure = plot_overview(maps, None, 0, step_hours=6)
    limits = [ax.images[0].get_clim() for ax in figure.axes[:4]]
    assert limits[0] == limits[1]
    assert limits[2][0] == 0
    assert limits[3][0] == -limits[3][1]


def test_pressure_is_drawn_in_hectopascal(maps: xr.Dataset) -> None:
    pressure = maps.isel(channel=[0]).assign_coords(channel=["mean_sea_level_pressure"])
    one = plot_overview(maps, None, 0, step_hours=6).axes[0].images[0].get_array()
    other = plot_overview(pressure, None, 0, step_hours=6).axes[0].images[0].get_array()
    np.testing.assert_allclose(other, one * 0.01)


def test_members_stand_beside_the_truth_and_the_prior(maps: xr.Dataset) -> None:
    figure = plot_members(maps, 0)
    assert titles(figure) == [
        "Truth", "Member 1", "Member 2", "Member 3", "Prior, no observations",
    ]  # fmt: skip
    shown = [ax.images[0].get_array() for ax in figure.axes[:5]]
    np.testing.assert_allclose(shown[2] - shown[1], 1.0)
    np.testing.assert_allclose(shown[4], -shown[0])


def test_members_without_a_prior_or_with_many_draws_of_it(maps: xr.Dataset) -> None:
    assert len(titles(plot_members(maps.drop_vars("prior_sample"), 0))) == 4
    many = maps.assign(prior_sample=maps["members"])
    assert len(titles(plot_members(many, 0))) == 5


def test_a_glance_shows_truth_observations_and_mean_in_the_same_colours(
    maps: xr.Dataset, observations: pd.DataFrame
) -> None:
    figure = plot_glance(maps, observations, 1, 0, step_hours=6)
    maps_drawn = figure.axes[:3]
    assert [ax.get_title() for ax in maps_drawn] == ["Truth", "Observations", "Posterior mean"]
    spans = {one.get_images()[0].get_clim() for one in (maps_drawn[0], maps_drawn[2])}
    dots = maps_drawn[1].collections
    spans |= {one.get_clim() for one in dots if one.get_array() is not None}
    assert len(spans) == 1
    assert sum(len(one.get_offsets()) for one in dots if one.get_array() is not None) == 2
