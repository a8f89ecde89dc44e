"""Runs compared byte for byte, timings aside.

Two runs on equal inputs make equal products, except for what the report says of time, cost,
machine and place. Every element of the page, and of its summary, that says such a thing carries
the attribute ``data-volatile``, and nothing outside of them does; :func:`canonical` empties them.

``python -m galerne.report.canonical RESULTS`` prints a digest for every product of a run;
with a second folder it prints the products in which the two differ, and fails if there are any.

Depends on: nothing but the standard library.
"""

__all__ = ["canonical", "differing", "digest_products", "main"]

import argparse
import hashlib
import os
import re
import sys

from collections.abc import Iterator, Sequence
from pathlib import Path

MARK = "data-volatile"
PAGES = ("report.html", "summary.md")
# What a run leaves beside its products: records of how it went, and progress.
ASIDE = ("benchmarks", "checkpoints", "locks", "logs", "receipts", "usage")
_PASSING = re.compile(r"\.(part|holder|lock|snakemake_timestamp)$")
_OPENED = re.compile(rf"<([a-zA-Z][\w-]*)(?=[^<>]*\s{MARK}[\s=>])[^<>]*>")


def canonical(page: str) -> str:
    """Returns a page without the content of its elements that change from run to run.

    Arguments:
        page: The text of a report; ``<`` and ``>`` inside of text and attributes are escaped
            in it.

    Raises:
        ValueError: If such an element is never closed.

    Example:
        >>> canonical('<p>RMSE 2</p><p data-volatile>took 3 s</p>')
        '<p>RMSE 2</p><p data-volatile></p>'
    """
    kept, at = [], 0
    while found := _OPENED.search(page, at):
        kept.append(page[at : found.end()])
        at = _end_of_content(page, found)
    return "".join(kept) + page[at:]


def _end_of_content(page: str, opened: re.Match[str]) -> int:
    depth = 1
    for tag in re.compile(rf"<(/?){opened[1]}\b[^<>]*>").finditer(page, opened.end()):
        depth += -1 if tag[1] else 1
        if not depth:
            return tag.start()
    raise ValueError(f"the page ends inside of {opened[0]}")


def digest_products(root: Path) -> dict[str, str]:
    """Returns a digest of every final product of a run.

    A Zarr store counts as one product. Logs, benchmarks, usage, locks, receipts, checkpoints and
    half-written files are no products; the report counts without what changes from run to run.

    Arguments:
        root: The folder of all products.

    Returns:
        SHA-256 by the path below the folder, sorted.

    Raises:
        NotADirectoryError: If there is no such folder.
    """
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is no folder of products")
    found: dict[str, list[Path]] = {}
    for path in _files(root):
        parts = path.relative_to(root).parts
        depth = next((k for k, part in enumerate(parts, 1) if part.endswith(".zarr")), None)
        found.setdefault("/".join(parts[:depth]), []).append(path)
    return {name: _digest(root / name, paths) for name, paths in sorted(found.items())}


def _files(root: Path) -> Iterator[Path]:
    for folder, inside, names in os.walk(root):
        aside = ASIDE if Path(folder) == root else ()
        inside[:] = sorted(n for n in inside if n not in aside and not _PASSING.search(n))
        yield from (Path(folder, n) for n in sorted(names) if not _PASSING.search(n))


def _digest(product: Path, paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    if product.name in PAGES:
        digest.update(canonical(product.read_text(encoding="utf-8")).encode())
        return digest.hexdigest()
    for path in paths:
        with path.open("rb") as file:
            inner = hashlib.file_digest(file, "sha256")
        digest.update(path.relative_to(product).as_posix().encode() + b"\0" + inner.digest())
    return digest.hexdigest()


def differing(one: Path, two: Path) -> list[str]:
    """Lists the products that two runs do not share, byte for byte, timings aside.

    Arguments:
        one: The folder of all products of a run.
        two: That of another.
    """
    left, right = digest_products(one), digest_products(two)
    return sorted(name for name in left | right if left.get(name) != right.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the products of a run with their digests, or those in which two runs differ."""
    parser = argparse.ArgumentParser("python -m galerne.report.canonical", description=__doc__)
    parser.add_argument("results", type=Path, help="folder of all products of a run")
    parser.add_argument("other", type=Path, nargs="?", help="that of a run to compare with")
    asked = parser.parse_args(arguments)
    try:
        if asked.other is None:
            for name, digest in digest_products(asked.results).items():
                print(digest, name)
            return 0
        names = differing(asked.results, asked.other)
    except (NotADirectoryError, ValueError) as error:
        parser.error(str(error))
    for name in names:
        print(name)
    return int(bool(names))


if __name__ == "__main__":
    sys.exit(main())
