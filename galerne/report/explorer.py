r"""The maps of a run, packed for the page: small enough to inline, exact enough to read off.

A field is stored as integers :math:`q = \operatorname{round}((v - a) / s)` of 12 bits, where
:math:`a` and :math:`s` belong to the channel and cover all its fields, so that equal fields
have equal bytes and are stored once. Along each row the differences of neighbours are kept
(modulo :math:`2^{16}`), then compressed by zlib. The error of a value read off the page is at
most half of :math:`s`, one part in 8,000 of the range.

Fields on grids finer than the page can show are averaged over blocks, and windows beyond the
budget are left out; both are said on the page.

Depends on: numpy, pandas, xarray.
"""

__all__ = ["MapSet", "pack_maps"]

import base64
import hashlib
import zlib

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from jaxtyping import Float

from .coastlines import coastlines
from .figures import split_channel
from .style import colour_table, display_unit, label_channel

LEVELS = 4094
MISSING = 4095
FIELDS = ("truth", "climatology", "mean", "spread", "members", "prior_sample")


@dataclass(frozen=True)
class MapSet:
    """The maps of one choice and one window.

    Arguments:
        choice: Names of the dataset, autoencoder, prior, network, method, task and window.
        kind: The kind of task: ``reanalysis``, ``filtering`` or ``forecasting``.
        maps: The maps product.
        observations: The observations of the window, if any.
        step_hours: Time between states [h].
    """

    choice: dict[str, str]
    kind: str
    maps: xr.Dataset
    observations: pd.DataFrame | None
    step_hours: int


@dataclass
class _Store:
    """Compressed pieces, each once."""

    blobs: list[str] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)
    size: int = 0

    def add(self, values: np.ndarray) -> int:
        raw = values.astype("<u2").tobytes()
        key = hashlib.sha256(raw).digest()
        if key not in self.known:
            self.known[key] = len(self.blobs)
            self.blobs.append(base64.b64encode(zlib.compress(raw, 9)).decode())
            self.size += len(self.blobs[-1])
        return self.known[key]


def pack_maps(
    sets: Sequence[MapSet], *, longest: int = 144, budget: int = 10_000_000
) -> dict[str, object]:
    """Packs the maps of a run.

    Arguments:
        sets: One per choice and window, in order of interest.
        longest: The most columns of a grid that are kept; finer grids are block-averaged.
        budget: The most characters of packed fields; sets beyond it are dropped and counted.

    Returns:
        Plain values for JSON: colours, grids, ranges of the channels, sets and their pieces.
    """
    coarse = [_coarsened(s.maps, longest) for s in sets]
    ranges = _ranges(sets, coarse)
    store, packed, grids, dropped = _Store(), [], {}, 0
    for one, maps in zip(sets, coarse, strict=True):
        if store.size > budget:
            dropped += 1
            continue
        dataset = one.choice["dataset"]
        grids.setdefault(dataset, _grid(maps))
        packed.append(_set(one, maps, ranges[dataset], store))
    kinds = ("field", "difference", "spread")
    return {
        "colours": {k: base64.b64encode(colour_table(k).tobytes()).decode() for k in kinds},
        "grids": grids,
        "ranges": ranges,
        "sets": packed,
        "blobs": store.blobs,
        "dropped": dropped,
        "factor": max((len(s.maps["longitude"]) // len(m["longitude"])
                       for s, m in zip(sets, coarse, strict=True)), default=1),
    }  # fmt: skip


def _coarsened(maps: xr.Dataset, longest: int) -> xr.Dataset:
    factor = 1
    while maps.sizes["longitude"] / factor > longest:
        factor += 1
    if factor == 1:
        return maps
    blocks = {"latitude": factor, "longitude": factor}
    return maps.coarsen(blocks, boundary="trim").mean()


def _names(maps: xr.Dataset) -> list[str]:
    return [str(name) for name in maps["channel"].values]


def _ranges(
    sets: Sequence[MapSet], coarse: Sequence[xr.Dataset]
) -> dict[str, dict[str, dict[str, object]]]:
    """The value range of each channel of each dataset, in units that people read."""
    ranges: dict[str, dict[str, dict[str, object]]] = {}
    for one, maps in zip(sets, coarse, strict=True):
        channels = ranges.setdefault(one.choice["dataset"], {})
        for k, name in enumerate(_names(maps)):
            factor, unit = display_unit(split_channel(name)[0])
            about = channels.setdefault(
                name,
                {"label": label_channel(name), "unit": unit, "field": None, "spread": [0.0, 0.0]},
            )
            for variable in (v for v in FIELDS if v in maps):
                values = maps[variable].isel(channel=k).values * factor
                kind = "spread" if variable == "spread" else "field"
                about[kind] = _wider(about[kind], values)
    return ranges


def _wider(span: list[float] | None, values: np.ndarray) -> list[float] | None:
    known = values[np.isfinite(values)]
    if not known.size:
        return span
    low, high = float(known.min()), float(known.max())
    return [low, high] if span is None else [min(low, span[0]), max(high, span[1])]


def _grid(maps: xr.Dataset) -> dict[str, object]:
    latitude, longitude = (maps[n].values.astype("float64") for n in ("latitude", "longitude"))
    coasts = []
    if "land_sea_mask" in maps:
        mask = maps["land_sea_mask"].values.astype("float64")
        coasts = [np.round(c, 1).tolist() for c in coastlines(mask, latitude, longitude)]
    return {
        "latitude": np.round(latitude, 4).tolist(),
        "longitude": np.round(longitude, 4).tolist(),
        "coasts": coasts,
    }


def _quantised(
    values: Float[np.ndarray, "lat lon"], span: list[float]
) -> Float[np.ndarray, "lat lon"]:
    scale = (span[1] - span[0]) / LEVELS or 1.0
    levels = np.clip(np.round((values - span[0]) / scale), 0, LEVELS)
    levels = np.where(np.isfinite(values), levels, MISSING)
    return np.diff(levels, axis=-1, prepend=0.0) % 2**16


def _set(one: MapSet, maps: xr.Dataset, ranges: dict, store: _Store) -> dict[str, object]:
    times = maps["valid_time"].values
    leads = maps["lead_hours"].values if "lead_hours" in maps else np.zeros(len(times))
    start = _start(one, times)
    hours = (times - start) / np.timedelta64(1, "h")
    last = {"filtering": hours, "forecasting": hours - leads}.get(one.kind)
    fields: dict[str, list] = {}
    for variable in (v for v in FIELDS if v in maps):
        fields[variable] = [
            _pieces(maps[variable].isel(channel=k), ranges[name], store)
            for k, name in enumerate(_names(maps))
        ]
    return {
        "choice": one.choice,
        "kind": one.kind,
        "step": one.step_hours,
        "channels": _names(maps),
        "times": [str(t).replace("T", " ") + " UTC" for t in times.astype("datetime64[h]")],
        "hours": [float(h) for h in hours],
        "leads": [float(lead) for lead in leads],
        "last": None if last is None else [float(h) for h in last],
        "fields": fields,
        "observations": [_observed(one, start, name, store) for name in _names(maps)],
    }


def _start(one: MapSet, times: np.ndarray) -> np.datetime64:
    name = one.choice["window"]
    text = f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}"
    try:
        return np.datetime64(text, "ns")
    except ValueError:
        return times[0]


def _pieces(array: xr.DataArray, about: dict, store: _Store) -> list:
    """Identifiers by frame, and by member within a frame where there are members."""
    array = array * display_unit(split_channel(str(array["channel"].values))[0])[0]
    span = about["spread" if array.name == "spread" else "field"] or [0.0, 1.0]
    if "number" in array.dims and array.name == "prior_sample":
        array = array.isel(number=0)
    many = "number" in array.dims
    order = ["frame", *(["number"] if many else []), "latitude", "longitude"]
    values = array.transpose(*order).values.astype("float64")
    if not many:
        return [store.add(_quantised(v, span)) for v in values]
    return [[store.add(_quantised(v, span)) for v in frame] for frame in values]


def _observed(
    one: MapSet, start: np.datetime64, channel: str, store: _Store
) -> dict[str, object] | None:
    """Observations of a channel as five rows: lat, lon, value, hour, withheld."""
    if one.observations is None:
        return None
    table, (variable, level) = one.observations, split_channel(channel)
    keep = table["variable"] == variable
    keep &= table["level"].isna() if np.isnan(level) else (table["level"] - level).abs() < 0.5
    part = table[keep]
    if part.empty:
        return None
    values = part["observation"].to_numpy("float64") * display_unit(variable)[0]
    low, high = float(values.min()), float(values.max())
    scale = (high - low) / 65_000 or 1.0
    hours = (part["time"] - pd.Timestamp(start)) / pd.Timedelta(hours=1)
    east = (part["lon"].to_numpy("float64") + 180) % 360
    rows = [
        (part["lat"].to_numpy("float64") + 90) * 100,
        east * 100,
        (values - low) / scale,
        np.clip(hours.to_numpy("float64") * 20 + 1000, 0, 65_535),
        part["withheld"].to_numpy("float64"),
    ]
    return {"count": len(part), "low": low, "scale": scale, "blob": store.add(np.round(rows))}
