"""Downloads as the workflow runs them: each object once, no key kept, rot named and mended."""

import json
import os
import re
import subprocess
import sys

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from bench.loopback import Counter, fields, served, write_store
from galerne.archives import WEATHERBENCH2
from galerne.products import open_product

from ..source.cds import KEY, Store, climate_data_store

ROOT = Path(__file__).parents[2]
STORE = "64x32_equiangular_conservative"
PERIODS = {
    "train": ("2020-01-05T00:00", "2020-02-10T18:00"),
    "validation": ("2020-02-12T00:00", "2020-02-14T18:00"),
    "test": ("2020-02-16T00:00", "2020-02-19T18:00"),
}


def overlay(folder: Path, sources: dict[str, dict[str, object]]) -> dict[str, object]:
    """A dataset from each source, of one variable."""
    default = yaml.safe_load((ROOT / "config/default.yaml").read_text())
    block = default["datasets"]["speedy_t31"] | {
        "surface": ["2m_temperature"],
        "pressure": [],
        "levels": [],
        "gap_hours": 24,
        "periods": {n: {"role": n, "start": a, "end": b} for n, (a, b) in PERIODS.items()},
        "storage": {"rounding": None},
    }
    return {
        "results": str(folder / "results"),
        "resources": str(folder / "resources"),
        "transfer": {"connections": 4, "stall_seconds": 2.5, "patience_seconds": 20},
        "datasets": {name: block | {"source": source} for name, source in sources.items()},
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Two records, downloaded by the workflow from servers on loopback."""
    folder = tmp_path_factory.mktemp("downloads")
    about = WEATHERBENCH2[STORE]
    held = fields("2020-01-01", 240, variables=("2m_temperature",))
    write_store(folder / "buckets" / about.bucket / about.path, held, chunk=100)
    counter, store = Counter(), Store(polls=0, preliminary="2020-02-17")
    with (
        served(folder / "buckets", counter) as url,
        climate_data_store(store, folder / "served") as cds,
    ):
        sources = {
            "wb2": {"kind": "weatherbench2", "store": STORE, "endpoint": url},
            "cds": {"kind": "cds", "data_format": "grib", "grid_degrees": 30, "endpoint": cds},
        }
        (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay(folder, sources)))

        def run(*targets: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "snakemake", "--cores", "2", "--nocolor", "--verbose"]
            options = ["--configfile", str(folder / "overlay.yaml"), *targets]
            env = os.environ | {"CDSAPI_KEY": KEY, "CDSAPI_URL": cds}
            return subprocess.run(
                [*command, *options], cwd=ROOT, env=env, capture_output=True, text=True
            )

        results = folder / "results"
        targets = [str(results / f"wb2/source/{name}/manifest.json") for name in PERIODS]
        targets.append(str(results / "cds/source/test/manifest.json"))
        done = run("--", *targets)
        assert done.returncode == 0, done.stdout + done.stderr
        yield SimpleNamespace(
            folder=folder, held=held, run=run, counter=counter, targets=targets,
            said=done.stdout + done.stderr, results=results, store=store,
        )  # fmt: skip


def test_records_hold_what_was_served_and_each_object_was_asked_for_once(made) -> None:
    for name, (first, last) in PERIODS.items():
        found = open_product(made.results / f"wb2/source/{name}/manifest.json")
        wanted = made.held["2m_temperature"].sel(time=slice(first, last))
        assert np.array_equal(found["2m_temperature"], wanted)
    found = open_product(made.results / "cds/source/test/manifest.json")
    assert found["expver"].values.tolist() == [1] * 4 + [5] * 12
    asked = [path for path in made.counter.paths() if "/.z" not in path]
    assert len(asked) == len(set(asked)) == 2 + 2 + 4  # chunks, static fields, coordinates


def test_the_key_is_kept_nowhere(made) -> None:
    assert "hunter2" not in made.said
    kept = [path for path in made.folder.rglob("*") if path.is_file()]
    kept += [path for path in (ROOT / ".snakemake/log").glob("*") if path.is_file()]
    assert len(kept) > 40
    assert not [path for path in kept if b"hunter2" in path.read_bytes()]


@pytest.mark.slow
def test_rot_is_named_and_only_it_is_fetched_again(made) -> None:
    check = ("--forcerun", "check_archive", "--", "check_archive")
    (chunk,) = made.folder.glob("resources/weatherbench2*/**/2m_temperature/1.0.0")
    body = bytearray(chunk.read_bytes())
    body[len(body) // 2] ^= 1
    chunk.write_bytes(bytes(body))
    assert made.run(*check).returncode != 0
    said = (made.results / "logs/check_archive.log").read_text()
    assert f"rotten: {chunk}" in said
    manifests = re.search(r"snakemake --force -- (.+)$", said, re.MULTILINE)[1].split()
    assert len(manifests) == 3
    chunk.unlink()
    before = len(made.counter.asked)
    assert made.run("--force", "--", *manifests).returncode == 0
    asked = [path for path in made.counter.paths()[before:] if "/.z" not in path]
    assert [path.rpartition("2m_temperature/")[2] for path in asked] == ["1.0.0"]
    assert made.run(*check).returncode == 0
    counts = json.loads((made.results / "archive.json").read_text())
    assert (counts["rotten"], counts["missing"]) == ([], [])
    assert "Nothing to be done" in made.run("--dry-run", "--", *made.targets).stdout
