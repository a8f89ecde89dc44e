"""Every check has a severity, and every limit of the configuration a use."""

import re

from pathlib import Path

import pytest
import yaml

from pydantic import ValidationError

from galerne.audit.judgement import CHECKS
from galerne.config.audit import Audit, Limits, Severities

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/default.yaml").read_text())["audit"]


def test_every_check_has_a_severity_and_no_other() -> None:
    assert list(Severities.model_fields) == list(CHECKS)


def test_every_limit_is_used() -> None:
    text = (ROOT / "galerne/audit/judgement.py").read_text()
    assert set(re.findall(r'limits\["(\w+)"\]', text)) == set(Limits.model_fields)


def test_a_severity_is_one_of_three() -> None:
    Audit.model_validate(DEFAULT)
    with pytest.raises(ValidationError, match="'error', 'warning' or 'off'"):
        Audit.model_validate(DEFAULT | {"severity": DEFAULT["severity"] | {"grid": "fatal"}})


def test_off_needs_no_quotes() -> None:
    changed = yaml.safe_load("{grid: off, seams: 'off'}")
    audit = Audit.model_validate(DEFAULT | {"severity": DEFAULT["severity"] | changed})
    assert (audit.severity.grid, audit.severity.seams) == ("off", "off")
    with pytest.raises(ValidationError, match="'error', 'warning' or 'off'"):
        Audit.model_validate(DEFAULT | {"severity": DEFAULT["severity"] | {"grid": True}})
