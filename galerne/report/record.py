"""What made a run: its configuration against the defaults, its products, its versions.

Depends on: nothing but the standard library.
"""

__all__ = [
    "differences", "now_and_here", "products", "settings", "sources", "unobserved", "versions",
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

PACKAGES = (
    "azula", "dask", "jax", "jcm", "matplotlib", "numpy", "pandas", "scores", "snakemake", "torch",
    "xarray", "zarr",
)  # fmt: skip
POSTERIOR = "{dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/*/members_*/manifest.json"
_MINUTES = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d):00$")


def settings(
    folder: Path, choices: Sequence[dict[str, str]], config: dict, default: dict
) -> dict[str, object]:
    """Gathers what a run follows from, and what it made.

    Arguments:
        folder: The folder of all products.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        config: The effective configuration.
        default: The values that the same keys have by default.

    Returns:
        ``config``, ``differences`` from the default, ``products`` and ``seed``.
    """
    return {
        "config": config,
        "differences": differences(config, default),
        "products": products(folder, choices),
        "seed": config["seed"],
    }


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
        if isinstance(value, dict):  # an empty block has no keys to differ in
            found |= _leaves(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = _plain(value)
    return found


def products(folder: Path, choices: Sequence[dict[str, str]]) -> list[tuple[str, str, str, str]]:
    """Lists the main products of some choices with what they take on disk and their digest.

    Arguments:
        folder: The folder of all products.
        choices: Names of dataset, autoencoder, prior, network, method and task.

    Returns:
        Folder, sizes, bytes with the ratio of compression, and SHA-256 digest of each.
    """
    patterns = [
        "{dataset}/grid/*/manifest.json",
        "{dataset}/stats/*/climatology/manifest.json",
        "{dataset}/{autoencoder}/latents/*/manifest.json",
        "{dataset}/{autoencoder}/{prior}/samples/*/*/manifest.json",
        POSTERIOR,
    ]
    wanted = dict.fromkeys(p.format(**choice) for p in patterns for choice in choices)
    rows = []
    for path in (p for pattern in wanted for p in sorted(folder.glob(pattern))):
        about = json.loads(path.read_text())
        sizes = " × ".join(f"{n} {k}" for k, n in about.get("sizes", {}).items())
        name = path.parent.relative_to(folder).as_posix()
        rows.append((name, sizes, _taken(about.get("bytes")), about.get("sha256", "")))
    return rows


def unobserved(folder: Path, choices: Sequence[dict[str, str]]) -> list[str]:
    """Says of which windows no observation could be used, so that states are the prior's.

    Arguments:
        folder: The folder of all products.
        choices: Names of dataset, autoencoder, prior, network, method and task.
    """
    said: dict[str, None] = {}
    for choice in choices:
        for path in sorted(folder.glob(POSTERIOR.format(**choice))):
            times = json.loads(path.read_text()).get("attributes", {}).get("unobserved")
            if times:
                where = f"network {choice['network']}, {choice['task']} of {path.parts[-3]}"
                said[f"No observation up to {times} could be used ({where}): "
                     "the states are drawn from the prior alone."] = None  # fmt: skip
    return list(said)


def _taken(found: dict[str, int] | None) -> str:
    """What a product takes on disk, and how much more its numbers are."""
    if not found or not found["stored"]:
        return "–"
    return f"{found['stored'] / 1e6:,.2f} MB, {found['raw'] / found['stored']:.2f} : 1"


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


def now_and_here(folder: Path) -> list[tuple[str, str]]:
    """Describes what differs from run to run, by name.

    Arguments:
        folder: A folder of the code.
    """
    return [
        ("written", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
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
