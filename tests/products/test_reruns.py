"""What reruns when: nothing without a change, and after one only what depends on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from galerne.config.models import Config

from .conftest import CONFIG, ROOT

Plan = Callable[..., dict[str, int]]


@pytest.fixture(scope="module")
def stages() -> dict[str, str]:
    """The stage of each rule."""
    return {
        line.split()[1].rstrip(":"): path.stem
        for path in (ROOT / "rules").glob("*.smk")
        for line in path.read_text().splitlines()
        if line.startswith(("rule ", "checkpoint "))
    }


@pytest.fixture
def after(
    folder: Path, planned_jobs: Plan, tmp_path: Path
) -> Callable[[dict[str, Any]], dict[str, int]]:
    """Jobs that would rerun once the configuration has changed."""

    def plan(change: dict[str, Any]) -> dict[str, int]:
        path = tmp_path / "change.yaml"
        path.write_text(yaml.safe_dump(change))
        return planned_jobs("--configfile", CONFIG, str(path))

    return plan


def test_a_second_run_has_nothing_to_do(folder: Path, planned_jobs: Plan) -> None:
    assert planned_jobs("--configfile", CONFIG) == {}


def test_another_score_judges_again_and_draws_nothing(after: Plan, stages: dict[str, str]) -> None:
    jobs = after({"evaluation": {"crps": "ecdf"}})
    assert {"score_members", "pool_scores", "write_report"} <= set(jobs)
    assert {stages[rule] for rule in jobs} <= {"evaluate", "report"}


def test_another_headline_writes_the_report_only(after: Plan, stages: dict[str, str]) -> None:
    jobs = after({"report": {"title": "Another headline"}})
    assert "write_report" in jobs
    assert {stages[rule] for rule in jobs} == {"report"}


def test_another_network_trains_and_samples_nothing(
    after: Plan, config: Config, stages: dict[str, str]
) -> None:
    (network,) = config.experiments[config.run[0]].networks
    station = {"errors": {"2m_temperature": 1.5}}
    jobs = after({"networks": {network: {"instruments": {"stations": station}}}})
    assert {"simulate_observations", "draw_posterior", "score_members"} <= set(jobs)
    assert {stages[rule] for rule in jobs} <= {"observe", "assimilate", "evaluate", "report"}
    assert "draw_baseline" not in jobs


def test_a_second_network_leaves_the_first_alone(after: Plan, config: Config) -> None:
    experiment = config.experiments[config.run[0]]
    (network,) = experiment.networks
    block = config.networks[network].model_dump(mode="json")
    block["withheld_share"] = 0.3
    jobs = after(
        {
            "networks": {"another": block},
            "experiments": {config.run[0]: {"networks": [network, "another"]}},
        }
    )
    windows, tasks = len(experiment.windows), len(experiment.tasks)
    batches = -(-experiment.members // experiment.members_per_job)
    assert jobs["simulate_observations"] == windows
    assert jobs["draw_posterior"] == windows * tasks * batches
    assert not set(jobs) & {"train_autoencoder", "train_prior", "sample_prior", "draw_baseline"}


def test_another_prior_keeps_the_autoencoder(
    after: Plan, config: Config, stages: dict[str, str]
) -> None:
    prior = config.experiments[config.run[0]].prior
    jobs = after({"priors": {prior: {"network": {"steps": 61}}}})
    assert "train_prior" in jobs
    assert {stages[rule] for rule in jobs} <= {"prior", "assimilate", "evaluate", "report"}
