"""Data flows one way: no rule reads a product of a later stage."""

import re

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from galerne.stages import STAGES

ROOT = Path(__file__).parents[2]
CONFIGS = ("default", "tiny", "era5_msl", "weatherbench2", "experiments/density")
ASKED_FOR = {"check_archive", "pool_hourly_climatology"}  # by name, or by a key that is off


def test_stages_are_nine_and_in_order() -> None:
    assert len(set(STAGES)) == len(STAGES) == 9
    assert (STAGES[0], STAGES[-1]) == ("source", "report")


@pytest.fixture(scope="module", params=CONFIGS)
def overlay(request: pytest.FixtureRequest) -> str:
    """The name of a shipped configuration."""
    return request.param


@pytest.fixture(scope="module")
def edges(
    overlay: str,
    snakemake: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[tuple[str, str]]:
    """Pairs of a rule and one that reads its products, whatever is on disk."""
    folder = tmp_path_factory.mktemp(Path(overlay).name)
    for path in input_files(yaml.safe_load((ROOT / f"config/{overlay}.yaml").read_text())):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    graph = snakemake(
        *("--rulegraph", "dot", "--forceall", "--configfile", f"config/{overlay}.yaml"),
        *("--config", f"results={folder}/results", f"data_root={folder}"),
    )
    assert graph.returncode == 0, graph.stderr
    names = dict(re.findall(r'(\d+)\[label ?= ?"(\w+)', graph.stdout))
    return [(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", graph.stdout)]


def input_files(settings: object) -> list[str]:
    """Every file of the user that a configuration names."""
    if not isinstance(settings, dict):
        return []
    own = [settings[k] for k in ("path", "file") if isinstance(settings.get(k), str)]
    return own + [path for value in settings.values() for path in input_files(value)]


def test_no_rule_reads_from_a_later_stage(
    rules: dict[str, Any], edges: list[tuple[str, str]]
) -> None:
    order = {name: STAGES.index(rule.stage) for name, rule in rules.items()}
    backward = [
        f"{reader} reads {writer}"
        for writer, reader in edges
        if reader in order and order[writer] > order[reader]
    ]
    assert len(edges) >= 15
    assert not backward


def test_every_rule_takes_part(
    rules: dict[str, Any], edges: list[tuple[str, str]], overlay: str
) -> None:
    idle = ASKED_FOR | (set() if overlay == "weatherbench2" else {"fetch_stretch"})
    idle |= set() if overlay == "experiments/density" else {"vary_observations"}
    assert {name for edge in edges for name in edge} - {"all"} == set(rules) - idle
