"""Variants of networks beside what they are of: pairs, and only those that were scored."""

from pathlib import Path

import pytest

from galerne.evaluate.comparisons import Inference
from galerne.evaluate.tables import write_table
from galerne.evaluate.variants import COLUMNS, compare_variants, groups

from .test_comparisons import rows

HOW = Inference(resamples=200, level=0.95, block_hours=120.0)
CHOICE = dict(dataset="d", autoencoder="a", prior="p", network="n", method="m", task="t")


def choices(*networks: str, **others: str) -> list[dict[str, str]]:
    return [CHOICE | others | {"network": name} for name in networks]


def written(folder: Path, factors: dict[str, float]) -> list[Path]:
    paths = []
    for seed, (name, factor) in enumerate(factors.items()):
        paths.append(folder / f"{name}.parquet")
        write_table(rows(factor, seed=seed), paths[-1])
    return paths


def test_what_a_variant_costs_is_paired_with_the_network_unchanged(tmp_path: Path) -> None:
    paths = written(tmp_path, {"n": 1.0, "half": 1.2, "same": 1.0})
    variants = {"half": "n", "same": "n"}
    table = compare_variants(choices("n", "half", "same"), paths, variants, HOW, 0)
    assert list(table.columns) == COLUMNS
    assert set(table["unchanged"]) == {"n"}
    whole = table[(table["variable"] == "all") & table["lead_hours"].isna()]
    crps = whole[whole["metric"] == "crps"].set_index("network")
    assert crps.loc["half", "ratio"] == pytest.approx(1.2, rel=0.02)
    assert crps["verdict"].to_dict() == {"half": "worse", "same": "no evidence"}


def test_methods_and_tasks_are_kept_apart(tmp_path: Path) -> None:
    paths = written(tmp_path, {"n": 1.0, "half": 1.2})
    asked = [*choices("n", "half"), *choices("n", "half", method="oi")]
    table = compare_variants(asked, paths * 2, {"half": "n"}, HOW, 0)
    assert table["method"].value_counts().to_dict() == dict.fromkeys(("m", "oi"), len(table) // 2)


def test_without_the_network_unchanged_there_is_nothing_to_compare(tmp_path: Path) -> None:
    paths = written(tmp_path, {"half": 1.2})
    table = compare_variants(choices("half"), paths, {"half": "n"}, HOW, 0)
    assert (len(table), list(table.columns)) == (0, COLUMNS)
    assert compare_variants(choices("n"), paths, {}, HOW, 0).empty


def test_groups_differ_in_one_name_alone() -> None:
    asked = [*choices("n", "half"), *choices("n", task="u")]
    found = groups(asked, [Path("a"), Path("b"), Path("c")], by="network")
    assert [files for _, files in found] == [
        {"n": Path("a"), "half": Path("b")},
        {"n": Path("c")},
    ]
    assert found[0][0] == {k: v for k, v in CHOICE.items() if k != "network"}
