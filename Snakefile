"""galerne: from the atmosphere to a calibrated reconstruction of it, and its report."""

import os
import shlex
import sys

from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")


configfile: "config/default.yaml"


os.umask(os.umask(0) | 0o002)  # what others may write is no product, nor its folder
sys.path.insert(0, str(Path(workflow.basedir)))
from galerne.cluster.site import Site


container: Site.read().image  # with --sdm apptainer; the default is .venv


# Every script is started by workflow/launch, which says why.
shell.prefix(
    f"exec {shlex.quote(f'{workflow.basedir}/workflow/launch')} ".replace(
        "{", "{{"
    ).replace("}", "}}")
)


include: "rules/common.smk"
include: "rules/source.smk"
include: "rules/grid.smk"
include: "rules/stats.smk"
include: "rules/latent.smk"
include: "rules/prior.smk"
include: "rules/observe.smk"
include: "rules/assimilate.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"


if QUESTION and workflow.is_main_process:
    logger.warning(f"{QUESTION}\n")


rule all:
    default_target: True
    input:
        LAYOUT.targets(QUESTION),


onstart:
    begin_run(workflow.executor_plugin.name == "slurm")


onsuccess:
    end(Path(CONFIG.results))
    if QUESTION:
        logger.warning(f"{QUESTION}\n")


onerror:
    end(Path(CONFIG.results))
