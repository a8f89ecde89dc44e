"""Environments of rules agree with the lock, and hold what the scripts of their rules import."""

import ast
import re
import sys

from pathlib import Path
from typing import Any

import pytest
import yaml

from galerne.provenance import _closure

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
PACKAGES = {  # module -> package, where the names differ
    "PIL": "pillow",
    "netCDF4": "netcdf4",
    "sklearn": "scikit-learn",
    "torch": "pytorch",
    "yaml": "pyyaml",
}


def pinned() -> dict[str, str]:
    """Versions of the lock by package, under the names of conda-forge."""
    rows = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.M)
    versions = {name.lower().replace("_", "-"): version for name, version in rows}
    return versions | {"pytorch": versions["torch"]}


def listed(path: Path) -> dict[str, str]:
    """Versions (major.minor, or none) that an environment asks for by package."""
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    rows = [row for row in dependencies if isinstance(row, str)]
    rows += [row for block in dependencies if isinstance(block, dict) for row in block["pip"]]
    found = [re.fullmatch(r"([\w-]+)(?: ==?([\d.]+?)(?:\.\*)?)?", row) for row in rows]
    assert all(found), rows
    return {match[1]: match[2] for match in found}


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_versions_are_those_of_the_lock(path: Path) -> None:
    lock = pinned()
    asked = {name: v for name, v in listed(path).items() if name not in ("python", "pip")}
    off = {name: v for name, v in asked.items() if v != ".".join(lock[name].split(".")[:2])}
    assert not off
    assert listed(path)["python"] == "3.11"


def test_environments_are_the_ones_that_rules_name(rules: dict[str, Any]) -> None:
    named = {Path(rule.directive("conda").strip('"')).name for rule in rules.values()}
    assert named == {path.name for path in ENVIRONMENTS}


def foreign_imports(script: Path) -> set[str]:
    """Packages that a script and the library modules it reaches import, at their top."""
    found = set()
    for path in {script, *_closure(script)}:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
    return {name for name in found if name not in sys.stdlib_module_names} - {"galerne"}


def test_environment_holds_what_the_script_imports(rule: Any) -> None:
    listing = listed(ROOT / "rules" / rule.directive("conda").strip('"'))
    modules = foreign_imports(ROOT / f"workflow/scripts/{rule.name}.py")
    absent = {PACKAGES.get(m, m.replace("_", "-")) for m in modules} - set(listing)
    assert not absent


def test_the_lock_holds_what_the_package_declares() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    declared = re.findall(r'^  "([\w-]+)(?=[><=]=)', text, re.M)
    assert len(declared) > 25
    assert {name for name in declared if name not in pinned()} == {"pre-commit"}


def test_torch_is_the_release_without_cuda() -> None:
    assert pinned()["torch"] == "2.13.0"
    assert not [name for name in pinned() if name.startswith(("nvidia", "triton", "torchvision"))]
