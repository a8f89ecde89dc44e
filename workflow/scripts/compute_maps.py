"""Gather the fields of one window that the report draws."""

import logging

from pathlib import Path

import numpy as np

from galerne.arrays import stack_channels
from galerne.catalogue import channels
from galerne.evaluate.ensemble import lead_hours, read_members
from galerne.evaluate.maps import map_fields
from galerne.jobs.job import Job
from galerne.observe.task import cutoffs
from galerne.observe.window import select_window
from galerne.products import open_product, write_product

log = logging.getLogger(__name__)


def compute_maps(
    path_truth: Path,
    path_climatology: Path,
    paths_prior: list[Path],
    paths_members: list[Path],
    path_maps: Path,
    *,
    window: str,
    task: dict,
    state: dict[str, list],
    maps: list[str],
    kept: int,
) -> None:
    """Cut truth, climatology, members and a sample of the prior, if any, to the same states."""
    chosen = [channel for channel in channels(**state) if str(channel) in maps]
    fields = select_window(open_product(path_truth), window)
    asked = cutoffs(task["kind"], fields["time"].values, task.get("now_hours", ()))
    times = [time for cutoff in asked for time in cutoff.valid]

    def frames(*paths: Path) -> np.ndarray:
        return np.concatenate([read_members(paths, one, chosen) for one in asked], axis=1)

    dataset = map_fields(
        frames(*paths_members),
        stack_channels(fields.sel(time=times), chosen),
        frames(path_climatology)[0],
        frames(*paths_prior)[0] if paths_prior else None,
        channels=chosen,
        times=np.array(times),
        leads=np.concatenate([lead_hours(one) for one in asked]),
        latitude=fields["latitude"].values,
        longitude=fields["longitude"].values,
        kept=kept,
    )
    if "land_sea_mask" in fields:
        dataset["land_sea_mask"] = fields["land_sea_mask"].drop_encoding().load()
    write_product(dataset, path_maps)
    log.info("%d channels, %d frames", len(chosen), len(times))


if __name__ == "__main__":
    Job(snakemake).run(
        compute_maps,
        path_truth=Path(snakemake.input.truth),
        path_climatology=Path(snakemake.input.climatology),
        paths_prior=[Path(path) for path in snakemake.input.prior],
        paths_members=[Path(path) for path in snakemake.input.members],
        path_maps=Path(snakemake.output.maps),
        window=snakemake.wildcards.window,
        task=snakemake.params.task,
        state=snakemake.params.state,
        maps=snakemake.params.maps,
        kept=snakemake.params.kept,
    )
