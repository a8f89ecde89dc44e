"""The digest follows code, not prose, and follows imports."""

import shutil
import subprocess
import sys

from pathlib import Path

import pytest

from galerne.provenance import sample_digest, settings_digest, source_digest

ROOT = Path(__file__).parents[1]
SCRIPT = '''"""A script."""
from galerne.jobs.job import Job
from galerne.provenance import settings_digest
from galerne.stats.mean import mean

print(mean(2))  # a remark
'''
MODULES = {
    "__init__": '"""The package."""\n\n__version__ = "1"\n',
    "jobs/__init__": '"""The room of jobs."""\n',
    "jobs/job": '"""Jobs."""\n\nfrom ..report.page import X\n\nWAIT = 1\n',
    "stats/__init__": '"""The room."""\n',
    "stats/mean": '"""Means."""\n\nfrom ..grid.areas import area\n\n\n'
    'def mean(x):\n    """The mean."""\n    # a remark\n    return area(x) / 2\n',
    "grid/__init__": '"""The room below."""\n',
    "grid/areas": '"""Areas."""\n\n\ndef area(x):\n    return 2 * x\n',
    "report/__init__": '"""A room apart."""\n',
    "report/page": '"""Pages."""\n\nX = 1\n',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small package whose one script reaches the rooms `stats` and `grid`."""
    for name, text in MODULES.items():
        path = tmp_path / f"galerne/{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(ROOT / "galerne/provenance.py", tmp_path / "galerne")
    (tmp_path / "workflow/scripts").mkdir(parents=True)
    (tmp_path / "workflow/scripts/pool_means.py").write_text(SCRIPT)
    return tmp_path


def digest(tree: Path, *without: str) -> str:
    code = f"from galerne.provenance import source_digest as d; print(d('pool_means', {without}))"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=tree, check=True, capture_output=True, text=True
    ).stdout.strip()


def edit(tree: Path, name: str, old: str, new: str) -> None:
    path = tree / (f"workflow/scripts/{name}.py" if name == "pool_means" else f"galerne/{name}.py")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stats/mean", "# a remark", "# another"),
        ("stats/mean", "The mean.", "The arithmetic mean."),
        ("stats/mean", "Means.", "Averages."),
        ("stats/mean", "\n\n\ndef", "\n\ndef"),
        ("pool_means", "# a remark", "# another"),
        ("pool_means", "A script.", "This script."),
        ("report/page", "X = 1", "X = 2"),
        ("jobs/job", "WAIT = 1", "WAIT = 2"),
        ("provenance", "[:12]", "[:12][:]"),
        ("__init__", '"1"', '"2"'),
    ],
    ids=[
        *("comment", "docstring", "module docstring", "blank line", "comment of the script"),
        *("docstring of the script", "unrelated room, reached through jobs", "jobs"),
        *("digests themselves", "release"),
    ],
)
def test_what_changes_no_product_leaves_the_digest_alone(
    tree: Path, name: str, old: str, new: str
) -> None:
    before = digest(tree)
    edit(tree, name, old, new)
    assert digest(tree) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stats/mean", "/ 2", "/ 3"),
        ("grid/areas", "2 * x", "3 * x"),
        ("grid/__init__", '"""\n', '"""\n\nY = 1\n'),
        ("__init__", '"""\n', '"""\n\nX = 1\n'),
        ("pool_means", "mean(2)", "mean(3)"),
    ],
    ids=["imported module", "module imported by it", "room", "package", "script"],
)
def test_code_that_the_script_reaches_changes_the_digest(
    tree: Path, name: str, old: str, new: str
) -> None:
    before = digest(tree)
    edit(tree, name, old, new)
    assert digest(tree) != before


@pytest.mark.parametrize(
    "statement",
    ["import galerne.report.page", "from galerne.report import page", "from .. import report"],
)
def test_every_form_of_import_is_followed(tree: Path, statement: str) -> None:
    edit(tree, "stats/mean", "from ..grid", f"{statement}\nfrom ..grid")
    edit(tree, "report/__init__", '"""\n', '"""\n\nfrom . import page\n')
    before = digest(tree)
    edit(tree, "report/page", "X = 1", "X = 2")
    assert digest(tree) != before


def test_an_import_inside_a_function_counts(tree: Path) -> None:
    edit(tree, "grid/areas", "return", "from ..report.page import X\n    return X *")
    before = digest(tree)
    edit(tree, "report/page", "X = 1", "X = 2")
    assert digest(tree) != before


def test_a_module_left_out_does_not_count_nor_does_what_is_reached_through_it(tree: Path) -> None:
    edit(tree, "stats/mean", "from ..grid", "from ..report.page import X\nfrom ..grid")
    before, without = digest(tree), digest(tree, "galerne.grid.areas")
    edit(tree, "grid/areas", "2 * x", "3 * x")
    assert digest(tree, "galerne.grid.areas") == without
    assert digest(tree) != before
    edit(tree, "report/page", "X = 1", "X = 2")
    assert digest(tree, "galerne.grid.areas") != without


def test_an_unknown_script_or_module_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match="no_such_script"):
        source_digest("no_such_script")
    with pytest.raises(FileNotFoundError, match=r"there is no module galerne\.grid\.no_such"):
        source_digest("pool_moments", ("galerne.grid.no_such",))


def test_settings_digest_ignores_the_order_of_keys_and_sees_every_value() -> None:
    one = settings_digest({"a": 1, "b": [2, 3]})
    assert one == settings_digest({"b": [2, 3], "a": 1})
    assert one != settings_digest({"b": [3, 2], "a": 1})
    assert one != settings_digest({"a": 1, "b": [2, 3]}, "part")
    assert len(one) == 12


@pytest.mark.parametrize("size", [1, 1000, 2**16 + 1, 2**20, 5 * 2**20])
def test_a_sample_tells_one_file_from_another(tmp_path: Path, size: int) -> None:
    texts = [bytes(size), bytes(size + 1)]
    for at in {0, size // 2 if size <= 2**20 else 0, size - 1}:
        texts.append(bytes(at) + b"1" + bytes(size - at - 1))
    for k, text in enumerate([*texts, bytes(size)]):
        (tmp_path / str(k)).write_bytes(text)
    *digests, again = [sample_digest(str(tmp_path / str(k))) for k in range(len(texts) + 1)]
    assert len(set(digests)) == len(texts)
    assert again == digests[0]
