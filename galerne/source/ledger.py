"""What was fetched: a manifest for each stretch of an archive, and its check against the disk.

A manifest says what was asked for and of whom, with which libraries, and the size and digest
of every piece that holds it. It is written last, by renaming, and holds nothing that would
differ between two identical downloads. When a piece was fetched, its file on disk says.
"""

__all__ = ["Faults", "check_manifests", "describe", "read_manifests", "write_manifest"]

import json

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .. import __version__
from ..products import replacing
from .mirror import Piece

SHOWN = 20  # names in an error
LIBRARIES = ("cdsapi", "obstore", "xarray", "zarr")


@dataclass(frozen=True)
class Faults:
    """What is wrong with the pieces of some manifests.

    Arguments:
        pieces: Number of pieces that were looked at.
        size: Their size [bytes].
        missing: Files that are not there.
        rotten: Files that are not what was fetched.
        unreadable: Manifests that cannot be read.
        manifests: Those that name what is missing or rotten.
    """

    pieces: int
    size: int
    missing: tuple[str, ...]
    rotten: tuple[str, ...]
    unreadable: tuple[str, ...]
    manifests: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.rotten or self.unreadable)

    def __str__(self) -> str:
        named = {kind: getattr(self, kind) for kind in ("missing", "rotten", "unreadable")}
        counts = ", ".join(f"{len(names)} {kind}" for kind, names in named.items())
        words = [f"{kind}: {name}" for kind, names in named.items() for name in names]
        anew = " ".join((*self.manifests, *self.unreadable))
        return "\n  ".join(
            [
                f"of {self.pieces} pieces, {counts}:",
                *words[:SHOWN],
                *([f"and {len(words) - SHOWN} more, in the log"] if len(words) > SHOWN else []),
                f"remove these files, and fetch them anew by: snakemake --force -- {anew}",
            ]
        )


def describe(
    source: Mapping[str, object],
    request: Mapping[str, object],
    folder: str,
    pieces: Mapping[str, Piece | None],
    **more: object,
) -> dict[str, object]:
    """Returns the manifest of a stretch.

    Arguments:
        source: What it was fetched from.
        request: Variables, levels and times.
        folder: Where the pieces lie, from the folder of the archive.
        pieces: Every piece by its path; ``None`` for one that the store does not have.
        more: Whatever else there is to say.
    """
    return {
        "source": dict(source),
        "request": dict(request),
        "versions": {"galerne": __version__} | {n: metadata.version(n) for n in LIBRARIES},
        **more,
        "folder": folder,
        "absent": sorted(key for key, piece in pieces.items() if piece is None),
        "pieces": {
            key: {"bytes": piece.size, "sha256": piece.sha256}
            for key, piece in sorted(pieces.items())
            if piece is not None
        },
    }


def write_manifest(path: Path, manifest: Mapping[str, object]) -> None:
    """Writes a manifest, whole or not at all.

    Raises:
        OSError: If the disk is full.
    """
    with replacing(path) as part:
        part.write_text(json.dumps(manifest, indent=1) + "\n")


def read_manifests(paths: Iterable[Path]) -> list[dict[str, object]]:
    """Reads manifests, and makes sure that the pieces they name are there, by their size.

    Raises:
        FileNotFoundError: If a piece is missing or of another size, with what to do.
    """
    found = []
    for path in paths:
        manifest = json.loads(path.read_text())
        for file, entry in _files(path, manifest):
            if not file.is_file() or file.stat().st_size != entry["bytes"]:
                raise FileNotFoundError(
                    f"{file} is missing or not what was fetched: remove it, and fetch it anew by: "
                    f"snakemake --force -- {path} (check_archive names all such files)"
                )
        found.append(manifest)
    return found


def check_manifests(folder: Path) -> Faults:
    """Compares every piece that a manifest below a folder names with its digest.

    A piece that several manifests name is read once. Manifests that disagree about a piece
    make it rotten: one of them describes what is no longer there.

    Arguments:
        folder: The folder of all archives.
    """
    wanted: dict[Path, set[tuple[int, str]]] = {}
    named: dict[Path, set[str]] = {}
    unreadable = []
    for path in sorted(folder.glob("*/*/*.json")):
        try:
            for file, entry in _files(path, json.loads(path.read_text())):
                wanted.setdefault(file, set()).add((entry["bytes"], entry["sha256"]))
                named.setdefault(file, set()).add(str(path))
        except (ValueError, KeyError, TypeError, AttributeError):
            unreadable.append(str(path))
    missing, rotten, size = [], [], 0
    for file, descriptions in sorted(wanted.items()):
        try:
            piece = Piece.of_file(file)
        except FileNotFoundError:
            missing.append(file)
            continue
        size += piece.size
        if descriptions != {(piece.size, piece.sha256)}:
            rotten.append(file)
    return Faults(
        pieces=len(wanted),
        size=size,
        missing=tuple(map(str, missing)),
        rotten=tuple(map(str, rotten)),
        unreadable=tuple(unreadable),
        manifests=tuple(sorted({name for file in missing + rotten for name in named[file]})),
    )


def _files(path: Path, manifest: dict[str, object]) -> list[tuple[Path, dict[str, object]]]:
    """The file of every piece of a manifest, and its entry."""
    folder = path.parent.parent / manifest["folder"]
    return [(folder / key, entry) for key, entry in manifest["pieces"].items()]
