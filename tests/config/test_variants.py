"""Variants say what they change, and nothing else."""

from pathlib import Path

import pytest
import yaml

from pydantic import TypeAdapter, ValidationError

from galerne.config.models import Config
from galerne.config.variants import Variant

CONFIG = Path(__file__).parents[2] / "config"
ADAPTER = TypeAdapter(Variant)


@pytest.mark.parametrize(
    ("change", "instruments", "message"),
    [
        ("deny", [], "at least 1 item"),
        ("deny", {"stations": 0.5}, "valid list"),
        ("thin", {"stations": 1.5}, "less than or equal to 1"),
        ("thin", {"stations": 0}, "greater than 0"),
        ("misstate", {"stations": 0}, "greater than 0"),
        ("bias", {"stations": 1.0}, "valid dictionary"),
        ("gross_errors", {"stations": 0.01}, "factor"),
        ("add", ["stations"], "'deny', 'thin', 'misstate', 'bias', 'gross_errors'"),
    ],
)
def test_a_mistake_is_refused(change: str, instruments: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python({"of": "sparse", "change": change, "instruments": instruments})


@pytest.mark.parametrize("path", sorted((CONFIG / "experiments").glob("*.yaml")), ids=str)
def test_an_experiment_of_ours_shares_the_products_of_the_demo(path: Path) -> None:
    """Only names are added: nothing that the demo made is made otherwise."""
    default = yaml.safe_load((CONFIG / "default.yaml").read_text())
    overlay = yaml.safe_load(path.read_text())
    merged = _merge(default, overlay)
    Config.model_validate(merged)
    assert "results" not in overlay
    for block, named in default.items():
        if isinstance(named, dict) and block != "datasets":
            assert {name: merged[block][name] for name in named} == named


def _merge(base: dict, over: dict) -> dict:
    both = base.keys() & over.keys()
    nested = {
        k: _merge(base[k], over[k])
        for k in both
        if isinstance(base[k], dict) and isinstance(over[k], dict)
    }
    return base | over | nested
