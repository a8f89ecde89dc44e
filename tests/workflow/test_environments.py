"""Environments, container and lock agree, and hold what the scripts of their rules import."""

import ast
import os
import re
import shutil
import subprocess
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
    "ecmwf": "ecmwf-datastores-client",
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


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container recipe, with their continued lines joined."""
    text = (ROOT / "envs/Containerfile").read_text().replace("\\\n", "")
    rows = [line.split(maxsplit=1) for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    return [(name, re.sub(r"\s+", " ", rest)) for name, rest in rows]


def installed(text: str) -> list[str]:
    """Arguments of each `pip install` in a text."""
    plain = text.replace("$$", "$").replace("--quiet --disable-pip-version-check ", "")
    return re.findall(r"-m pip install ((?:--no-deps -r \S+)|(?:\"\$\([^)]*\)\"))", plain)


def test_the_container_installs_the_lock_as_make_does() -> None:
    runs = " ".join(rest for name, rest in instructions() if name == "RUN")
    make = (ROOT / "Makefile").read_text()
    assert installed(runs) == installed(make)
    assert installed(runs)[0] == "--no-deps -r requirements.lock"
    assert len(installed(runs)) == 2
    assert runs.count("pip install") == 2
    assert ("COPY", "requirements.lock /opt/galerne/") in instructions()


def test_the_container_has_the_python_of_the_environments() -> None:
    (base,) = (rest for name, rest in instructions() if name == "FROM")
    found = re.fullmatch(r"docker\.io/library/python:(\d+\.\d+)\.\d+-slim-\w+", base)
    assert found
    assert {found[1]} == {listed(path)["python"] for path in ENVIRONMENTS}


def test_the_container_takes_in_the_lock_alone_and_runs_as_nobody_special() -> None:
    rows = instructions()
    names = [name for name, _ in rows]
    assert [rest for name, rest in rows if name == "USER"] == ["galerne"]
    assert names.index("USER") > max(k for k, name in enumerate(names) if name == "RUN")
    assert names.count("COPY") == 1
    assert "ADD" not in names
    assert [rest for name, rest in rows if name == "ARG"] == ["PIP_EXTRA_INDEX_URL"]
    assert "://" not in "".join(rest for _, rest in rows)


# Runs outside what is to be run inside, with the Python and the modules that it would find there.
APPTAINER = """#!/bin/sh
if [ "$1" = --version ]; then echo "apptainer version 1.3.4"; exit; fi
echo "$@" >>calls
for last; do :; done
PYTHONPATH=$PWD PATH={python}:$PATH exec sh -c "$last"
"""


def test_rules_run_in_the_image_that_the_site_names(tmp_path: Path) -> None:
    for part in ("rules", "workflow", "galerne", "config", "profiles", "slurm", "envs", "docs"):
        shutil.copytree(ROOT / part, tmp_path / part)
    shutil.copy(ROOT / "Snakefile", tmp_path)
    site = yaml.safe_load((ROOT / "slurm/site.yaml").read_text())
    assert site["image"] is None
    (tmp_path / "slurm/site.yaml").write_text(yaml.safe_dump(site | {"image": "galerne.sif"}))
    (tmp_path / "galerne.sif").touch()
    (tmp_path / "apptainer").write_text(APPTAINER.format(python=Path(sys.executable).parent))
    (tmp_path / "apptainer").chmod(0o755)
    target = "results-tiny/speedy_t21/networks/tiny/sites.csv"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--sdm", "apptainer"]
    done = subprocess.run(
        [*command, "--configfile", "config/tiny.yaml", "--", target],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "GALERNE"))}
        | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert " galerne.sif " in call
    assert "workflow/launch" in call
    assert (tmp_path / target).is_file()
