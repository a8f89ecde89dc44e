"""ERA5 from the Copernicus climate data store, file by file.

A stretch is asked for in requests of one collection (single levels, or pressure levels) and
at most one month. A request is split by its variables to stay within the number of fields that
the store takes (ERA5 on pressure levels is limited to 60,000 on its own page; less for netCDF,
which it has to convert), and once more wherever the store answers that it is too large. It is
then queued, which may take hours. Its number is kept beside the file to come, so work that was
cut waits for the same request, and does not queue again.

The address and the key stand in ``~/.cdsapirc``, or in the environment (``CDSAPI_URL``,
``CDSAPI_KEY``): they are read by the client alone, and taken out of every message.

References:
    | How to use the API of the climate data store
    | https://cds.climate.copernicus.eu/how-to-api
"""

__all__ = ["Request", "fetch_files", "requests_for"]

import hashlib
import logging
import time
import warnings

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cdsapi
import eccodes
import numpy as np
import requests
import xarray as xr

from ecmwf import datastores

from ..archives import COLLECTIONS
from ..jobs import interrupt
from ..products import replacing
from ..provenance import settings_digest
from .mirror import Piece, locked
from .pace import Pace
from .selection import Selection
from .transport import Patience

log = logging.getLogger(__name__)
FIELDS = {"grib": 60_000, "netcdf": 10_000}  # most of a request
SUFFIX = {"grib": "grib", "netcdf": "nc"}
TOO_LARGE = ("cost limits exceeded", "too large")
ERA5_DEGREES = 0.25
STATIC = ("geopotential", "land_sea_mask")  # of single levels, at any time
STATIC_TIME = np.datetime64("2020-01-01T00", "h")
Body = dict[str, object]


@dataclass(frozen=True)
class Request:
    """A request: variables of one collection, at hours of days of one month.

    Arguments:
        collection: ``surface`` or ``pressure``.
        variables: Names of variables.
        levels: Pressure levels [hPa].
        month: The month.
        days: Days of the month.
        hours: Hours of the day (UTC).
        data_format: ``grib`` or ``netcdf``.
        grid_degrees: Spacing of the grid.
    """

    collection: str
    variables: tuple[str, ...]
    levels: tuple[int, ...]
    month: str
    days: tuple[int, ...]
    hours: tuple[int, ...]
    data_format: str
    grid_degrees: float | int

    @property
    def fields(self) -> int:
        """Number of fields."""
        return len(self.variables) * max(len(self.levels), 1) * self.times

    @property
    def times(self) -> int:
        """Number of times."""
        return len(self.days) * len(self.hours)

    @property
    def body(self) -> Body:
        """What is sent."""
        year, month = self.month.split("-")
        body: Body = {
            "product_type": ["reanalysis"],
            "variable": list(self.variables),
            "year": [year],
            "month": [month],
            "day": [f"{day:02d}" for day in self.days],
            "time": [f"{hour:02d}:00" for hour in self.hours],
            "data_format": self.data_format,
            "download_format": "unarchived",
        }
        if self.levels:
            body["pressure_level"] = [str(level) for level in self.levels]
        if self.grid_degrees != ERA5_DEGREES:
            body["grid"] = f"{self.grid_degrees}/{self.grid_degrees}"
        return body

    @property
    def file(self) -> str:
        """The name of its file."""
        name = settings_digest(COLLECTIONS[self.collection], self.body)
        return f"{self.collection}_{self.month}_{name}.{SUFFIX[self.data_format]}"

    def halves(self) -> "list[Request]":
        """Two requests for the same; nothing where it cannot be split."""
        for key in ("variables", "days", "levels", "hours"):
            whole = getattr(self, key)
            if len(whole) > 1:
                middle = len(whole) // 2
                return [replace(self, **{key: part}) for part in (whole[:middle], whole[middle:])]
        return []


def requests_for(
    selection: Selection, *, data_format: str, grid_degrees: float | int
) -> list[Request]:
    """Returns the requests that hold a selection, and the static fields.

    Arguments:
        selection: Variables, levels and times.
        data_format: ``grib`` or ``netcdf``.
        grid_degrees: Spacing of the grid that the store interpolates to; 0.25 is ERA5's own.
    """
    times = selection.times.astype("datetime64[h]")
    days = times.astype("datetime64[D]")
    hours = tuple(sorted({int(n) for n in (times - days).astype(int)}))
    month = str(STATIC_TIME.astype("datetime64[M]"))
    form = {"data_format": data_format, "grid_degrees": grid_degrees}
    found = [Request("surface", STATIC, (), month, (1,), (0,), **form)]
    groups = {"surface": selection.surface, "pressure": selection.pressure}
    for month in np.unique(times.astype("datetime64[M]")):
        own = np.unique(days[times.astype("datetime64[M]") == month])
        numbers = tuple((own - month.astype("datetime64[D]")).astype(int) + 1)
        for group, names in groups.items():
            levels = tuple(sorted(selection.levels)) if group == "pressure" else ()
            if names:
                wanted = (tuple(sorted(names)), levels, str(month), tuple(map(int, numbers)))
                found += _within(Request(group, *wanted, hours, **form))
    return found


def fetch_files(
    what: str,
    wanted: list[Request],
    folder: Path,
    *,
    endpoint: str | None,
    patience: Patience,
) -> dict[str, tuple[Request, Piece]]:
    """Fetches the files of requests that are not there yet, one after the other.

    Arguments:
        what: What they are, for messages.
        wanted: The requests.
        folder: Where the files go.
        endpoint: The address of the store; ``None`` for what the client's own file says.
        patience: How long the store is waited for, apart from its queue.

    Returns:
        Every file by its name, with the request that made it: those that were wanted, or the
        parts that the store had them split into.

    Raises:
        PermissionError: If there is no key, or the store refuses it, or a licence was not
            accepted: with what the store says.
        ConnectionError: If the store is not to be reached while patience lasts.
        RuntimeError: If it refuses or fails at a request: with what it says.
        OSError: If the disk is full.
        Interrupted: If a stop was asked for; the request stays in the queue.
    """
    found: dict[str, tuple[Request, Piece]] = {}
    todo, client = list(wanted), None
    with Pace(what, len(todo)) as pace:
        while todo:
            request = todo.pop(0)
            path = folder / request.file
            with locked(folder, request.file):
                there = _sound(path, request) is None
                if not there:
                    client = client or _client(endpoint, patience)
                    there = _fetch(client, request, path)
                if not there:
                    parts = request.halves()
                    log.info("%s is too large: asked for in %d parts", request.file, len(parts))
                    todo, pace.total = parts + todo, pace.total + len(parts) - 1
                    continue
            found[request.file] = request, Piece.of_file(path)
            pace.add(path.stat().st_size, fetched=client is not None)
    return found


def _within(request: Request) -> list[Request]:
    """A request, split until it is within what the store takes."""
    if request.fields <= FIELDS[request.data_format] or not request.halves():
        return [request]
    return [part for half in request.halves() for part in _within(half)]


def _client(endpoint: str | None, patience: Patience) -> cdsapi.Client:
    pause = min(patience.seconds / 5, 60.0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of what comes up again
            client = cdsapi.Client(
                url=endpoint,
                quiet=True,
                progress=False,
                timeout=patience.stall_seconds,
                retry_max=5,
                sleep_max=pause,
                wait_until_complete=False,
                info_callback=log.info,
                debug_callback=_say_nothing,  # the client would tell its key
            )
    except Exception as error:
        if "configuration file" not in str(error):
            raise
        raise PermissionError(
            "no credentials for the climate data store: write its address and your key into "
            "~/.cdsapirc, or into CDSAPI_URL and CDSAPI_KEY of the environment; "
            "https://cds.climate.copernicus.eu/how-to-api shows how"
        ) from None
    if not hasattr(client, "client"):
        raise PermissionError(
            "the key for the climate data store is of the old form, number:key; "
            "https://cds.climate.copernicus.eu/how-to-api shows the new one"
        )
    return client


def _say_nothing(*words: object, **more: object) -> None:
    pass


def _fetch(client: cdsapi.Client, request: Request, path: Path) -> bool:
    """Has a request worked on, and its file put in place; false if it is too large."""
    note = path.with_name(f".{path.name}.request")
    with _clearly(client, request) as large:
        remote = _queued(client, request, note)
        _wait(remote, request)
        results = remote.get_results()
        with replacing(path) as part:
            results.download(str(part))
            _check(results, part, request)
        note.unlink(missing_ok=True)
        return True
    note.unlink(missing_ok=True)
    if not request.halves():
        raise RuntimeError(f"the climate data store refuses {request.file}: {large[0]}")
    return False


@contextmanager
def _clearly(client: cdsapi.Client, request: Request) -> Iterator[list[str]]:
    """Turns what the client raises into what happened; notes that a request is too large."""
    collection = COLLECTIONS[request.collection]
    large: list[str] = []

    def words(error: Exception) -> str:
        return str(error).replace(client.key, "***")

    try:
        yield large
    except requests.HTTPError as error:
        status = getattr(error.response, "status_code", 0)
        if any(sign in str(error) for sign in TOO_LARGE):
            large.append(words(error))
            return
        if status in (401, 403):
            raise PermissionError(f"{collection}: {words(error)}") from None
        kind = ConnectionError if status >= 500 else RuntimeError
        raise kind(f"{collection}: {words(error)}") from None
    except (datastores.processing.ProcessingFailedError, datastores.processing.DownloadError) as e:
        if any(sign in str(e) for sign in TOO_LARGE):
            large.append(words(e))
            return
        raise RuntimeError(f"{collection}, {request.file}: {words(e)}") from None
    except requests.RequestException as error:
        raise ConnectionError(f"{client.url}, {collection}: {words(error)}") from None


def _queued(client: cdsapi.Client, request: Request, note: Path) -> datastores.Remote:
    """The request in the queue: from an earlier attempt, or submitted now."""
    if note.is_file():
        try:
            return client.client.get_remote(note.read_text())
        except requests.HTTPError as error:
            if getattr(error.response, "status_code", 0) != 404:
                raise
            log.info("the store has forgotten %s: asked for again", request.file)
    remote = client.client.submit(COLLECTIONS[request.collection], request.body)
    with replacing(note) as part:
        part.write_text(remote.request_id)
    return remote


def _wait(remote: datastores.Remote, request: Request, pause: float = 1.0) -> None:
    """Waits for a request in the queue, however long."""
    while not remote.results_ready:
        end = time.monotonic() + pause
        while time.monotonic() < end:
            if interrupt.requested():
                where = f"{request.file} waits in the queue of the climate data store"
                raise interrupt.Interrupted(where, advanced=True)
            time.sleep(min(0.5, pause))
        pause = min(1.5 * pause, remote.sleep_max)


def _check(results: datastores.Results, part: Path, request: Request) -> None:
    """Refuses a file that is not what the store announced, or not what was asked for."""
    expected = results.asset.get("file:checksum")
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "md5").hexdigest()
    if expected and len(expected) == len(digest) and digest != expected:
        raise datastores.processing.DownloadError(
            f"the MD5 digest of what came is {digest}, not {expected}"
        )
    if (fault := _sound(part, request)) is not None:
        raise datastores.processing.DownloadError(fault)


def _sound(path: Path, request: Request) -> str | None:
    """Says why a file is not what was asked for; ``None`` if it is."""
    if not path.is_file():
        return "it is not there"
    count: Callable[[Path], int] = _messages if request.data_format == "grib" else _slices
    try:
        found = count(path)
    except (eccodes.CodesInternalError, OSError, ValueError) as error:
        return f"it cannot be read ({type(error).__name__}: {error})"
    if found != request.fields:
        return f"it holds {found} fields, and {request.fields} were asked for"
    return None


def _messages(path: Path) -> int:
    """The number of whole messages of a GRIB file."""
    with path.open("rb") as file:
        found = 0
        while (message := eccodes.codes_grib_new_from_file(file)) is not None:
            eccodes.codes_release(message)
            found += 1
    return found


def _slices(path: Path) -> int:
    """The number of fields of a netCDF file."""
    with xr.open_dataset(path, engine="netcdf4") as dataset:
        return sum(
            int(np.prod([n for d, n in a.sizes.items() if d not in ("latitude", "longitude")]))
            for a in dataset.data_vars.values()
            if "latitude" in a.dims
        )
