"""A climate data store on loopback: it speaks the protocol of the real one.

Paths and documents follow the client that is used (ecmwf-datastores-client); the files are what
the real store makes: GRIB with ERA5's parameters, or netCDF with names of its own.
"""

import hashlib
import json

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import eccodes
import numpy as np
import xarray as xr

from bench.loopback import _Handler, _running

KEY = "hunter2-0123-4567"
PARAMETERS = {  # of GRIB edition 1, table 128
    "2m_temperature": ("t2m", 167), "mean_sea_level_pressure": ("msl", 151),
    "geopotential": ("z", 129), "temperature": ("t", 130), "land_sea_mask": ("lsm", 172),
}  # fmt: skip
ROWS, COLUMNS = 5, 8
LICENCE = {
    "type": "permission denied",
    "title": "required licences not accepted",
    "status": 403,
    "detail": "required licences not accepted; please visit https://cds.climate.copernicus.eu/"
    "datasets/reanalysis-era5-single-levels?tab=download#manage-licences to accept the licence",
}


@dataclass
class Store:
    """What the store does, and what it was asked.

    Arguments:
        limit: Most fields of a request.
        licensed: Whether the licence was accepted.
        polls: How often a request is still in the queue when it is asked for.
        broken: How many downloads break off.
        preliminary: The first day that is ERA5T.
    """

    limit: int = 10**6
    licensed: bool = True
    polls: int = 1
    broken: int = 0
    preliminary: str = "9999-12-31"
    submitted: list[dict[str, object]] = field(default_factory=list)
    jobs: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


def value(name: str, time: np.datetime64, level: int = 0) -> np.ndarray:
    """A field of the store: rows north to south."""
    hours = time.astype("datetime64[h]").astype(int) % 1000
    base = {"2m_temperature": 280, "mean_sea_level_pressure": 1e5, "geopotential": 2e4}
    noise = np.random.default_rng(hours + level).uniform(0, 10, (ROWS, COLUMNS))
    return np.float32(base.get(name, 250) + noise) if name != "land_sea_mask" else noise / 10


def times_of(body: dict[str, list[str]]) -> list[np.datetime64]:
    """Every time of a request."""
    (year,), (month,) = body["year"], body["month"]
    return [
        np.datetime64(f"{year}-{month}-{day}T{hour}")
        for day in body["day"]
        for hour in body["time"]
    ]


def grib(body: dict[str, list[str]], preliminary: str) -> bytes:
    """The messages of a request."""
    parts = []
    for time in times_of(body):
        day = str(time)[:10]
        for level in map(int, body.get("pressure_level", [0])):
            for name in body["variable"]:
                one = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib1")
                keys = {
                    "centre": 98, "table2Version": 128,
                    "indicatorOfParameter": PARAMETERS[name][1],
                    "experimentVersionNumber": "0005" if day >= preliminary else "0001",
                    "Ni": COLUMNS, "Nj": ROWS, "latitudeOfFirstGridPointInDegrees": 90,
                    "latitudeOfLastGridPointInDegrees": -90,
                    "longitudeOfLastGridPointInDegrees": 360 - 360 / COLUMNS,
                    "iDirectionIncrementInDegrees": 360 / COLUMNS,
                    "jDirectionIncrementInDegrees": 45,
                    "dataDate": int(day.replace("-", "")), "dataTime": int(str(time)[11:13]) * 100,
                    "indicatorOfTypeOfLevel": 100 if level else 1, "level": level,
                }  # fmt: skip
                for key, setting in keys.items():
                    eccodes.codes_set(one, key, setting)
                eccodes.codes_set(one, "bitsPerValue", 24)
                eccodes.codes_set_values(one, value(name, time, level).ravel().astype(float))
                parts.append(eccodes.codes_get_message(one))
                eccodes.codes_release(one)
    return b"".join(parts)


def netcdf(body: dict[str, list[str]], preliminary: str, path: Path) -> bytes:
    """The netCDF file of a request."""
    times, levels = times_of(body), list(map(int, body.get("pressure_level", [])))
    coords = {
        "valid_time": np.array(times, "datetime64[ns]"),
        "latitude": np.linspace(90, -90, ROWS),
        "longitude": np.arange(COLUMNS) * 45.0,
        "number": 0,
        "expver": (
            "valid_time",
            ["0005" if str(t)[:10] >= preliminary else "0001" for t in times],
        ),
    }
    grid = ("latitude", "longitude")
    held = {}
    for name in body["variable"]:
        if levels:
            values = np.stack([[value(name, t, n) for n in levels] for t in times])
            held[PARAMETERS[name][0]] = (("valid_time", "pressure_level", *grid), values)
            coords["pressure_level"] = np.array(levels, float)
        else:
            values = np.stack([value(name, t) for t in times])
            held[PARAMETERS[name][0]] = (("valid_time", *grid), values)
    xr.Dataset(held, coords).to_netcdf(path)
    return path.read_bytes()


@contextmanager
def climate_data_store(store: Store, folder: Path) -> Iterator[str]:
    """Serves a store; yields its address."""

    class Handler(_Handler):
        def _json(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self._send(status, {"Content-Type": "application/json"}, body)

        def _refused(self) -> bool:
            if self.headers.get("PRIVATE-TOKEN") == KEY:
                return False
            self._json(
                401, {"title": "unauthorized", "status": 401, "detail": "operation not allowed"}
            )
            return True

        def do_POST(self) -> None:  # noqa: N802
            store.asked.append(f"POST {self.path}")
            inputs = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
            if self._refused():
                return
            if not store.licensed:
                self._json(403, LICENCE)
                return
            levels = len(inputs.get("pressure_level", [0]))
            if len(inputs["variable"]) * levels * len(times_of(inputs)) > store.limit:
                detail = "Your request is too large, please reduce your selection."
                self._json(403, {"title": "cost limits exceeded", "status": 403, "detail": detail})
                return
            name = self.path.split("/")[-2]
            store.submitted.append({"collection": name, "body": inputs})
            number = f"job-{len(store.jobs)}"
            store.jobs[number] = {"inputs": inputs, "polls": store.polls, "collection": name}
            self._json(201, self._job(number))

        def _job(self, number: str) -> dict[str, object]:
            job = store.jobs[number]
            done = job["polls"] <= 0
            job["polls"] -= 1
            here = f"http://{self.headers['Host']}/api/retrieve/v1/jobs/{number}"
            return {
                "jobID": number,
                "processID": job["collection"],
                "status": "successful" if done else "running",
                "metadata": {},
                "links": [
                    {"rel": "self", "href": here},
                    {"rel": "monitor", "href": here},
                    {"rel": "results", "href": f"{here}/results"},
                ],
            }

        def do_GET(self) -> None:  # noqa: N802
            path = self.path.partition("?")[0]
            store.asked.append(f"GET {path}")
            parts = path.strip("/").split("/")
            if parts[0] == "files":
                self._file(parts[1])
            elif "messages" in parts:
                self._json(200, {"messages": []})
            elif self._refused():
                return
            elif parts[-2] == "processes":
                self._json(200, {"id": parts[-1], "links": []})
            elif parts[-2] == "jobs" and parts[-1] in store.jobs:
                self._json(200, self._job(parts[-1]))
            elif parts[-1] == "results":
                self._json(200, {"asset": {"value": self._made(parts[-2])}})
            else:
                self._json(404, {"title": "job not found", "status": 404, "detail": parts[-1]})

        do_HEAD = do_GET  # noqa: N815

        def _made(self, number: str) -> dict[str, object]:
            body = store.jobs[number]["inputs"]
            path = folder / f"{number}.nc"
            if body["data_format"] == "grib":
                path = path.with_suffix(".grib")
                path.write_bytes(grib(body, store.preliminary))
            else:
                netcdf(body, store.preliminary, path)
            data = path.read_bytes()
            return {
                "type": "application/octet-stream",
                "href": f"http://{self.headers['Host']}/files/{path.name}",
                "file:size": len(data),
                "file:checksum": hashlib.md5(data).hexdigest(),
            }

        def _file(self, name: str) -> None:
            data = (folder / name).read_bytes()
            if self.command == "GET" and store.broken:
                store.broken -= 1
                data = data[:-7] + b"spoiled"
            self._send(200, {"Content-Type": "application/octet-stream"}, data)

    folder.mkdir(parents=True, exist_ok=True)
    with _running(Handler) as url:
        yield f"{url}/api"
