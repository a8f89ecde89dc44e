"""A campaign is a valid configuration, and planning it is measured by its jobs."""

from pathlib import Path

import pytest
import yaml

from snakemake.utils import update_config

from bench import campaign as module
from bench.campaign import WINDOWS, campaign, measure_planning
from galerne.config.choices import Choices
from galerne.config.models import Config

ROOT = Path(__file__).parents[2]


def choices(windows: int) -> Choices:
    config = yaml.safe_load((ROOT / "config/default.yaml").read_text())
    update_config(config, campaign(windows, "results-campaign"))
    return Choices(Config.model_validate(config))


def test_the_largest_is_a_real_campaign() -> None:
    some = choices(WINDOWS["10k"])
    years = some.periods("era5", "train", "validation", "test")
    assert len(years) == 40
    asked = some.asked()
    assert len({choice["prior"] for choice in asked}) == 3
    assert len({choice["network"] for choice in asked}) == 10
    assert len(some.windows("era5", "prior_0", "network_0")) == 200
    batches = some.batches("era5", "prior_0")
    assert batches == ["000-024", "025-049"]
    assert len(asked) * 200 * len(batches) >= 10_000  # draws alone


def test_planning_counts_every_job_once() -> None:
    jobs, seconds, megabytes = measure_planning(Path("nowhere"), {"few": 1})
    assert [row.name for row in (jobs, seconds, megabytes)] == [
        "dag_few_jobs",
        "dag_few_seconds",
        "dag_few_megabytes",
    ]
    models = 1 + 3 * 2
    months = 37 * 12  # downloads
    # Fetch, audit, check, regrid (one year of tests); harmonics, moments, encode.
    years = 4 * 37 + 35 + 35 + 36
    record = months + years + 2  # and pooled statistics
    # Observations, two baselines, samples, draws, maps of a method and three baselines.
    window = 10 + 2 + 3 * 2 + 30 * 2 + 30 * 4
    # Observations of two windows to tune in, two tuned, three drawn; the covariance.
    baselines = 10 * 2 + 10 * 2 + 10 * 3 + 1
    judged = 30 * 7 + 30 + 5  # scores, figures, comparisons, the report and what it needs
    assert jobs.ours == record + models + 10 + window + baselines + judged + 1
    assert 0 < seconds.ours < 600
    assert 50 < megabytes.ours < 2000


def test_a_plan_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "campaign", lambda windows, results: {"sed": 1})
    with pytest.raises(RuntimeError, match="sed: unknown key"):
        next(measure_planning(Path("nowhere"), {"few": 1}))
