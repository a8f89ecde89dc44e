"""Simulate what a network would have observed during a window, with its errors."""

import logging

from pathlib import Path

import pandas as pd

from galerne.arrays import stack_channels
from galerne.catalogue import channels
from galerne.jobs.job import Job
from galerne.observe.correlation import block_factors
from galerne.observe.height import as_reported, with_heights
from galerne.observe.instrument import instrument, place_observations
from galerne.observe.noise import perturb_by_platform
from galerne.observe.operator import ObservationOperator
from galerne.observe.table import write_observations
from galerne.observe.window import select_window, window_span
from galerne.products import open_product

log = logging.getLogger(__name__)


def simulate_observations(
    path_truth: Path,
    path_sites: Path,
    path_observations: Path,
    *,
    network: str,
    window: str,
    instruments: dict[str, dict],
    withheld_share: float,
    state: dict[str, list],
    seed: int,
) -> None:
    """Interpolate the truth to every place and time observed, and add errors."""
    made = {
        name: instrument(**{key: value for key, value in settings.items() if key != "sites"})
        for name, settings in instruments.items()
    }
    start, end = window_span(window)
    reading = {"keep_default_na": False, "na_values": {"elevation": ""}}
    sites = pd.read_csv(path_sites, dtype={"station": str}, **reading)
    rows = place_observations(
        made, sites, start=start, end=end, withheld_share=withheld_share, seed=seed
    )
    if rows["withheld"].all():
        log.warning("network %r observes nothing of use during %s", network, window)
    truth = select_window(open_product(path_truth), window)
    operator = ObservationOperator.build(
        rows,
        times=truth["time"].values,
        channels=(order := channels(**state)),
        latitude=truth["latitude"].values,
        longitude=truth["longitude"].values,
    )
    seen = operator.apply(stack_channels(truth, order))
    rows["observation"] = perturb_by_platform(
        seen, rows["error"].to_numpy(), rows["platform"].to_numpy(), seed, block_factors(rows)
    )
    write_observations(as_reported(with_heights(rows, truth)), path_observations)
    for name, own in rows.groupby("platform"):
        log.info("%s: %d observations, %d withheld", name, len(own), own["withheld"].sum())


if __name__ == "__main__":
    Job(snakemake).run(
        simulate_observations,
        path_truth=Path(snakemake.input.truth),
        path_sites=Path(snakemake.input.sites),
        path_observations=Path(snakemake.output.observations),
        network=snakemake.wildcards.network,
        window=snakemake.wildcards.window,
        instruments=snakemake.params.network["instruments"],
        withheld_share=snakemake.params.network["withheld_share"],
        state=snakemake.params.state,
        seed=snakemake.params.seed,
    )
