"""A store in WeatherBench 2's layout, served on loopback."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.loopback import Counter, fields, served, write_store
from galerne.archives import WEATHERBENCH2
from galerne.source.selection import Selection
from galerne.source.transport import Patience

STORE = "64x32_equiangular_conservative"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A store of 72 days in chunks of 4 times, below the root of a server."""
    root = tmp_path_factory.mktemp("buckets")
    dataset = fields(
        "2020-01-01", 288, variables=("2m_temperature", "temperature", "geopotential")
    )
    about = WEATHERBENCH2[STORE]
    path = root / about.bucket / about.path
    write_store(path, dataset, chunk=4)
    return SimpleNamespace(
        root=root, path=path, fields=dataset, prefix=f"/{about.bucket}/{about.path}/"
    )


@pytest.fixture
def loopback(small: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """That store on a server of its own, and what the server is asked for."""
    counter = Counter()
    with served(small.root, counter) as url:
        yield SimpleNamespace(url=url, counter=counter, **vars(small))


@pytest.fixture
def february() -> Selection:
    """What is asked of the store: a month of two variables."""
    return Selection(
        ("2m_temperature",), ("temperature",), (850, 500), "2020-02-01", "2020-02-29T18:00", 6
    )


@pytest.fixture
def hasty() -> Patience:
    """Little of it, for tests."""
    return Patience(connections=8, stall_seconds=0.5, seconds=30)


def origin(url: str) -> dict[str, str | None]:
    """The source of a download, as the workflow gives it."""
    return {"kind": "weatherbench2", "store": STORE, "endpoint": url}


@pytest.fixture
def tree() -> object:
    """Reads every file below a folder, but for locks."""

    def read(folder: Path) -> dict[str, bytes]:
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in files
            if path.suffix != ".lock"
        }

    return read
