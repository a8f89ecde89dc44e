"""A stretch of an archive: fetched into its mirror, and read from there.

Depends on: obstore for objects, cdsapi for the Copernicus climate data store.
"""

__all__ = ["fetch_stretch", "open_mirror"]

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from ..archives import COLLECTIONS, known_store
from ..arrays import describe_coordinates
from .archive import open_archive
from .copernicus import fetch_files, requests_for
from .expver import EXPVER, label
from .ledger import describe, read_manifests, write_manifest
from .mirror import Mirror, Piece, locked
from .remote_zarr import RemoteZarr
from .selection import Selection
from .transport import Patience, Remote

STORE = "store.zarr"
FILES = "files"
Source = Mapping[str, str | float | None]


def fetch_stretch(
    selection: Selection,
    path_manifest: Path,
    *,
    source: Source,
    patience: Patience,
) -> dict[str, object]:
    """Fetches what is not there yet of a stretch, and writes its manifest.

    Arguments:
        selection: Variables, levels and times.
        path_manifest: Where the manifest goes; the mirror lies beside its folder.
        source: The archive: its kind, and its store or address.
        patience: How long the store is waited for.

    Returns:
        The manifest.

    Raises:
        ValueError: If the archive lacks a variable, a level or a time, with what it has.
        FileNotFoundError: If there is no store at the address.
        PermissionError: If the store may not be read.
        ConnectionError: If an object is not to be had while patience lasts, with its address.
        RuntimeError: If the climate data store refuses a request, with what it says.
        OSError: If the disk is full.
        Interrupted: If a stop was asked for.
    """
    fetch = _fetch_files if source["kind"] == "cds" else _fetch_objects
    folder, pieces, more = fetch(selection, path_manifest, source, patience)
    request = {
        "surface": list(selection.surface),
        "pressure": list(selection.pressure),
        "levels": sorted(selection.levels),
        "first": str(selection.times[0].astype("datetime64[m]")),
        "last": str(selection.times[-1].astype("datetime64[m]")),
        "step_hours": selection.step_hours,
    }
    origin = {key: value for key, value in source.items() if value is not None}
    origin["url"] = _url(source)
    manifest = describe(origin, request, folder, pieces, **more)
    with locked(path_manifest.parents[1] / folder, path_manifest.name):
        write_manifest(path_manifest, manifest)
    return manifest


def open_mirror(selection: Selection, *, paths_manifests: Iterable[Path]) -> xr.Dataset:
    """Opens what was fetched of an archive lazily, and selects from it.

    Arguments:
        selection: Variables, levels and times.
        paths_manifests: The manifests of the stretches that hold them.

    Returns:
        As :func:`.open_archive`; with a coordinate ``expver`` along time where the archive says
        which data are preliminary.

    Raises:
        FileNotFoundError: If a piece is missing.
        ValueError: As :func:`.open_archive`.
    """
    paths = list(paths_manifests)
    manifests = read_manifests(paths)
    folder = paths[0].parents[1] / manifests[0]["folder"]
    if manifests[0]["folder"] == FILES:
        names = {name for manifest in manifests for name in manifest["pieces"]}
        folder = [folder / name for name in sorted(names)]
    dataset = open_archive(selection, path=folder)
    dataset.attrs = {"source": manifests[0]["source"]["url"]}
    versions = _versions(dataset["time"].values, manifests)
    if versions is not None and EXPVER not in dataset.coords:
        dataset = label(dataset, versions)
    return describe_coordinates(dataset)


def _versions(times: np.ndarray, manifests: list[dict[str, object]]) -> np.ndarray | None:
    """The experiment version of each time, by what the archive said when it was fetched."""
    if all(manifest.get("final_until") is None for manifest in manifests):
        return None
    versions = np.ones(len(times), "int8")
    for manifest in manifests:
        first, last = (np.datetime64(manifest["request"][end], "ns") for end in ("first", "last"))
        final = np.datetime64(manifest["final_until"], "ns")
        versions[(times >= first) & (times <= last) & (times > final)] = 5
    return versions


def _fetch_objects(
    selection: Selection, path_manifest: Path, source: Source, patience: Patience
) -> tuple[str, Mapping[str, Piece | None], dict[str, object]]:
    """The objects of a Zarr store that hold a selection."""
    remote = Remote(_address(source), patience, tagged=source["kind"] != "archive")
    mirror = Mirror(path_manifest.parents[1] / STORE, remote)
    store = RemoteZarr(mirror, selection.times[-1])
    keys = [*store.coordinates, *store.keys(selection)]
    pieces = mirror.fetch(_what(path_manifest), keys, store.unsound, store.largest(keys))
    final = store.ends[2]
    if final is None:  # metadata of an archive that grows do not stay what they are
        return STORE, mirror.documents | pieces, {}
    return STORE, pieces, {"final_until": str(final.astype("datetime64[m]"))}


def _fetch_files(
    selection: Selection, path_manifest: Path, source: Source, patience: Patience
) -> tuple[str, Mapping[str, Piece | None], dict[str, object]]:
    """The files of the climate data store that hold a selection."""
    found = fetch_files(
        _what(path_manifest),
        requests_for(
            selection, data_format=source["data_format"], grid_degrees=source["grid_degrees"]
        ),
        path_manifest.parents[1] / FILES,
        endpoint=source["endpoint"],
        patience=patience,
    )
    asked = {
        name: {"collection": COLLECTIONS[request.collection], "body": request.body}
        for name, (request, _) in sorted(found.items())
    }
    return FILES, {name: piece for name, (_, piece) in found.items()}, {"requests": asked}


def _what(path_manifest: Path) -> str:
    return f"{path_manifest.parents[1].name} {path_manifest.stem}"


def _url(source: Source) -> str:
    """The published address of a source."""
    if source["kind"] == "cds":
        return "https://cds.climate.copernicus.eu"
    if source["kind"] == "archive":
        return source["path"]
    return known_store(source["kind"], source["store"]).url


def _address(source: Source) -> str:
    """The address that a source is read from."""
    if source["kind"] == "archive":
        return source["path"]
    return known_store(source["kind"], source["store"]).address(source["endpoint"])
