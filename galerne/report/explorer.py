"""The maps of a run, packed for the page: small enough to inline, exact enough to read off.

A *scene* is one task during one window: truth, climatology, a draw of the prior, observations,
and every method that was mapped.

What methods share is stored with the range of the channel. Of a method its difference from the
truth is stored, its spread, and the differences of its members from the mean, with a range of
their own: a difference is read off the page to one part in 500 of the range of differences, not
of fields (:mod:`.packing`).

Fields on grids finer than the page can show are averaged over blocks, and what goes beyond the
budget is left out: members of baselines first, last the first window of the methods. Whatever is
left out is said on the page.

Depends on: numpy, pandas, xarray.
"""

__all__ = ["MapSet", "pack_maps"]

import base64

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from .coastlines import coastlines
from .figures import split_channel
from .legend import Legend, words
from .packing import LEVELS, Store, quantised, wider
from .style import colour_table, display_unit, label_channel

SHARED = ("truth", "climatology", "prior_sample")
CHARACTERS = 7  # of a cell in the page, all fields of one method without members: an estimate
OBSERVATIONS = 8_000  # most of a channel and window
KEYS = ("dataset", "autoencoder", "prior", "network", "task", "window")


@dataclass(frozen=True)
class MapSet:
    """The maps of one choice and one window.

    Arguments:
        choice: Names of the dataset, autoencoder, prior, network, method, task and window.
        kind: The kind of task: ``reanalysis``, ``filtering`` or ``forecasting``.
        maps: The maps product; it may be lazy.
        observations: The observations of the window, if any.
        step_hours: Time between states [h].
    """

    choice: dict[str, str]
    kind: str
    maps: xr.Dataset
    observations: pd.DataFrame | None
    step_hours: int


@dataclass(frozen=True)
class _Thinning:
    """How fields are thinned: cells averaged along each side, and the step between times."""

    block: int
    stride: int

    def __call__(self, maps: xr.Dataset) -> xr.Dataset:
        """The fields that are left, in memory."""
        maps = maps.isel(frame=slice(None, None, self.stride)).load()
        blocks = {"latitude": self.block, "longitude": self.block}
        return maps.coarsen(blocks, boundary="trim").mean() if self.block > 1 else maps


def pack_maps(
    sets: Sequence[MapSet],
    legend: Legend,
    *,
    longest: int = 144,
    budget: int = 9_000_000,
    beside: str = "",
) -> dict[str, object]:
    """Packs the maps of a run.

    Arguments:
        sets: One per choice and window, in order of interest.
        legend: Names and looks of the methods.
        longest: The most columns of a grid that are kept; finer grids are block-averaged.
        budget: The most characters of packed fields.
        beside: The method that is first shown beside another.

    Returns:
        Plain values for JSON: colours, grids, ranges of the channels, scenes and their pieces,
        and sentences about what was left out.
    """
    thinning = _thinning(sets, longest, budget)
    sets = sorted(sets, key=lambda s: legend.classical(s.choice["method"]))
    ranges, store, runs = _ranges(sets, thinning), Store(), _runs(sets, legend)
    grids: dict[str, object] = {}
    scenes: dict[tuple[str, ...], dict] = {}
    left: list[tuple[MapSet, str]] = []
    for one, part in _by_interest(sets, legend):
        key, count = tuple(one.choice[k] for k in KEYS), len(store.blobs)
        if left or (part == "members" and "members" not in one.maps):
            left += [(one, part)] if left else []
            continue
        dataset = one.choice["dataset"]
        if first := {} if key in scenes else _scene(one, thinning, ranges[dataset], store):
            first["run"] = runs[key[:4]]
        packed = _method(one, part, thinning, store)
        if store.size > budget and scenes:
            store.take_back(count)
            left.append((one, part))
            continue
        if dataset not in grids:
            grids[dataset] = _grid(_one_frame(one, thinning))
        methods = scenes.setdefault(key, first)["methods"]
        methods[one.choice["method"]] = methods.get(one.choice["method"], {}) | packed
    kinds = ("field", "difference", "spread")
    return {
        "colours": {k: base64.b64encode(colour_table(k).tobytes()).decode() for k in kinds},
        "grids": grids,
        "ranges": ranges,
        "scenes": list(scenes.values()),
        "blobs": store.blobs,
        "looks": _looks(sets, legend),
        "levels": LEVELS,
        "beside": beside,
        "said": _said(thinning, left, sets, legend),
    }


def _thinning(sets: Sequence[MapSet], longest: int, budget: int) -> _Thinning:
    """Coarse enough to be shown, and few enough times for half of the budget in one window."""
    sizes = [dict(s.maps.sizes) for s in sets]
    block = max((-(-size["longitude"] // longest) for size in sizes), default=1)
    cells = [
        s["channel"] * s["frame"] * (s["latitude"] // block) * (s["longitude"] // block)
        for s in sizes
    ]
    return _Thinning(block, max(1, -(-CHARACTERS * max(cells, default=1) // (budget // 2 or 1))))


def _by_interest(sets: Sequence[MapSet], legend: Legend) -> Iterator[tuple[MapSet, str]]:
    """Methods and baselines by window; with the first, members of methods; then other members."""
    ranks: dict[str, int] = {}
    order = {}
    for dataset, window in _windows(sets):
        order[dataset, window] = ranks[dataset] = ranks.get(dataset, -1) + 1

    def interest(found: tuple[MapSet, str]) -> tuple[int, ...]:
        one, part = found
        rank = order[one.choice["dataset"], one.choice["window"]]
        classical = legend.classical(one.choice["method"])
        if part == "fields" or not (classical or rank):
            return (0, rank, part == "members", classical)
        return (1, classical, rank, 0)

    yield from sorted(((s, part) for s in sets for part in ("fields", "members")), key=interest)


def _said(
    thinning: _Thinning,
    left: Sequence[tuple[MapSet, str]],
    sets: Sequence[MapSet],
    legend: Legend,
) -> list[str]:
    said = []
    if thinning.block > 1:
        size = f"{thinning.block} × {thinning.block}"
        said.append(f"Fields are averaged over blocks of {size} cells for display.")
    if thinning.stride > 1:
        said.append(f"One time in {thinning.stride} is shown.")
    fields = [one for one, part in left if part == "fields"]
    gone = _windows(fields)
    if fields:
        words = f"maps of {len(fields)} of {len(sets)} ensembles in {_counted(gone)}"
        said.append(f"Left out to keep the page small: {words}.")
    members = [one for one, part in left if part == "members" and one not in fields]
    if members:
        names = legend.order(one.choice["method"] for one in members)
        some = ", ".join(map(legend.label, names))
        said.append(f"Single members of {some} are left out in {_counted(_windows(members))}.")
    if any(s.observations is not None and len(s.observations) > OBSERVATIONS for s in sets):
        said.append(f"Of a channel and window at most {OBSERVATIONS:,} observations are drawn.")
    return said


def _counted(windows: Sequence[tuple[str, str]]) -> str:
    return f"{len(windows)} window{'s' * (len(windows) != 1)}"


def _windows(sets: Sequence[MapSet]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((s.choice["dataset"], s.choice["window"]) for s in sets))


def _runs(sets: Sequence[MapSet], legend: Legend) -> dict[tuple[str, ...], str]:
    """Every combination of dataset, models and network by what tells it from the others."""
    keys = list(dict.fromkeys(tuple(s.choice[k] for k in KEYS[:4]) for s in sets))
    unlike = [k for k in range(3) if len({key[k] for key in keys}) > 1]
    return {
        key: " / ".join([*(words(key[k]) for k in unlike), legend.network(key[3])]) for key in keys
    }


def _looks(sets: Sequence[MapSet], legend: Legend) -> dict[str, dict[str, str]]:
    """Name, short name, colour and dashes of the line of each method, and of climatology."""
    found = {}
    for name in dict.fromkeys([*(s.choice["method"] for s in sets), "climatology"]):
        look = legend.look(name)
        plain = {"-": "", ":": "2 3", "--": "7 3", "-.": "7 3 2 3"}
        dashes = plain[look.line] if isinstance(look.line, str) else _scaled(look.line[1])
        known = {"label": look.label, "short": look.short, "colour": look.colour}
        found[name] = known | {"dashes": dashes}
    return found


def _scaled(dashes: Sequence[float | int]) -> str:
    return " ".join(f"{1.6 * length:g}" for length in dashes)


def _names(maps: xr.Dataset) -> list[str]:
    return [str(name) for name in maps["channel"].values]


def _ranges(
    sets: Sequence[MapSet], thinning: _Thinning
) -> dict[str, dict[str, dict[str, object]]]:
    """The value range of each channel of each dataset, in units that people read."""
    ranges: dict[str, dict[str, dict[str, object]]] = {}
    seen: set[tuple[str, ...]] = set()
    for one in sets:
        key = tuple(one.choice[k] for k in KEYS)
        if key in seen:
            continue
        seen.add(key)
        channels = ranges.setdefault(one.choice["dataset"], {})
        wanted = [v for v in SHARED if v in one.maps]
        maps = thinning(one.maps[wanted])
        for k, name in enumerate(_names(one.maps)):
            variable, level = split_channel(name)
            factor, unit = display_unit(variable)
            about = channels.setdefault(
                name,
                {
                    "label": label_channel(name), "unit": unit, "variable": variable,
                    "level": None if np.isnan(level) else level, "field": None,
                },
            )  # fmt: skip
            for v in wanted:
                about["field"] = wider(about["field"], maps[v].isel(channel=k).values * factor)
    return ranges


def _one_frame(one: MapSet, thinning: _Thinning) -> xr.Dataset:
    names = [n for n in ("truth", "land_sea_mask") if n in one.maps]
    return thinning(one.maps[names].isel(frame=[0], channel=[0]))


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


def _scene(
    one: MapSet, thinning: _Thinning, ranges: dict[str, dict], store: Store
) -> dict[str, object]:
    maps = thinning(one.maps[[v for v in SHARED if v in one.maps]])
    times = maps["valid_time"].values
    leads = maps["lead_hours"].values if "lead_hours" in maps else np.zeros(len(times))
    start = _start(one, times)
    hours = (times - start) / np.timedelta64(1, "h")
    last = {"filtering": hours, "forecasting": hours - leads}.get(one.kind)
    return {
        "choice": {key: one.choice[key] for key in KEYS},
        "kind": one.kind,
        "step": one.step_hours,
        "channels": _names(maps),
        "times": [str(t).replace("T", " ") + " UTC" for t in times.astype("datetime64[h]")],
        "hours": [float(h) for h in hours],
        "leads": [float(lead) for lead in leads],
        "last": None if last is None else [float(h) for h in last],
        "fields": {v: _shared(maps[v], ranges, store) for v in SHARED if v in maps},
        "observations": [_observed(one, start, name, store) for name in _names(maps)],
        "methods": {},
    }


def _shared(array: xr.DataArray, ranges: dict[str, dict], store: Store) -> list[list[int]]:
    """Identifiers by channel and frame."""
    if "number" in array.dims:
        array = array.isel(number=0)
    found = []
    for name, values in _by_channel(array):
        span = ranges[name]["field"] or [0.0, 1.0]
        found.append([store.add(quantised(v, span, str(array.name))) for v in values])
    return found


def _by_channel(array: xr.DataArray) -> Iterator[tuple[str, np.ndarray]]:
    """Name and values of each channel, frame by frame, in units that people read."""
    order = ["frame", *(["number"] if "number" in array.dims else []), "latitude", "longitude"]
    for k, name in enumerate(array["channel"].values):
        factor = display_unit(split_channel(str(name))[0])[0]
        values = array.isel(channel=k).transpose(*order).values.astype("float64")
        yield str(name), values * factor


def _method(one: MapSet, part: str, thinning: _Thinning, store: Store) -> dict[str, list]:
    """The fields of a method, or its members, by channel: a range, and pieces by frame."""
    wanted = ("truth", "mean", "spread", *(("members",) if part == "members" else ()))
    maps = thinning(one.maps[[v for v in wanted if v in one.maps]])
    many = "spread" in maps and bool((maps["spread"] > 0).any())  # of one state it is zero
    if part == "members":
        return {"members": _own("members", maps["members"] - maps["mean"], store)} if many else {}
    found = {"error": _own("error", maps["mean"] - maps["truth"], store)}
    return found | ({"spread": _own("spread", maps["spread"], store)} if many else {})


def _own(name: str, array: xr.DataArray, store: Store) -> list[dict[str, object]]:
    found = []
    for _, values in _by_channel(array):
        span = wider(None, values) or [0.0, 1.0]
        pieces = [store.add(quantised(v, span, name)) for v in values]
        found.append({"span": span, "pieces": pieces, "count": array.sizes.get("number", 1)})
    return found


def _start(one: MapSet, times: np.ndarray) -> np.datetime64:
    name = one.choice["window"]
    text = f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}"
    try:
        return np.datetime64(text, "ns")
    except ValueError:
        return times[0]


def _observed(
    one: MapSet, start: np.datetime64, channel: str, store: Store
) -> dict[str, object] | None:
    """Observations of a channel as five rows: lat, lon, value, hour, withheld."""
    if one.observations is None:
        return None
    table, (variable, level) = one.observations, split_channel(channel)
    keep = table["variable"] == variable
    keep &= table["level"].isna() if np.isnan(level) else (table["level"] - level).abs() < 0.5
    part = table[keep]
    part = part.iloc[:: -(-len(part) // OBSERVATIONS) or 1]
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
    packed = np.round(rows).astype("<u2")
    return {"count": len(part), "low": low, "scale": scale, "blob": store.add(packed)}
