"""Rows and lines are where their values are; intervals never hide them."""

import numpy as np
import pandas as pd
import pytest

from galerne.report.legend import CLASSICAL, Legend
from galerne.report.plots import plain_ticks, plot_lines, plot_rows, said
from galerne.report.style import svg

from .conftest import LEGEND
from .made import markers, texts


def table(**columns: object) -> pd.DataFrame:
    rows = {"row": ["a", "b"] * 2, "method": ["mmps"] * 2 + ["oi"] * 2}
    rows |= {"value": [0.4, 0.5, 0.3, np.nan], "lower": [0.3, 0.4, 0.2, np.nan]}
    rows |= {"upper": [0.5, 9.0, np.nan, np.nan], "x": [1.0, 2.0, 1.0, 2.0]}
    return pd.DataFrame(rows | columns)


def test_each_method_is_at_its_values_beside_the_others() -> None:
    figure = plot_rows({"t": table()}, LEGEND, rows={"a": "A", "b": "B"}, label="x")
    (mine,), (theirs,) = (markers(figure, LEGEND.label(m)) for m in ("mmps", "oi"))
    assert (mine.tolist(), theirs.tolist()) == ([0.4, 0.5], [0.3])
    (axes,) = figure.axes
    rows = {line.get_label(): line.get_ydata()[0] for line in axes.lines}
    assert rows[LEGEND.label("oi")] < 0 < rows[LEGEND.label("mmps")]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B"]


def test_a_wide_interval_leaves_values_readable_and_half_an_interval_is_none() -> None:
    figure = plot_rows({"t": table()}, LEGEND, rows={"a": "A", "b": "B"}, label="x")
    (axes,) = figure.axes
    assert axes.get_xlim()[1] < 1
    segments = [len(c.get_segments()) for c in axes.collections]
    assert sorted(segments) == [0, 2]


@pytest.mark.parametrize(("zero", "left"), [(True, 0.0), (False, 0.2)])
def test_an_axis_may_or_may_not_show_zero(zero: bool, left: float) -> None:
    figure = plot_rows({"t": table()}, LEGEND, rows={"a": "A"}, label="x", zero=zero)
    assert figure.axes[0].get_xlim()[0] == pytest.approx(left, abs=0.02)


def test_each_panel_has_its_own_mark() -> None:
    panels = {"s": table(), "t": table()}
    figure = plot_rows(panels, LEGEND, rows={"a": "A"}, label="x", marks=[1.0, None], columns=1)
    marks = [[x for x in ax.lines if len(set(x.get_xdata())) == 1] for ax in figure.axes]
    assert 1.0 in [line.get_xdata()[0] for line in marks[0]]
    assert 1.0 not in [line.get_xdata()[0] for line in marks[1]]


def test_lines_follow_x_and_others_have_names_of_their_own() -> None:
    truth = pd.DataFrame({"method": "truth", "x": [1.0, 2.0], "value": [1.0, 1.1]})
    whole = pd.concat([table(), truth])
    others = {"truth": ("Truth", "-", "#000000", 2.0)}
    figure = plot_lines({"t": whole}, LEGEND, x="x", label="y", others=others)
    names = {line.get_label(): line for line in figure.axes[0].lines}
    assert names["Truth"].get_ydata().tolist() == [1.0, 1.1]
    assert names[LEGEND.label("mmps")].get_xdata().tolist() == [1.0, 2.0]
    assert figure.legends[0].get_texts()[0].get_text() == "Truth"


def test_profiles_run_downwards() -> None:
    levels = table(x=[300.0, 850.0] * 2)
    figure = plot_lines(
        {"t": levels}, LEGEND, x="Level", label="y", upright=True, log_x=True, ticks=[300.0, 850.0]
    )
    (axes,) = figure.axes
    assert axes.get_ylim()[0] > 850 > 300 > axes.get_ylim()[1]
    mine = next(one for one in axes.lines if one.get_label() == LEGEND.label("mmps"))
    assert mine.get_ydata().tolist() == [300.0, 850.0]


def test_empty_places_of_a_grid_show_nothing() -> None:
    panels = {str(k): table() for k in range(4)}
    figure = plot_lines(panels, LEGEND, x="x", label="y")
    assert [ax.axison for ax in figure.axes] == [True] * 4 + [False] * 2


def test_the_legend_of_many_methods_stays_within_the_figure() -> None:
    kinds = {"mmps": "mmps", "dps": "dps"} | {
        kind: kind for kind in CLASSICAL if kind != "climatology"
    }
    legend = Legend(kinds)
    rows = pd.DataFrame({"method": list(kinds), "value": 0.5, "lower": 0.4, "upper": 0.6})
    figure = plot_rows({"t": rows.assign(row="a")}, legend, rows={"a": "A"}, label="x")
    svg(figure)
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert box.y0 > figure.axes[0].get_window_extent().y1


def test_words_give_each_value_with_its_interval() -> None:
    one = table()[table()["row"] == "a"]
    assert said(one, LEGEND) == "Optimal interpolation 0.3; Posterior (mmps) 0.4 (0.3 to 0.5)"
    assert said(table(), LEGEND) == "Optimal interpolation 0.3; Posterior (mmps) 0.45"


def test_logarithmic_ticks_are_few_and_plain() -> None:
    figure = plot_lines({"t": table()}, LEGEND, x="x", label="y", log_y=True)
    plain_ticks(figure.axes[0], 0.01, 100.0, y=True)
    figure.axes[0].set_ylim(0.01, 100.0)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == [
        "0.01", "0.1", "1", "10", "100",
    ]  # fmt: skip
    assert "Posterior (mmps)" in texts(figure)
