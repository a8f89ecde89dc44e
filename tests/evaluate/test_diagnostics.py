"""Tables beside the scores, from what was gathered of one choice."""

import numpy as np
import pandas as pd
import pytest

from galerne.evaluate.comparisons import Inference
from galerne.evaluate.consistency import MEANS
from galerne.evaluate.diagnostics import TABLES, Sampling, diagnostic
from galerne.evaluate.gathering import Gathering

CHOICE = dict(dataset="d", autoencoder="a", prior="p", network="n", method="mmps", task="t")
SAMPLING = Sampling(Inference(resamples=50, level=0.95, block_hours=120.0), seed=0)
CHANNEL = {"variable": "temperature", "level": 500.0, "lead_hours": 0}


def pooled(name, rows, **choice: str) -> pd.DataFrame:
    settings = {"blind": ["climatology", "prior"], "unlike": False, "sampling": SAMPLING}
    return diagnostic(name, pd.DataFrame(rows), CHOICE | choice, **settings)


def test_shares_of_ranks_sum_to_one_over_windows() -> None:
    rows = [
        CHANNEL | {"window": w, "space": "grid", "members": 1, "rank": k, "weight": weight}
        for w, k, weight in (
            ("2001-01-01T00:00", 0, 1.0),
            ("2001-01-01T00:00", 1, 2.0),
            ("2001-01-15T00:00", 0, 4.0),
            ("2001-01-15T00:00", 1, 1.0),
        )
    ]
    found = pooled("ranks", rows)
    assert found["share"].tolist() == pytest.approx([5 / 8, 3 / 8] * 2)
    assert found["variable"].tolist() == ["temperature"] * 2 + ["all"] * 2
    assert found["method"].tolist() == ["mmps"] * 4


def test_events_show_probability_beside_frequency() -> None:
    sums = {"weight": 0.5, "probability": 0.2, "event": 0.3, "brier": 0.1}
    rows = [CHANNEL | {"window": w, "threshold": 1.0, "class": 4} | sums for w in "ab"]
    rows += [CHANNEL | {"window": "a", "threshold": 1.0, "class": 0} | dict.fromkeys(sums, 1.0)]
    found = pooled("events", rows).set_index("class")
    assert found.loc[4, ["share", "probability", "frequency", "brier"]].tolist() == pytest.approx(
        [0.5, 0.4, 0.6, 0.1]
    )
    assert found["share"].sum() == 1


@pytest.mark.parametrize(("method", "names"), [
    ("mmps", {"signal", "signal_share", "chi_square", "error_ratio"}), ("prior", {"chi_square"}),
])  # fmt: skip
def test_only_methods_that_saw_observations_have_a_signal(method, names) -> None:
    row = CHANNEL | {"platform": "land", "withheld": False, "count": 4.0, "members": 3}
    means = dict.fromkeys(MEANS, 0.5) | {"error_variance": 1.0}
    found = pooled("consistency", [row | means | {"window": w} for w in "ab"], method=method)
    assert set(found["metric"]) == names
    assert (found["count"] == 8).all()
    if method == "mmps":
        values = found.set_index("metric")["value"]
        assert values["signal"] == pytest.approx(8 * 0.5)
        assert values["chi_square"] == pytest.approx(0.5 / (1 - 2 / 3 * 0.5))


def test_spectra_and_balances_are_means_over_states() -> None:
    about = CHANNEL | {"kind": "zonal", "wavenumber": 1, "count": 4}
    (row,) = pooled("spectra", [about | {"members": 8.0, "mean": 4.0, "truth": 12.0}]).to_dict(
        "records"
    )
    assert (row["members"], row["mean"], row["truth"]) == (2.0, 1.0, 3.0)
    about = {"measure": "hydrostatic", "units": "K", "level": 500.0, "lead_hours": 0, "count": 4}
    (row,) = pooled("balance", [about | {"members": 16.0, "truth": 4.0}]).to_dict("records")
    assert (row["members"], row["truth"]) == (2.0, 1.0)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "regions"])
def test_what_never_came_makes_an_empty_table(name) -> None:
    found = Gathering()
    table = diagnostic(
        name, found.tables()[TABLES[name]], CHOICE, blind=[], unlike=False, sampling=SAMPLING
    )
    assert len(table) == 0
    assert np.isin(["method", "lead_hours"], table.columns).all()
