"""Colours grow darker one way, words are those that people read, files forget the day."""

import io

import numpy as np

from matplotlib.figure import Figure
from PIL import Image

from galerne.report.style import (
    INK,
    colour_table,
    display_unit,
    label_channel,
    png,
    svg,
)


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB colours (IEC 61966-2-1)."""
    c = np.asarray(rgb, "float64") / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_fields_and_spreads_read_in_greyscale() -> None:
    assert (np.diff(luminance(colour_table("field"))) > -1e-3).all()
    assert (np.diff(luminance(colour_table("spread"))) < 1e-3).all()


def test_differences_are_grey_at_zero_and_lighter_the_more_above() -> None:
    table = colour_table("difference").astype(int)
    assert np.ptp(table[127:129], axis=1).max() < 12
    assert table[0, 2] > table[0, 0] + 80  # blue
    assert table[200, 0] > table[200, 2] + 80  # yellow
    assert (np.diff(luminance(table)) > 0).all()


def test_units_are_those_that_people_read() -> None:
    assert display_unit("specific_humidity") == (1000.0, "g/kg")
    assert display_unit("geopotential") == (1.0, "m²/s²")
    assert display_unit("something_else") == (1.0, "1")


def test_labels_of_channels() -> None:
    assert label_channel("u_component_of_wind_300") == "U300"
    assert label_channel("mean_sea_level_pressure") == "MSLP"
    assert label_channel("unknown_thing") == "unknown_thing"


def drawing() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([0, 1], color=INK)
    return figure


def test_equal_figures_are_equal_files_without_a_date() -> None:
    assert svg(drawing()) == svg(drawing())
    assert png(drawing()) == png(drawing())
    assert "<dc:date>" not in svg(drawing())


def test_picture_has_a_palette_and_the_size_asked_for() -> None:
    image = Image.open(io.BytesIO(png(drawing(), dpi=50)))
    assert image.mode == "P"
    assert image.size == (100, 50)
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
