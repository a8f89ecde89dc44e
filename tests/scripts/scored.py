"""Two windows of two members whose scores are known, and their scores by script."""

from pathlib import Path

import numpy as np
import pandas as pd

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.observe.table import write_observations
from galerne.products import write_product
from workflow.scripts.score_members import score_members

STATE = {
    "surface": ["mean_sea_level_pressure"],
    "pressure": ["temperature", "geopotential"],
    "levels": [500, 850],
}
CHOICE = dict(dataset="d", autoencoder="a", prior="p", network="n", method="m", task="t")
WINDOWS = ["20010101T00_12h", "20010103T00_12h"]
HOURS = np.timedelta64(6, "h")
COORDS = {
    "time": np.datetime64("2001-01-01", "ns") + np.arange(12) * HOURS,
    "latitude": 90 - (np.arange(8) + 0.5) * 22.5,
    "longitude": np.arange(16) * 22.5,
}
JUDGED = {
    "crps": "fair",
    "missing_members": "error",
    "thresholds": {"temperature_850": [280.0]},
    "distances_km": [1000.0],
    "density_degrees": 1.0,
}
TABLES = ("statistics", "ranks", "events", "consistency", "spectra", "balance")


def write(path: Path, values: np.ndarray, **coords: np.ndarray) -> Path:
    coords = {name: coords.get(name, COORDS.get(name)) for name in (*coords, *COORDS)}
    labelled = unstack_channels(values.astype("float32"), channels(**STATE), coords)
    write_product(labelled, path)
    return path


def make_products(folder: Path) -> dict[str, list[Path]]:
    """Members are the truth plus 1 K (or Pa) and minus 3 K, in two batches."""
    rng = np.random.default_rng(0)
    truth = 280 + rng.normal(size=(12, 5, 8, 16))
    made = {"truth": [write(folder / "truth/manifest.json", truth)] * 2}
    made |= {"members": [], "observations": [], "climatology": []}
    for window, first in zip(WINDOWS, (0, 8), strict=True):
        times = COORDS["time"][first : first + 3]
        place = folder / window
        for number, error in enumerate((1.0, -3.0)):
            path = place / f"members_00{number}-00{number}" / "manifest.json"
            values = truth[None, first : first + 3] + error
            made["members"].append(write(path, values, number=np.array([number]), time=times))
        normal = np.full((1, 3, 5, 8, 16), 280.0)
        one = {"number": np.zeros(1, int), "time": times}
        made["climatology"].append(write(place / "normal" / "manifest.json", normal, **one))
        seen = pd.DataFrame(
            {
                "time": np.repeat(times, 40),
                "lat": COORDS["latitude"][2],
                "lon": COORDS["longitude"][5],
                "level": np.nan,
                "variable": "mean_sea_level_pressure",
                "observation": np.repeat(truth[first : first + 3, 0, 2, 5], 40),
                "error": 0.5,
                "platform": "land",
                "station": "s",
                "withheld": np.arange(120) % 4 == 0,
            }
        )
        made["observations"].append(place / "observations.parquet")
        write_observations(seen, made["observations"][-1])
    return made


def score(
    products: dict[str, list[Path]], folder: Path, task: dict, **others: object
) -> dict[str, Path]:
    """Scores the members, and returns where the tables lie."""
    paths = {name: folder / f"{name}.parquet" for name in TABLES}
    paths["scores"] = folder / "scores.csv"
    settings = {"windows": WINDOWS, "choice": CHOICE, "judged": JUDGED} | others
    members = settings.pop("members", products["members"])
    score_members(
        products["truth"],
        products["climatology"],
        products["observations"],
        members,
        paths,
        task=task,
        state=STATE,
        seed=0,
        **settings,
    )
    return paths
