"""The finished tiny run that the tests of this folder look at.

`make products` makes it and names its folder in GALERNE_PRODUCTS; without that name the tests
are skipped, since products on disk may be older than the code.
"""

import os

from pathlib import Path

import pytest
import yaml

from snakemake.utils import update_config

from galerne.config.models import Config

ROOT = Path(__file__).parents[2]
CONFIG = "config/tiny.yaml"


@pytest.fixture(scope="session")
def folder() -> Path:
    """The folder of products."""
    if not os.environ.get("GALERNE_PRODUCTS"):
        pytest.skip("no run to look at: `make products` makes one and tests it")
    path = ROOT / os.environ["GALERNE_PRODUCTS"]
    assert path.is_dir(), f"{path} is missing: run snakemake --configfile {CONFIG} first"
    return path


@pytest.fixture(scope="session")
def config() -> Config:
    """The configuration of the run."""
    settings = yaml.safe_load((ROOT / "config/default.yaml").read_text())
    update_config(settings, yaml.safe_load((ROOT / CONFIG).read_text()))
    return Config.model_validate(settings)
