"""Which objects of a remote Zarr store hold a selection.

Reads the metadata and the coordinates of a store through a :class:`.Mirror`, and from them
tells the chunks (of a sharded array, the shards) that the selected variables, levels and times
lie in. Zarr 2 and 3, with consolidated metadata or without.

A store may have no object for a chunk: its values are then the fill value, most often NaN.
Archives that grow say in their attributes (``valid_time_stop``, ``valid_time_stop_era5t``)
where their data end, and where preliminary data (ERA5T) begin.

References:
    | Zarr storage specifications, versions 2 and 3
    | https://zarr-specs.readthedocs.io
"""

__all__ = ["RemoteZarr"]

import json
import threading
import warnings

from collections.abc import Iterable
from functools import cached_property
from itertools import product

import numpy as np
import xarray as xr
import zarr

from jaxtyping import Shaped
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from ..catalogue import STATIC
from .mirror import Mirror
from .names import COORDINATES, possible_names
from .selection import Selection

AXES = ("time", "level", "latitude", "longitude")
Document = dict[str, object]


class RemoteZarr:
    """A Zarr store, seen through its mirror.

    Arguments:
        mirror: Holds what was fetched of it.
        until: The last time that is wanted: metadata that end before it are fetched anew.

    Raises:
        FileNotFoundError: If there is no Zarr store at the address.
        PermissionError, ConnectionError: As :meth:`.Remote.read`.
    """

    def __init__(self, mirror: Mirror, until: np.datetime64) -> None:
        self.mirror, self.url = mirror, mirror.remote.url
        self._local = threading.local()
        self._read_metadata(anew=False)
        last = self.ends[1]
        if last is not None and until > last:
            self._read_metadata(anew=True)
        self._fetch_coordinates()

    @property
    def ends(self) -> tuple[np.datetime64 | None, np.datetime64 | None, np.datetime64 | None]:
        """First time, last time, and last time that is final, as far as the store says."""
        attributes = self._attributes
        first, final = attributes.get("valid_time_start"), attributes.get("valid_time_stop")
        last = attributes.get("valid_time_stop_era5t", final)
        return _day(first, "T00"), _day(last, "T23"), _day(final, "T23")

    def keys(self, selection: Selection) -> list[str]:
        """The objects that hold a selection, and the static fields that the store has.

        Raises:
            ValueError: If the store lacks a variable, a level or a time of it, with what it has.
        """
        keys = []
        static = [name for name in map(self._array_of, STATIC) if name]
        for wanted in (*selection.surface, *selection.pressure):
            name = self._array_of(wanted)
            if name is None:
                held = ", ".join(sorted(self._listed)) if self._listed else "unknown"
                raise ValueError(
                    f"{self.url}: variable {wanted!r} is not in the store; it holds: {held}"
                )
            keys += self._chunks(name, selection)
        for name in static:
            keys += self._chunks(name, selection)
        return sorted(dict.fromkeys(keys))

    def largest(self, keys: Iterable[str]) -> int:
        """Size of the largest of some chunks, not compressed [bytes]."""
        names = {key.split("/", 1)[0] for key in keys}
        return max((_size(self._group[name]) for name in names), default=0)

    def unsound(self, key: str, body: bytes) -> str | None:
        """Says why the bytes of a chunk do not decode; ``None`` if they do."""
        name, _, rest = key.partition("/")
        array, held = self._alone(name)
        place = tuple(
            int(n) for n in rest.removeprefix("c/").replace("/", ".").split(".") if n.isdigit()
        )
        shape = _chunk(array)
        region = tuple(
            slice(k * n, min((k + 1) * n, size))
            for k, n, size in zip(place, shape, array.shape, strict=True)
        )
        if self._outermost(name) == "blosc" and _blosc_size(body) != max(len(body), 1):
            size = _blosc_size(body)
            return f"does not decode (a Blosc frame of {size} bytes, {len(body)} came)"
        held[rest] = _buffer(body)
        try:
            array[region]
        except Exception as error:  # every codec has its own
            return f"does not decode ({type(error).__name__}: {error})"
        finally:
            del held[rest]
        return None

    def _read_metadata(self, *, anew: bool) -> None:
        """Metadata of the store, and of its arrays where they stand together."""
        self.__dict__.pop("_group", None)

        def document(key: str) -> Document | None:
            return self.mirror.document(key, anew=anew)

        self._documents: dict[str, dict[str, Document]] = {}
        self._listed: set[str] = set()
        if whole := document(".zmetadata"):
            self._format, self._attributes = 2, document(".zattrs") or {}
            document(".zgroup")
            for key, value in whole["metadata"].items():
                name, _, kind = key.rpartition("/")
                if name and kind in (".zarray", ".zattrs"):
                    self._documents.setdefault(name, {})[kind] = value
        elif root := document("zarr.json"):
            self._format, self._attributes = 3, root.get("attributes", {})
            inside = (root.get("consolidated_metadata") or {}).get("metadata", {})
            for name, value in inside.items():
                if value["node_type"] == "array":
                    self._documents[name] = {"zarr.json": value}
        elif document(".zgroup"):
            self._format, self._attributes = 2, document(".zattrs") or {}
        else:
            raise FileNotFoundError(
                f"{self.url}: there is no Zarr store: none of .zmetadata, zarr.json, .zgroup"
            )
        self._listed = set(self._documents)

    def _has(self, name: str) -> bool:
        """Whether the store has an array; asks for it where metadata do not stand together."""
        if self._listed or name in self._documents:
            return name in self._documents
        kinds = ("zarr.json",) if self._format == 3 else (".zarray", ".zattrs")
        found = {kind: self.mirror.document(f"{name}/{kind}") for kind in kinds}
        if found[kinds[0]] is None:
            return False
        self._documents[name] = {kind: value for kind, value in found.items() if value}
        return True

    def _array_of(self, wanted: str) -> str | None:
        """The array that holds a variable known here."""
        for name in possible_names(wanted):
            # Geopotential without levels is that of the ground, and only that is.
            if self._has(name) and (
                wanted in STATIC or wanted != "geopotential" or "level" in self._axes(name)
            ):
                if wanted in STATIC and "level" in self._axes(name):
                    continue
                return name
        return None

    def _axes(self, name: str) -> list[str]:
        """The dimensions of an array, by the names used here."""
        documents = self._documents[name]
        if self._format == 3:
            dims = documents["zarr.json"].get("dimension_names") or []
        else:
            dims = documents.get(".zattrs", {}).get("_ARRAY_DIMENSIONS", [])
        return [COORDINATES.get(dim, dim) for dim in dims]

    def _fetch_coordinates(self) -> None:
        """Every chunk of the coordinates, and their values."""
        self._coordinates: dict[str, np.ndarray] = {}
        keys, names = [], {}
        for axis in AXES:
            aliases = [axis, *(old for old, new in COORDINATES.items() if new == axis)]
            names[axis] = next((name for name in aliases if self._has(name)), None)
            if names[axis] is None and axis != "level":
                raise ValueError(
                    f"{self.url}: no coordinate {axis!r}; looked for: {', '.join(aliases)}"
                )
            if names[axis]:
                array = self._group[names[axis]]
                keys += [f"{names[axis]}/{_key(array, (k,))}" for k in range(_count(array))]
        self.mirror.fetch("coordinates", keys, self.unsound, self.largest(keys))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # consolidated metadata are optional
            dataset = xr.open_zarr(self.mirror.folder, chunks=None, decode_timedelta=True)
        self._keys_of_coordinates = keys
        for axis, name in names.items():
            if name:
                self._coordinates[axis] = dataset[name].values

    @property
    def coordinates(self) -> list[str]:
        """The objects that hold the coordinates."""
        return self._keys_of_coordinates

    @cached_property
    def _group(self) -> zarr.Group:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return zarr.open_group(self.mirror.folder, mode="r", zarr_format=self._format)

    def _outermost(self, name: str) -> str | None:
        """The codec that the bytes of a chunk were last passed through."""
        documents = self._documents[name]
        if self._format == 2:
            return (documents[".zarray"].get("compressor") or {}).get("id")
        return documents["zarr.json"]["codecs"][-1]["name"]

    def _alone(self, name: str) -> tuple[zarr.Array, dict[str, object]]:
        """An array in a store of its own, and what that store holds; one for each thread."""
        arrays = self._local.__dict__.setdefault("arrays", {})
        if name not in arrays:
            held = {
                kind: _buffer(json.dumps(value).encode())
                for kind, value in self._documents[name].items()
            }
            array = zarr.open_array(MemoryStore(held), mode="r", zarr_format=self._format)
            arrays[name] = array, held
        return arrays[name]

    def _chunks(self, name: str, selection: Selection) -> list[str]:
        """The chunks of an array that a selection lies in."""
        array, axes = self._group[name], self._axes(name)
        places = []
        for axis, size, chunk in zip(axes, array.shape, _chunk(array), strict=True):
            if axis == "time":
                wanted = self._times(selection)
            elif axis == "level":
                wanted = self._levels(selection)
            else:
                wanted = np.arange(size)
            places.append(np.unique(wanted // chunk).tolist())
        return [f"{name}/{_key(array, place)}" for place in product(*places)]

    def _times(self, selection: Selection) -> Shaped[np.ndarray, " wanted"]:
        """Where the times of a selection stand."""
        held = self._coordinates["time"].astype("datetime64[ns]")
        wanted = selection.times
        first, last, _ = self.ends
        first, last = held.min() if first is None else first, held.max() if last is None else last
        if wanted[0] < first or wanted[-1] > last:
            raise ValueError(
                f"{self.url}: the period {_text(wanted[0])} to {_text(wanted[-1])} leaves the "
                f"data, which hold {_text(first)} to {_text(last)}"
            )
        places = np.flatnonzero(np.isin(held, wanted))  # what is missing, the audit tells
        if not len(places):
            raise ValueError(
                f"{self.url}: none of the {len(wanted)} times from {_text(wanted[0])} to "
                f"{_text(wanted[-1])} at a step of {selection.step_hours} h is in the store"
            )
        return places

    def _levels(self, selection: Selection) -> Shaped[np.ndarray, " wanted"]:
        """Where the levels of a selection stand."""
        held = self._coordinates["level"].tolist()
        for level in selection.levels:
            if level not in held:
                raise ValueError(
                    f"{self.url}: level {level} hPa is not in the store; it holds: "
                    f"{', '.join(f'{x:g}' for x in held)}"
                )
        return np.array([held.index(level) for level in sorted(selection.levels)])


def _chunk(array: zarr.Array) -> tuple[int, ...]:
    """The shape of what one object holds."""
    return tuple(array.shards or array.chunks)


def _count(array: zarr.Array) -> int:
    return -(-array.shape[0] // _chunk(array)[0])


def _key(array: zarr.Array, place: tuple[int, ...]) -> str:
    return array.metadata.encode_chunk_key(place)


def _size(array: zarr.Array) -> int:
    return int(np.prod(_chunk(array))) * array.dtype.itemsize


def _blosc_size(body: bytes) -> int:
    """The size that a Blosc frame says it has; the decoder would read beyond one cut short."""
    return int.from_bytes(body[12:16], "little")


def _buffer(body: bytes) -> object:
    return default_buffer_prototype().buffer.from_bytes(body)


def _day(text: str | None, hour: str) -> np.datetime64 | None:
    """A day of an attribute, as a time: its first or its last hour."""
    if text is None:
        return None
    return np.datetime64(text[:10] + hour, "ns")


def _text(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]"))
