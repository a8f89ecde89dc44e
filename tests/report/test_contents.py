"""The parts of the page follow the files they are gathered from."""

import json

from pathlib import Path

import pandas as pd
import xarray as xr

from galerne.products import write_product
from galerne.report.contents import (
    best_baseline,
    first_picture,
    judgement,
    map_parts,
    moments_tables,
    read_figures,
    read_sets,
    score_panels,
    score_parts,
    training_figures,
)
from galerne.report.explorer import MapSet

from .conftest import CHOICE, CONFIG, LEGEND, make_comparisons, make_scores
from .made import make_evidence

NONE = make_comparisons().iloc[:0]


def test_first_choice_of_each_task_speaks() -> None:
    later = CHOICE | {"task": "forecast"}
    scores = pd.concat(
        [make_scores(0.4), make_scores(0.7, leads=(6, 12), task="forecast")], ignore_index=True
    )
    said = judgement(scores, NONE, [CHOICE, later], CONFIG, {"world": "a nature run"}, LEGEND)
    assert "0.400 of climatology" in said["verdict"][0]
    assert "0.700 of climatology's at 6 h" in said["verdict"][-1]
    assert said["tiles"][0][0] == "0.400"
    assert "not the real one" in said["limits"][0]


def test_the_best_baseline_is_named_on_the_first_screen(comparisons: pd.DataFrame) -> None:
    said = judgement(make_scores(0.4), comparisons, [CHOICE], CONFIG, {}, LEGEND)
    assert (
        "1.50 of that of the best classical baseline on the same observations, "
        "Optimal interpolation" in (said["verdict"][1])
    )
    assert said["tiles"][0] == (
        "1.50",
        "CRPS ÷ Optimal interpolation",
        "the best classical baseline; 1.20 to 1.90",
    )


def test_the_first_screen_has_three_numbers(comparisons: pd.DataFrame) -> None:
    said = judgement(make_scores(0.4), comparisons, [CHOICE], CONFIG, {}, LEGEND)
    assert [name for _, name, _ in said["tiles"]] == [
        "CRPS ÷ Optimal interpolation", "RMSE ÷ climatology", "Spread ÷ error",
    ]  # fmt: skip


def test_the_first_picture_is_of_the_first_channel_that_is_there(
    maps: xr.Dataset, observations: pd.DataFrame
) -> None:
    one = MapSet(CHOICE, "reanalysis", maps, observations, 6)
    figure = first_picture([one], ["nothing", "2m_temperature"])
    assert figure.title.startswith("T2M on 2004-01-14 06 UTC")
    assert figure.png.startswith(b"\x89PNG")
    assert figure.png != first_picture([one], ["geopotential_500"]).png
    assert first_picture([], ["2m_temperature"]) is None


def test_the_explorer_begins_with_the_best_baseline_beside(
    comparisons: pd.DataFrame, maps: xr.Dataset, observations: pd.DataFrame
) -> None:
    one = MapSet(CHOICE | {"window": "20040114T00_12h"}, "reanalysis", maps, observations, 6)
    parts = map_parts([one], comparisons, [CHOICE], CONFIG, LEGEND)
    assert parts["explorer"]()["beside"] == "oi"
    assert len(parts["explorer"](budget=1)["scenes"]) == 1
    assert parts["glance"].title.startswith("Z500")


def test_the_best_baseline_is_that_of_the_first_choice_that_has_one(
    comparisons: pd.DataFrame,
) -> None:
    other = CHOICE | {"task": "forecast"}
    assert best_baseline(comparisons, [other, CHOICE]) == "oi"
    assert best_baseline(comparisons, [other]) == best_baseline(NONE, [CHOICE]) == ""


def test_the_first_of_two_networks_speaks() -> None:
    scores = pd.concat([make_scores(0.4), make_scores(0.9, network="dense")], ignore_index=True)
    said = judgement(scores, NONE, [CHOICE, CHOICE | {"network": "dense"}], CONFIG, {}, LEGEND)
    assert said["tiles"][0][0] == "0.400"


def test_a_run_without_reanalysis_is_judged_by_what_it_has() -> None:
    scores = make_scores(0.7, leads=(6,), task="forecast")
    said = judgement(scores, NONE, [CHOICE | {"task": "forecast"}], CONFIG, {}, LEGEND)
    assert said["tiles"][0][0] == "0.700"


def test_figures_are_read_by_tab(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg></svg>")
    (tmp_path / "b.png").write_bytes(b"x")
    index = [
        {"file": "a.svg", "tab": "one", "title": "A", "alt": "a"},
        {"file": "b.png", "title": "B", "alt": "b"},
    ]
    (tmp_path / "index.json").write_text(json.dumps(index))
    found = read_figures(tmp_path)
    assert found["one"][0].svg == "<svg></svg>"
    assert found[""][0].png == b"x"


def test_a_panel_stands_for_each_task(tmp_path: Path) -> None:
    panels = score_panels(make_evidence(tmp_path), [CHOICE], {}, LEGEND)
    assert [panel.label for panel in panels] == ["Reanalysis"]
    captions = [table.caption for table in panels[0].tables]
    assert captions[2] == "Degrees of freedom for signal, by instrument"


def test_scores_have_a_table_of_methods_and_variants_a_section(tmp_path: Path) -> None:
    evidence = make_evidence(tmp_path / "t", networks=("sparse", "half"))
    row = {"file": "a.svg", "tab": "Experiments", "title": "A", "alt": "a", "note": "n"}
    (tmp_path / "index.json").write_text(json.dumps([row]))
    (tmp_path / "a.svg").write_text("<svg></svg>")
    both = [CHOICE, CHOICE | {"network": "half"}]
    parts = score_parts(evidence, both, tmp_path, tmp_path, LEGEND)
    assert [row[0] for row in parts["methods"].rows[-2:]] == [
        "Posterior (mmps)",
        "Posterior (dps)",
    ]
    assert parts["experiments"].figures[0].note == "n"
    assert len(parts["experiments"].tables) == 1
    alone = score_parts(evidence, [CHOICE], tmp_path, tmp_path, LEGEND)
    assert alone["experiments"] is None


def test_trainings_without_a_step_have_no_figure(tmp_path: Path) -> None:
    done, none = tmp_path / "world/small/training.csv", tmp_path / "world/small/dit/training.csv"
    none.parent.mkdir(parents=True)
    done.write_text("step,loss,validation_loss\n0,2.0,\n10,1.0,1.5\n")
    none.write_text("step,loss\n")
    linear = tmp_path / "world/linear/training.csv"
    linear.parent.mkdir()
    linear.write_text("step,loss,validation_relative_rmse\n0,,0.07\n0,,0.07\n")
    (figure,) = training_figures([done, none, linear], tmp_path)
    assert figure.title == "Training of world / small"
    assert "loss 1, validation_loss 1.5" in figure.alt


def test_maps_are_opened_with_their_observations(
    maps: xr.Dataset, observations: pd.DataFrame, tmp_path: Path
) -> None:
    write_product(maps, path := tmp_path / "maps/manifest.json")
    (one,) = read_sets([path], [observations], [CHOICE | {"window": "20040114T00_12h"}], CONFIG)
    assert (one.kind, one.step_hours) == ("reanalysis", 6)
    assert one.maps["members"].shape == (2, 3, 3, 8, 16)
    assert len(one.observations) == 4


def test_moments_keep_variable_level_and_unit(tmp_path: Path) -> None:
    path = tmp_path / "world/stats/record/moments.csv"
    path.parent.mkdir(parents=True)
    path.write_text(
        "variable,level,mean,std,difference_mean,difference_std\n2m_temperature,,280.5,3.0,0.0,1.5\n"
        "geopotential,500,55000.0,912.0,0.1,300.0\n"
    )
    table = moments_tables([path])[0]
    assert "world" in table.caption
    assert table.rows == [
        ["2m_temperature", "", "280.5", "3", "1.5", "K"],
        ["geopotential", "500", "55000", "912", "300", "m**2 s**-2"],
    ]
