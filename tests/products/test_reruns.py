"""What reruns when: for each kind of change to a finished run, the jobs that it starts."""

import contextlib
import re
import subprocess
import sys
import time

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from galerne.config.models import Config
from galerne.products import open_product
from galerne.provenance import PACKAGE

from .changes import (
    CHANGES,
    MODULES,
    MORE_DATA,
    NOTHING,
    OVERLAYS,
    YEAR,
    Change,
    Jobs,
    configured,
    edited,
)
from .conftest import CONFIG, ROOT
from .workspace import Workspace


@pytest.fixture(scope="module")
def planned(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Jobs | str]:
    """What each change under test starts, asked in two workspaces side by side."""
    tests = [item for item in request.session.items if "planned" in item.fixturenames]
    changes = [item.callspec.params["change"] for item in tests]
    spaces = SimpleQueue[Workspace]()

    def plan(change: Change) -> Jobs | str:
        space = spaces.get()
        try:
            return space.plan("--configfile", CONFIG, *change.make(space))
        except AssertionError as error:
            return str(error)
        finally:
            space.put_back()
            spaces.put(space)

    with contextlib.ExitStack() as stack:
        for k in range(2):
            place = tmp_path_factory.mktemp(f"workspace{k}")
            spaces.put(stack.enter_context(Workspace(ROOT, folder.name, place)))
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(plan, changes))
    return {change.name: one for change, one in zip(changes, found, strict=True)}


@pytest.fixture(scope="module")
def space(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace to look at closely."""
    with Workspace(ROOT, folder.name, tmp_path_factory.mktemp("workspace")) as one:
        yield one


def asked(place: int, change: Change) -> object:
    """A change to ask about: of the long lists of code and settings, one in four every time."""
    long = change.name.startswith(("code: ", "setting: "))
    return pytest.param(
        change, id=change.name, marks=[pytest.mark.slow] * (long and place % 4 > 0)
    )


@pytest.mark.parametrize("change", [asked(*one) for one in enumerate(CHANGES)])
def test_exactly_what_follows_from_a_change_reruns(
    planned: dict[str, Jobs | str], change: Change
) -> None:
    assert planned[change.name] == change.expected


def leaves(tree: dict[str, Any], *parents: str) -> Iterator[tuple[str, ...]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, *parents, key)
        else:
            yield (*parents, key)


def test_the_table_has_every_key_of_the_configuration(config: Config) -> None:
    names = {"datasets": "speedy_t21", "methods": "mmps", "tasks": "filtering_tiny"}
    keys = {
        ".".join(parts)
        for parts in leaves(config.model_dump(mode="json"))
        if len(parts) == 1
        or parts[0] in ("audit", "evaluation", "report")
        or parts[1] == names.get(parts[0], "tiny")
    }
    own = re.compile(
        r"(\.errors|\.periods|\.rounding|\.thresholds)\..*"
    )  # keys that the user names
    fixed = re.compile(r"\.(kind|guidance)$")  # another kind is another block
    wanted = {own.sub(r"\1", key) for key in keys if not fixed.search(key)}
    changed = {own.sub(r"\1", key.partition("=")[0]) for keys in OVERLAYS for key in keys}
    assert wanted - changed == set()
    assert len(wanted) > 60


def test_the_table_has_every_room() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.name for path in PACKAGE.glob("*.py")}
    assert {path.split("/")[0] for path in MODULES} == rooms | modules


def test_the_question_names_models_periods_and_the_switch(space: Workspace) -> None:
    arguments = ("--configfile", CONFIG, *configured(YEAR)(space))
    status, said = space.snakemake(*arguments)
    assert status == 0
    for name in ("speedy_t21/tiny", "speedy_t21/tiny/tiny"):
        words = f"{space.results.name}/{name}/model.json: later added (train, 2005-01-01T00:00 to "
        assert words in said
    assert "Made now of speedy_t21: the new periods, and the statistics." in said
    assert "--config retrain=true" in said
    assert space.plan(*arguments, "--config", "retrain=true")["train_autoencoder"] == 1
    space.put_back()


def test_a_target_that_needs_another_training_is_refused(space: Workspace) -> None:
    report = f"{space.results.name}/report.html"
    arguments = (report, "--configfile", CONFIG, *configured(YEAR)(space))
    status, said = space.snakemake(*arguments)
    assert status != 0
    assert "model.json is finished, and would be trained anew on other periods" in said
    assert "Traceback (most" not in said
    space.put_back()
    assert space.plan(report, "--configfile", CONFIG) == NOTHING


PERIOD = "{role: %s, start: 2003-01-%sT00:00, end: 2003-01-%sT18:00}"


def archived(name: str, path: str) -> list[str]:
    """Keys of a dataset that is read from an archive."""
    return [
        MORE_DATA.replace("datasets.more", f"datasets.{name}"),
        f"datasets.{name}.source={{kind: archive, path: {path}}}",
        f"datasets.{name}.gap_hours=24",
        f"datasets.{name}.periods.train={PERIOD % ('train', 11, 14)}",
        f"datasets.{name}.periods.validation={PERIOD % ('validation', 17, 18)}",
        f"datasets.{name}.periods.test={PERIOD % ('test', 21, 30)}",
    ]


@pytest.fixture(scope="module")
def archives(folder: Path, space: Workspace) -> Callable[..., Jobs]:
    """Plans to fetch periods, two of which have been: from a folder of files, and from a file."""
    fields = open_product(folder / "speedy_t21/source/test/manifest.json").load().drop_encoding()
    (space.folder / "era").mkdir()
    fields.sel(time=slice("2003-01-11", "2003-01-19")).to_netcdf(space.folder / "era/a.nc")
    fields.sel(time=slice("2003-01-20", "2003-01-30")).to_netcdf(space.folder / "era/b.nc")
    fields.to_netcdf(space.folder / "era.nc")
    keys = [*archived("in_folder", "era"), *archived("in_file", "era.nc")]

    def targets(periods: str) -> list[str]:
        return [
            f"{space.results.name}/{name}/source/{period}/manifest.json"
            for name in ("in_folder", "in_file")
            for period in periods.split()
        ]

    def plan(periods: str = "train") -> Jobs:
        overlay = configured(*keys)(space)
        return space.plan(*targets(periods), "--configfile", CONFIG, *overlay)

    overlay = configured(*keys)(space)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *targets("train")]
    done = subprocess.run(
        [*command, "--configfile", CONFIG, *overlay],
        cwd=space.folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    space.put_back()
    return plan


def test_an_archive_is_fetched_again_where_it_was_replaced_only(
    archives: Callable[..., Jobs], space: Workspace
) -> None:
    assert archives() == NOTHING
    now = time.time() + 60
    for path in ("era", "era/a.nc", "era/b.nc", "era.nc"):
        space.touch(space.folder / path, now)
    assert archives() == NOTHING
    space.write("era/c.nc", b"of another year")
    assert archives() == NOTHING
    assert archives(periods="train test") == {"fetch_period": 2}
    space.write("era.nc", (space.folder / "era/a.nc").read_bytes())
    assert archives() == {"fetch_period": 1}
    space.put_back()
    assert archives() == NOTHING


def test_the_code_of_one_source_is_not_that_of_another(
    archives: Callable[..., Jobs], space: Workspace
) -> None:
    edited("galerne/source/nature_run.py")(space)
    assert archives() == NOTHING
    edited("galerne/source/archive.py")(space)
    assert archives() == {"fetch_period": 2}
    space.put_back()
