"""Charts show the values they are given, and say so in words."""

import numpy as np
import pandas as pd

from galerne.report.charts import (
    plot_costs,
    plot_training,
    training_curves,
)


def test_training_records_of_either_shape_are_the_same_curves() -> None:
    wide = pd.DataFrame({"step": [0, 10], "loss": [2.0, 1.0], "validation_loss": [None, 1.5]})
    tall = pd.DataFrame(
        {
            "step": [0, 10, 10],
            "split": ["train", "train", "validation"],
            "metric": "loss",
            "value": [2.0, 1.0, 1.5],
        }
    )
    np.testing.assert_allclose(
        training_curves(wide).to_numpy("float64"), training_curves(tall).to_numpy("float64")
    )


def test_columns_that_hold_no_number_are_no_curves() -> None:
    table = pd.DataFrame(
        {"step": [0, 1], "note": ["a", "b"], "none": [None, None], "loss": [1, 2]}
    )
    assert list(training_curves(table)) == ["loss"]


def test_training_is_logarithmic_only_where_all_is_positive() -> None:
    positive = pd.DataFrame({"step": [0, 1], "loss": [1.0, 100.0]})
    assert plot_training(positive).axes[0].get_yscale() == "log"
    assert plot_training(positive * -1).axes[0].get_yscale() == "linear"


def test_costs_have_a_bar_per_rule_even_where_one_is_unknown() -> None:
    used = pd.DataFrame({"used": [1.0, 2.0], "asked for": [4.0, np.nan]}, index=["a", "b"])
    memory = pd.DataFrame({"rss_mb": [np.nan, 1234.0]}, index=["a", "b"])
    gpus = pd.DataFrame({"gpu": [0.0, 3.0]}, index=["a", "b"])
    left, right, last = plot_costs({"CPU-hours": used, "peak": memory, "GPU": gpus}).axes
    assert [text.get_text() for text in last.texts] == ["", "3"]
    pale, full = left.containers
    assert [bar.get_width() for bar in full] == [1.0, 2.0]
    assert [bar.get_width() for bar in pale] == [4.0, 0.0]
    assert [text.get_text() for text in left.texts] == ["1", "2"]
    assert [bar.get_width() for bar in right.patches] == [0.0, 1234.0]
    assert [text.get_text() for text in right.texts] == ["–", "1,234"]
    assert left.get_xlim()[1] > 4.0
    assert [text.get_text() for text in left.get_yticklabels()] == ["a", "b"]
