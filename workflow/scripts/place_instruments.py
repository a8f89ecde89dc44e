"""Place the fixed sites of a network, and choose which are withheld."""

import logging

from pathlib import Path

import pandas as pd

from galerne.jobs.job import Job
from galerne.observe.network import SITE_COLUMNS, place_sites
from galerne.products import replacing

log = logging.getLogger(__name__)


def place_instruments(
    path_sites: Path,
    *,
    instruments: dict[str, dict],
    files: dict[str, str],
    withheld_share: float,
    seed: int,
) -> None:
    """Write one table of the sites of all stations and soundings; a swath has none."""
    found = [pd.DataFrame(columns=SITE_COLUMNS)]
    for platform, settings in instruments.items():
        sites = place_sites(
            platform,
            count=settings["sites"]["count"],
            path=Path(files[platform]) if platform in files else None,
            variables=settings["variables"],
            withheld_share=withheld_share,
            seed=seed,
        )
        log.info("%s: %d sites, %d withheld", platform, len(sites), sites["withheld"].sum())
        found.append(sites)
    table = pd.concat([one for one in found if len(one)] or found)
    with replacing(path_sites) as path:
        table.to_csv(path, index=False, float_format="%.4f")


if __name__ == "__main__":
    Job(snakemake).run(
        place_instruments,
        path_sites=Path(snakemake.output.sites),
        instruments=snakemake.params.instruments,
        files=snakemake.params.files,
        withheld_share=snakemake.params.withheld_share,
        seed=snakemake.params.seed,
    )
