"""Tests of the script that downloads a stretch, and of the one that reads it."""

import logging

import numpy as np

from bench.loopback import fields, served, write_store
from galerne.archives import WEATHERBENCH2
from galerne.products import open_product
from galerne.source.transport import Patience
from workflow.scripts.fetch_period import fetch_period
from workflow.scripts.fetch_stretch import fetch_stretch

STORE = "64x32_equiangular_conservative"
SELECTION = {
    "surface": ["2m_temperature"],
    "pressure": [],
    "levels": [],
    "step_hours": 6,
}


def test_stretches_become_a_product(tmp_path, caplog) -> None:
    about = WEATHERBENCH2[STORE]
    held = fields("2001-01-01", 240, variables=("2m_temperature",))
    write_store(tmp_path / "buckets" / about.bucket / about.path, held, chunk=100)
    stretches = {"200101": ("2001-01-01", "2001-01-31T18"), "x": ("2001-02-01", "2001-02-20")}
    paths = [tmp_path / f"resources/era5/0123456789ab/{name}.json" for name in stretches]
    with served(tmp_path / "buckets") as url, caplog.at_level(logging.INFO):
        for path, (start, end) in zip(paths, stretches.values(), strict=True):
            fetch_stretch(
                path,
                source={"kind": "weatherbench2", "store": STORE, "endpoint": url},
                selection=SELECTION | {"start": start, "end": end},
                patience=Patience(seconds=20.0),
            )
    assert "200101.json: 11 pieces" in caplog.text
    product = tmp_path / "source/manifest.json"
    selection = SELECTION | {"start": "2001-01-02", "end": "2001-02-19T18"}
    fetch_period(product, paths, source={"kind": "mirror"}, selection=selection)
    found = open_product(product)
    wanted = held["2m_temperature"].sel(time=slice("2001-01-02", "2001-02-19T18"))
    assert np.array_equal(found["2m_temperature"], wanted)
