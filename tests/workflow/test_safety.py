"""Nothing in a configuration is run, nothing lands beside the products, no secret is kept."""

import ast
import os
import re
import shutil
import stat
import subprocess
import sys

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

ROOT = Path(__file__).parents[2]
PARTS = (
    "Snakefile",
    "rules",
    "workflow",
    "galerne",
    "config",
    "profiles",
    "slurm",
    "envs",
    "docs",
)
NASTY = "it's \"q\" isn't & $(touch canary) `touch canary` ; touch canary"
TITLE = "$(touch canary) `touch canary` '; touch canary; ' \"; touch canary; \" <script>"
SITES = "results-tiny/speedy_t21/networks/tiny/sites.csv"
FIELDS = "results-tiny/archived/source/test/manifest.json"
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "hunter2-aws",
    "CDSAPI_KEY": "hunter2-cds",
    "GALERNE_TOKEN": "hunter2-own",
    "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "hunter2-store",
}
GRID = {
    "kind": "equiangular",
    "latitudes": 16,
    "longitudes": 32,
    "poles": False,
    "method": "conservative",
}
OVERLAY = {
    "data_root": "data of mine",
    "datasets": {
        "archived": {
            "source": {"kind": "archive", "path": "ERA 5, a=b@c.nc"},
            "surface": ["mean_sea_level_pressure"],
            "pressure": [],
            "levels": [],
            "step_hours": 6,
            "grid": GRID,
            "storage": {"rounding": None},
            "climatology": {"harmonics_of_year": 0, "harmonics_of_day": 0},
            "hourly_climatology": None,
            "gap_hours": 24,
            "exclude": [],
            "periods": {
                "train": {"role": "train", "start": "2001-01-01", "end": "2001-01-02"},
                "validation": {"role": "validation", "start": "2002-01-01", "end": "2002-01-02"},
                "test": {"role": "test", "start": "2003-01-01", "end": "2003-01-02"},
            },
        }
    },
    "networks": {"tiny": {"instruments": {"stations": {"sites": {"file": "si tes, @1.csv"}}}}},
    "report": {"title": TITLE},
}
Run = Callable[..., subprocess.CompletedProcess[str]]


def write_inputs(folder: Path) -> None:
    """The files that the overlay names: sites, and an archive of one day."""
    folder.mkdir()
    rows = [f"{10 * k - 40},{20 * k}" for k in range(9)] + [f"{k},{k}" for k in range(60)]
    (folder / "si tes, @1.csv").write_text("lat,lon\n" + "\n".join(rows) + "\n")
    time = pd.date_range("2003-01-01", "2003-01-02", freq="6h")
    lat, lon = np.linspace(90, -90, 19), np.arange(0, 360, 10.0)
    pressure = np.full((len(time), len(lat), len(lon)), 101_325.0)
    fields = xr.Dataset(
        {"mean_sea_level_pressure": (("time", "latitude", "longitude"), pressure)},
        {"time": time, "latitude": lat, "longitude": lon},
    )
    fields["mean_sea_level_pressure"].attrs["units"] = "Pa"
    fields.to_netcdf(folder / "ERA 5, a=b@c.nc")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the workflow in a folder of a nasty name, with inputs and an overlay."""
    folder = tmp_path_factory.mktemp("house") / NASTY
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        folder.mkdir(exist_ok=True)
        copy(ROOT / part, folder / part)
    write_inputs(folder / "data of mine")
    (folder / "overlay.yaml").write_text(yaml.safe_dump(OVERLAY))
    return folder


def snakemake(house: Path, *arguments: str, overlay: str = "overlay.yaml") -> Run:
    """Runs snakemake there, with an open umask and secrets in the environment."""
    files = ["--configfile", "config/tiny.yaml", overlay]
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--nocolor", *files, *arguments],
        cwd=house,
        env=os.environ | SECRETS | {"PYTHONPATH": str(house)},
        umask=0,
        capture_output=True,
        text=True,
    )


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def made(house: Path) -> SimpleNamespace:
    """What a dry run, a run, and a run that fails leave behind."""
    before = set(files_below(house))
    said = [snakemake(house, "--dry-run", "--", SITES, FIELDS)]
    planned = set(files_below(house)) - before
    said.append(snakemake(house, "--verbose", "--", SITES, FIELDS))
    assert [done.returncode for done in said] == [0, 0], said[-1].stdout + said[-1].stderr
    broken = OVERLAY | {"data_root": "data of mine/broken", "results": "results-broken"}
    shutil.copytree(house / "data of mine", house / "data of mine/broken")
    (house / "data of mine/broken/si tes, @1.csv").write_text("no,sites\n1,2\n")
    (house / "broken.yaml").write_text(yaml.safe_dump(broken))
    inputs = {house / "broken.yaml", *files_below(house / "data of mine")}
    target = SITES.replace("results-tiny", "results-broken")
    said.append(snakemake(house, "--", target, overlay="broken.yaml"))
    assert said[-1].returncode != 0
    new = set(files_below(house)) - before - inputs
    text = "".join(done.stdout + done.stderr for done in said)
    return SimpleNamespace(planned=planned, new=new, said=text, house=house)


def test_a_nasty_configuration_is_run_as_text(made: SimpleNamespace) -> None:
    for folder in (made.house, made.house.parent, ROOT, Path.home(), Path.cwd()):
        assert not [path for path in folder.glob("canary*")]
    assert not [path for path in made.new if path.name.startswith("canary")]


def test_products_lie_below_results_alone(made: SimpleNamespace) -> None:
    own = {path for path in made.new if "__pycache__" not in path.parts}
    places = {path.relative_to(made.house).parts[0] for path in own}
    assert places == {"results-tiny", "results-broken", ".snakemake"}
    assert {p.relative_to(made.house).parts[0] for p in made.planned} <= {".snakemake", "galerne"}


def test_no_product_is_world_writable(made: SimpleNamespace) -> None:
    results = made.house / "results-tiny"
    paths = [results, *results.rglob("*"), *made.house.glob("results-broken/**/*")]
    kinds = {path.relative_to(results).parts[0] for path in results.rglob("*")}
    assert {"locks", "usage", "logs", "benchmarks", "archived", "speedy_t21"} <= kinds
    assert any("data.zarr" in path.parts for path in paths)
    assert not [path for path in paths if path.lstat().st_mode & stat.S_IWOTH]


def test_secrets_of_the_environment_are_kept_nowhere(made: SimpleNamespace) -> None:
    assert b"Placing the instruments" in made.said.encode()
    assert "hunter2" not in made.said
    kept = [path for path in made.new if b"hunter2" in path.read_bytes()]
    assert not kept


FAULTS = {
    "results": "../results",
    "data_root": "https://me:hunter2@host/data",
    "report.title": "two\nlines",
    "datasets.archived.source.archive.path": "https://me:hunter2@host/era5.zarr",
    "networks.tiny.instruments.stations.stations.sites.file": "../../etc/passwd",
    "experiments.tiny.dataset": "a;b",
    "autoencoders.$(touch canary).[key]": None,
}


def test_what_is_refused_is_named_once_and_not_repeated(house: Path) -> None:
    overlay = yaml.safe_load(yaml.safe_dump(OVERLAY))
    overlay |= {"results": FAULTS["results"], "data_root": FAULTS["data_root"]}
    overlay["report"]["title"] = FAULTS["report.title"]
    source = overlay["datasets"]["archived"]["source"]
    source["path"] = FAULTS["datasets.archived.source.archive.path"]
    sites = overlay["networks"]["tiny"]["instruments"]["stations"]["sites"]
    sites["file"] = FAULTS["networks.tiny.instruments.stations.stations.sites.file"]
    overlay["experiments"] = {"tiny": {"dataset": FAULTS["experiments.tiny.dataset"]}}
    overlay["autoencoders"] = {"$(touch canary)": {}}
    (house / "faulty.yaml").write_text(yaml.safe_dump(overlay))
    done = snakemake(house, "--dry-run", overlay="faulty.yaml")
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "the configuration is not valid" in text
    for key in FAULTS:
        assert len(re.findall(rf"^  {re.escape(key)}: ", text, re.MULTILINE)) == 1, (key, text)
    assert "hunter2" not in text
    assert "Traceback" not in text
    assert not list(house.rglob("canary*"))


CODE = sorted(
    path for part in ("galerne", "workflow", "bench") for path in (ROOT / part).rglob("*.py")
)
MODULES = {"_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load"),
    *("yaml.unsafe_load", "yaml.full_load", "pd.read_pickle", "pandas.read_pickle"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "torch.hub.load", "torch.jit.load"),
}


def dangers(tree: ast.AST) -> Iterator[str]:
    """Whatever would run what it reads, or hand text to a shell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in MODULES | {"pickle"}:
                yield f"from {node.module}"
        elif isinstance(node, ast.Attribute):
            if ast.unparse(node.value) == "pickle" and node.attr != "UnpicklingError":
                yield f"pickle.{node.attr}"
        elif isinstance(node, ast.Call):
            yield from _dangers_of_call(ast.unparse(node.func), node)


def _dangers_of_call(name: str, node: ast.Call) -> Iterator[str]:
    given = {word.arg: ast.unparse(word.value) for word in node.keywords}
    if name in CALLS:
        yield name
    if given.get("shell", "False") != "False":
        yield f"{name}(shell={given['shell']})"
    if given.get("allow_pickle", "False") != "False":
        yield f"{name}(allow_pickle={given['allow_pickle']})"
    if name == "torch.load" and given.get("weights_only") != "True":
        yield "torch.load without weights_only"


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_code_runs_what_it_reads(path: Path) -> None:
    assert not list(dangers(ast.parse(path.read_text())))


@pytest.mark.parametrize(
    "text",
    [
        "import dill",
        "from cloudpickle import loads",
        "import pickle; pickle.load(file)",
        "from pickle import loads",
        "eval(text)",
        "os.system(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "subprocess.run(text, shell=True)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
    ],
)
def test_each_danger_would_be_seen(text: str) -> None:
    assert list(dangers(ast.parse(text)))


def test_rules_hand_no_text_to_a_shell() -> None:
    text = (ROOT / "Snakefile").read_text() + "".join(
        path.read_text() for path in sorted((ROOT / "rules").glob("*.smk"))
    )
    words = set(re.findall(r"^\s+(\w+):\s*$", text, re.MULTILINE))
    assert "script" in words
    assert not words & {"shell", "run", "notebook", "wrapper", "cwl", "envvars"}
    assert "shell(" not in text
    assert not list(
        dangers(ast.parse((ROOT / "rules/common.smk").read_text().split("wildcard_c")[0]))
    )
