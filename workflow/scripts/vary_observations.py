"""Make the observations of a variant from those of its network."""

import logging

from pathlib import Path

from galerne.jobs.job import Job
from galerne.observe.table import read_observations, write_observations
from galerne.observe.variant import vary

log = logging.getLogger(__name__)


def vary_observations(path_network: Path, path_observations: Path, **settings: object) -> None:
    """Leave out, bias or misstate what is assimilated; what is withheld stays as it is."""
    table = read_observations(path_network)
    varied = vary(table, **settings)
    used = ~varied["withheld"]
    log.info("%d observations of %d are assimilated", used.sum(), (~table["withheld"]).sum())
    if not used.any():
        log.warning("nothing is left to assimilate")
    write_observations(varied, path_observations)


if __name__ == "__main__":
    Job(snakemake).run(
        vary_observations,
        path_network=Path(snakemake.input.network),
        path_observations=Path(snakemake.output.observations),
        **snakemake.params.variant,
        seed=snakemake.params.seed,
    )
