"""Files that would run code where something less careful read them: refused, nothing is run."""

import json
import os
import pickle
import re

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import cfgrib
import eccodes
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import xarray as xr

from galerne.latent.autoencoder import Autoencoder
from galerne.nn.checkpoint import load_module
from galerne.nn.progress import load_state
from galerne.observe.network import read_sites
from galerne.observe.table import COLUMNS, SCHEMA, read_observations
from galerne.products import STORE, open_product, write_product
from galerne.source.archive import open_archive
from galerne.source.selection import Selection
from galerne.source.spinup import read_arrays

SELECTION = Selection(("mean_sea_level_pressure",), (), (), "2001-01-01", "2001-01-02", 6)


class Trap:
    """Makes a file as soon as it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.path}'",)


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    """A trap that is empty at the end, and that works."""
    made = Trap(tmp_path / "sprung")
    yield made
    assert not made.path.exists()
    pickle.loads(pickle.dumps(made))
    assert made.path.exists()


def fields(trap: Trap | None = None) -> xr.Dataset:
    """One day of pressure on a coarse grid."""
    time = np.arange("2001-01-01", "2001-01-03", np.timedelta64(6, "h"), "datetime64[ns]")[:5]
    lat, lon = np.linspace(90, -90, 7), np.arange(0, 360, 45.0)
    values = np.full((5, 7, 8), 101_325.0, "float32")
    pressure = ("time", "latitude", "longitude"), values, {"units": "Pa"}
    coords = {"time": time, "latitude": lat, "longitude": lon}
    return xr.Dataset({"mean_sea_level_pressure": pressure}, coords)


READERS: dict[str, Callable[[Path], object]] = {
    "model": lambda path: load_module(Autoencoder, path),
    "progress": load_state,
    "observations": read_observations,
    "sites": read_sites,
    "archive": lambda path: open_archive(SELECTION, path=path),
    "spin-up": lambda path: read_arrays(path, [np.zeros(3)]) or no_state(),
}
NAMES = {
    "model": ["model.safetensors"],
    "progress": ["step_00000001.pt"],
    "observations": ["observations.parquet"],
    "sites": ["sites.csv", "sites.bufr"],
    "archive": ["a.nc", "a.h5", "a.grib"],
    "spin-up": ["state.npz"],
}
CASES = [(kind, name) for kind, names in NAMES.items() for name in names]


def no_state() -> None:
    raise ValueError("state.npz: none")


@pytest.mark.parametrize(("kind", "name"), CASES)
@pytest.mark.parametrize("form", ["pickle", "torch", "numpy"])
def test_a_pickle_in_the_place_of_a_file_is_refused(
    kind: str, name: str, form: str, trap: Trap, tmp_path: Path
) -> None:
    path = tmp_path / name
    if form == "pickle":
        path.write_bytes(pickle.dumps(trap))
    elif form == "torch":
        torch.save({"model": trap}, path)
    else:
        with path.open("wb") as file:
            np.savez(file, array_0000=np.array([trap], dtype=object))
    with pytest.raises((ValueError, OSError), match=re.escape(name)):
        READERS[kind](path)


def test_a_pickle_in_a_column_of_a_table_stays_bytes(trap: Trap, tmp_path: Path) -> None:
    """Older Arrow unpickled the type of such a column as it opened the file."""
    about = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(trap),
    }
    pickled = pa.field("observation", pa.float64(), metadata=about)
    schema = pa.schema(
        [pickled if name == "observation" else SCHEMA.field(name) for name in COLUMNS]
    )
    row = {
        "time": datetime(2004, 1, 14), "lat": 1.0, "lon": 2.0, "level": None, "observation": 280.0,
        "error": 1.0, "variable": "2m_temperature", "platform": "stations", "station": "a",
        "withheld": False,
    }  # fmt: skip
    rows = {name: pa.array([row[name]], schema.field(name).type) for name in COLUMNS}
    table = pa.table(rows, schema).replace_schema_metadata({"pandas": pickle.dumps(trap)})
    pq.write_table(table, tmp_path / "observations.parquet")
    assert len(read_observations(tmp_path / "observations.parquet")) == 1


PICKLE = {"id": "pickle", "protocol": 5}
CODECS = {
    "filter": {"dtype": "|O", "filters": [PICKLE], "compressor": None, "fill_value": None},
    "compressor": {"filters": None, "compressor": PICKLE},
    "second filter": {
        "dtype": "|O",
        "filters": [{"id": "vlen-utf8"}, PICKLE],
        "compressor": None,
        "fill_value": "",
    },
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("variable", ["latitude", "mean_sea_level_pressure"])
def test_an_archive_whose_chunks_are_pickled_is_refused(
    variable: str, codec: str, trap: Trap, tmp_path: Path
) -> None:
    store = tmp_path / "a.zarr"
    fields().to_zarr(store, zarr_format=2, consolidated=False)
    about = store / variable / ".zarray"
    about.write_text(json.dumps(json.loads(about.read_text()) | CODECS[codec]))
    for chunk in (store / variable).glob("[0-9]*"):
        chunk.write_bytes(pickle.dumps(trap))
    with pytest.raises((ValueError, RuntimeError), match=r"(?i)pickle|no Zarr data type"):
        open_archive(SELECTION, path=store).load()


@pytest.mark.parametrize("name", ["numcodecs.pickle", "pickle"])
def test_a_product_whose_chunks_are_pickled_is_refused(
    name: str, trap: Trap, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    write_product(fields(), manifest)
    about = tmp_path / STORE / "mean_sea_level_pressure/zarr.json"
    text = json.loads(about.read_text())
    text["codecs"] = [*text["codecs"][:1], {"name": name, "configuration": {}}]
    about.write_text(json.dumps(text))
    for chunk in (tmp_path / STORE / "mean_sea_level_pressure/c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(pickle.dumps(trap))
    with pytest.raises(Exception, match="Unknown codec"):
        open_product(manifest).load()


def test_attributes_of_a_product_are_text(trap: Trap, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    text = {"py/reduce": [{"py/type": "os.system"}, {"py/tuple": [f"touch {trap.path}"]}]}
    hidden = fields().assign_attrs(history=pickle.dumps(trap, 0).decode("latin1"), object=text)
    write_product(hidden, manifest)
    assert open_product(manifest).load().attrs["object"] == text


def write_grib(path: Path) -> None:
    """One field of pressure on 2001-01-01, from eccodes' own sample."""
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib1")
    for key, value in {"dataDate": 20010101, "dataTime": 0, "shortName": "msl"}.items():
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set_values(handle, np.full(eccodes.codes_get_size(handle, "values"), 101_325.0))
    with path.open("wb") as file:
        eccodes.codes_write(handle, file)
    eccodes.codes_release(handle)


def test_an_index_beside_a_grib_file_is_not_read(trap: Trap, tmp_path: Path) -> None:
    """Indexes of cfgrib are pickles, and it looks for them beside the data."""
    path = tmp_path / "a.grib"
    write_grib(path)
    cfgrib.open_datasets(str(path))
    indexes = list(tmp_path.glob("*.idx"))
    assert indexes
    for index in indexes:
        index.write_bytes(pickle.dumps(trap))
    with pytest.raises(ValueError, match=r"a\.grib: the period .* leaves the data"):
        open_archive(SELECTION, path=path).load()
