"""What made a run: its configuration against the defaults, its products, its costs.

Depends on: pandas, the standard library.
"""

__all__ = [
    "differences", "now_and_here", "products", "read_costs", "sources", "total_cost",
    "versions",
]  # fmt: skip

import json
import os
import platform
import re
import subprocess

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

PACKAGES = (
    "azula", "dask", "jax", "jcm", "matplotlib", "numpy", "pandas", "scores", "snakemake", "torch",
    "xarray", "zarr",
)  # fmt: skip
_MINUTES = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d):00$")


def differences(config: dict, default: dict) -> list[tuple[str, str, str]]:
    """Lists the keys in which a configuration differs from the defaults.

    Where the products lie is no such key: they are the same elsewhere.

    Returns:
        Key, default and value, sorted by key; ``–`` where one has no such key.

    Example:
        >>> differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}})
        [('a.c', '3', '2')]
    """
    mine, theirs = _leaves(config), _leaves(default)
    keys = sorted(
        k for k in mine | theirs if k != "results" and mine.get(k, _NONE) != theirs.get(k, _NONE)
    )
    return [(k, _text(theirs.get(k, _NONE)), _text(mine.get(k, _NONE))) for k in keys]


_NONE = object()


def _text(value: object) -> str:
    return "–" if value is _NONE else json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, str):
        return _MINUTES.sub(r"\1", value)
    return value


def _leaves(tree: dict, prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            found |= _leaves(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = _plain(value)
    return found


def read_costs(folder: Path, rules: Sequence[str]) -> pd.DataFrame:
    """Reads the benchmark files of a run, one row per rule.

    Arguments:
        folder: Where the benchmarks lie; need not exist.
        rules: Names of the rules, one of which is part of the path of each file.

    Returns:
        Columns ``rule``, ``jobs``, ``seconds`` of all jobs [s], ``longest`` job [s], and
        ``memory`` of the largest job [MB], in the order in which the rules first ended.
    """
    rows = []
    for path in sorted(folder.rglob("*.tsv")):
        table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        if "s" not in table or table.empty:
            continue
        memory = pd.to_numeric(table.get("max_rss", pd.Series(dtype=float)), errors="coerce")
        rows.append((_rule(path.relative_to(folder), rules), table["s"].max(), memory.max(), path))
    names = ["rule", "jobs", "seconds", "longest", "memory"]
    if not rows:
        return pd.DataFrame(columns=names)
    found = pd.DataFrame(rows, columns=["rule", "s", "memory", "path"])
    found["ended"] = [path.stat().st_mtime for path in found["path"]]
    pooled = found.groupby("rule", as_index=False).agg(
        jobs=("s", "size"), seconds=("s", "sum"), longest=("s", "max"), memory=("memory", "max"),
        ended=("ended", "min"),
    )  # fmt: skip
    return pooled.sort_values(["ended", "rule"], ignore_index=True)[names]


def _rule(path: Path, rules: Sequence[str]) -> str:
    """The part of a benchmark's path that names a rule, or its own name."""
    parts = (path.stem, *path.parent.parts)
    return next((part for part in parts if part in rules), path.stem)


def total_cost(costs: pd.DataFrame) -> str:
    """Says what a run cost in all."""
    if costs.empty:
        return "No benchmark files were found."
    said = f"{costs['jobs'].sum():.0f} jobs took {costs['seconds'].sum():,.0f} s in all"
    if costs["memory"].notna().any():
        said += f"; the largest used {costs['memory'].max():,.0f} MB"
    return said + "."


def products(folder: Path, choices: Sequence[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Lists the main products of some choices with the digest of their data.

    Arguments:
        folder: The folder of all products.
        choices: Names of dataset, autoencoder, prior, network, method and task.

    Returns:
        Folder, sizes and SHA-256 digest of each.
    """
    patterns = [
        "{dataset}/grid/*/manifest.json",
        "{dataset}/stats/*/climatology/manifest.json",
        "{dataset}/{autoencoder}/latents/*/manifest.json",
        "{dataset}/{autoencoder}/{prior}/samples/*/*/manifest.json",
        "{dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/*/members_*/manifest.json",
    ]
    wanted = dict.fromkeys(p.format(**choice) for p in patterns for choice in choices)
    rows = []
    for path in (p for pattern in wanted for p in sorted(folder.glob(pattern))):
        about = json.loads(path.read_text())
        sizes = " × ".join(f"{n} {k}" for k, n in about.get("sizes", {}).items())
        rows.append((path.parent.relative_to(folder).as_posix(), sizes, about.get("sha256", "")))
    return rows


def sources(folder: Path, datasets: Sequence[str]) -> dict[str, str]:
    """Returns what the data of each dataset say of their source."""
    said = {}
    for dataset in datasets:
        for path in sorted(folder.glob(f"{dataset}/grid/*/manifest.json")):
            text = json.loads(path.read_text()).get("attributes", {}).get("source", "")
            said.setdefault(dataset, text)
    return said


def versions() -> list[tuple[str, str]]:
    """Lists the versions of the packages that computed the run."""
    found = [("python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found


def now_and_here(folder: Path, cost: str) -> list[tuple[str, str]]:
    """Describes what differs from run to run, by name.

    Arguments:
        folder: A folder of the code.
        cost: What the run cost, in words.
    """
    return [
        ("written", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("cost", cost),
        ("machine", machine()),
        ("commit", commit(folder) or "unknown"),
        ("packages", ", ".join(" ".join(pair) for pair in versions())),
    ]


def machine() -> str:
    """Describes the machine in a few words."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def commit(folder: Path) -> str:
    """Names the commit of the code, and whether it was edited since; empty if unknown."""
    try:
        said = [
            subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said[0] + (" with local edits" if said[1] else "")
