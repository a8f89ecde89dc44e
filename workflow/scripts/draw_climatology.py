"""Write the climatology of a window as an ensemble of one member."""

from pathlib import Path

import numpy as np

from galerne.arrays import unstack_channels
from galerne.jobs.job import Job
from galerne.observe.window import window_times
from galerne.products import write_product
from galerne.stats.transform import Transform


def draw_climatology(
    path_climatology: Path, path_ensemble: Path, *, window: str, step_hours: int
) -> None:
    """Evaluate the climatology at the states of the window [unit of each variable]."""
    transform = Transform.open(path_climatology)
    times = window_times(window, step_hours)
    coords = {
        "number": np.zeros(1, dtype=int),
        "time": times,
        "latitude": transform.latitude,
        "longitude": transform.longitude,
    }
    values = transform.climatology(times)[None]
    write_product(unstack_channels(values, transform.channels, coords), path_ensemble)


if __name__ == "__main__":
    Job(snakemake).run(
        draw_climatology,
        path_climatology=Path(snakemake.input.climatology),
        path_ensemble=Path(snakemake.output.ensemble),
        window=snakemake.wildcards.window,
        step_hours=snakemake.params.step_hours,
    )
