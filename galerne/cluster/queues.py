"""Does Slurm offer what a run will ask of it? Nothing is submitted.

Each check takes ``ask``, which runs a command and returns what it says (see
:func:`galerne.jobs.slurm.ask`), so that it can be tried on recorded answers of a cluster.
"""

__all__ = ["RULES", "check_queues", "gpus_asked", "partition_of", "refuse_partitions", "request"]

import getpass
import os
import re
import shutil

from collections.abc import Iterator, Mapping, Sequence

from .finding import Finding, missing, ok, warning
from .needs import Need
from .partitions import Ask, Partition, read_partitions
from .site import GPU_RULES, TRAINING_RULES, Site

COMMANDS = ("sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
OLDEST = (21, 8)  # of Slurm: srun --overlap, as workflow/launch needs it
POLL_SECONDS = 180  # the executor plugin waits at most this long between two looks
RULES = {
    "cpu": lambda rule: rule not in GPU_RULES,
    "gpu": lambda rule: rule in GPU_RULES and rule not in TRAINING_RULES,
    "training": lambda rule: rule in TRAINING_RULES,
}


def check_queues(site: Site, needs: Sequence[Need], ask: Ask) -> list[Finding]:
    """Checks Slurm, its partitions and its settings.

    Arguments:
        site: The site file.
        needs: What the rules ask for.
        ask: Runs a command.
    """
    if absent := [name for name in COMMANDS if not shutil.which(name)]:
        return [missing(f"Slurm: no command {', '.join(absent)}", "load the module of Slurm")]
    try:
        ask("scontrol", "ping")
        partitions = read_partitions(ask)
        settings = dict(re.findall(r"^(\w+) += (.*)$", ask("scontrol", "show", "config"), re.M))
    except RuntimeError as error:
        return [missing(f"Slurm: {error}", "are slurmctld and munge up, and SLURM_CONF right?")]
    found = [_version(settings.get("SLURM_VERSION", "0"))]
    if faults := refuse_partitions(site, partitions):
        found += [missing(fault, "edit the site file") for fault in faults]
    else:
        for key, chosen in RULES.items():
            own = [need for need in needs if chosen(need.rule)]
            found += _check_partition(site, key, own, partition_of(site, key, partitions), ask)
    return [*found, _account(site, ask), _age(settings), _accounting(ask)]


def refuse_partitions(site: Site, partitions: Mapping[str, Partition]) -> list[str]:
    """Says what is wrong with the partitions and GPUs that a site file names.

    Returns:
        One line for each fault: file, key, and what there is instead.
    """
    names = ", ".join(partitions) or "none"
    faults = []
    for key in RULES:
        name, partition = site.partitions.model_dump()[key], partition_of(site, key, partitions)
        where = f"{_file()}: partitions.{key}"
        if name is not None and name not in partitions:
            faults.append(f"{where}: no partition {name!r} here; there are: {names}")
        elif partition is None and name is None:
            if _named(site, key) is None:
                faults.append(f"{where}: Slurm has no default partition; name one of: {names}")
        elif not partition.up or not partition.nodes:
            state = "has no node up" if partition.up else "is down"
            faults.append(f"{where}: partition {partition.name!r} {state}")
        elif (asked := gpus_asked(site, key)) > _offered(site, partition):
            having = [f"{p.name} ({_listed(p)})" for p in partitions.values() if p.gpus]
            faults.append(
                f"{_file()}: gpus: {asked} {site.gpu_type or 'GPU'} on a node asked of partition "
                f"{partition.name!r} (partitions.{key}), where a node has {_listed(partition)}; "
                f"GPUs are in: {', '.join(having) or 'no partition'}"
            )
    return faults


def partition_of(site: Site, key: str, partitions: Mapping[str, Partition]) -> Partition | None:
    """The partition that rules of a key (``cpu``, ``gpu``, ``training``) go to."""
    name = _named(site, key)
    if name is not None:
        return partitions.get(name)
    return next((p for p in partitions.values() if p.default), None)


def request(site: Site, key: str) -> list[str]:
    """Options of sbatch and srun for a job like those of a key: where, for whom, GPUs."""
    name, gpus = _named(site, key), gpus_asked(site, key)
    kind = f"{site.gpu_type}:" if site.gpu_type else ""
    return [
        *([f"--account={site.account}"] if site.account else []),
        *([f"--partition={name}"] if name else []),
        *([f"--gpus-per-node={kind}{gpus}"] if gpus else []),
    ]


def _named(site: Site, key: str) -> str | None:
    rules = {"cpu": "", "gpu": "draw_posterior", "training": "train_prior"}
    return site.partition(rules[key])


def gpus_asked(site: Site, key: str) -> int:
    """GPUs on each node that a rule of a key asks for."""
    return {"cpu": 0, "gpu": min(site.gpus, 1), "training": site.gpus}[key]


def _offered(site: Site, partition: Partition) -> int:
    if site.gpu_type:
        return partition.gpus.get(site.gpu_type, 0)
    return max(partition.gpus.values(), default=0)


def _listed(partition: Partition) -> str:
    kinds = {kind: "" if kind == "gpu" else f" {kind}" for kind in partition.gpus}
    return ", ".join(f"{partition.gpus[k]}{name} GPU" for k, name in kinds.items()) or "no GPU"


def _file() -> str:
    return os.environ.get("GALERNE_SITE", "slurm/site.yaml")


def _check_partition(
    site: Site, key: str, needs: Sequence[Need], partition: Partition, ask: Ask
) -> Iterator[Finding]:
    longest = max(needs, key=lambda need: need.minutes)
    largest = max(needs, key=lambda need: need.memory_mb)
    where = f"partition {partition.name!r} (partitions.{key})"
    if "CANCEL" in partition.preemption:
        yield warning(
            f"{where}: PreemptMode is {partition.preemption}: a preempted job is lost, and "
            "Snakemake may wait for it for ever",
            "name a partition whose PreemptMode is REQUEUE or OFF",
        )
    if partition.memory_mb < 2 * largest.memory_mb <= 2 * partition.memory_mb:
        yield warning(
            f"{where}: a second attempt of {largest.rule} asks for {2 * largest.memory_mb} MB, "
            f"the largest node has {partition.memory_mb} MB",
            "a job that runs out of memory there fails: name a partition of larger nodes",
        )
    if faults := list(_refuse_sizes(site, key, largest, partition, where)):
        yield from faults
        return
    command = [
        *request(site, key),
        f"--time={min(longest.minutes, site.longest_minutes)}",
        f"--mem={largest.memory_mb}M",
        f"--nodes={site.nodes if key == 'training' else 1}",
    ]
    try:
        ask("sbatch", "--test-only", *command, "--wrap=true")
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].rpartition(": ")[2]
        yield missing(
            f"{where}: Slurm refuses a job of {longest.minutes} min and {largest.memory_mb} MB: "
            f"{reason}",
            f"try: sbatch --test-only {' '.join(command)} --wrap=true",
        )
        return
    yield ok(
        f"{where}: {partition.nodes} nodes up, {partition.cpus} cores, {partition.memory_mb} MB, "
        f"{_listed(partition)} each; takes {longest.minutes} min and {largest.memory_mb} MB"
    )


def _refuse_sizes(
    site: Site, key: str, largest: Need, partition: Partition, where: str
) -> Iterator[Finding]:
    if site.longest_minutes > partition.minutes:
        yield missing(
            f"{_file()}: longest_minutes: {site.longest_minutes} is more than the "
            f"{partition.minutes:.0f} min of {where}",
            f"set it to {partition.minutes:.0f} or less",
        )
    if largest.memory_mb > partition.memory_mb:
        yield missing(
            f"{where}: rule {largest.rule} asks for {largest.memory_mb} MB, the largest node has "
            f"{partition.memory_mb} MB",
            "name a partition of larger nodes",
        )
    if key == "training" and site.nodes > partition.nodes:
        yield missing(
            f"{_file()}: nodes: {site.nodes} asked of {where}, where {partition.nodes} are up",
            f"set it to {partition.nodes} or less",
        )


def _version(text: str) -> Finding:
    numbers = tuple(int(part) for part in re.findall(r"\d+", text)[:2])
    if numbers < OLDEST:
        return missing(f"Slurm {text} answers, but is too old", "galerne needs 21.08 or newer")
    return ok(f"Slurm {text} answers")


def _account(site: Site, ask: Ask) -> Finding:
    user = getpass.getuser()
    try:
        text = ask("sacctmgr", "-nP", "show", "assoc", f"user={user}", "format=account")
    except RuntimeError as error:
        return warning(f"accounts are not known: {error}", "ask the site which one is yours")
    known = sorted(filter(None, text.split()))
    if not known:
        return ok("accounts are not kept here for this user")
    listed = ", ".join(known)
    if site.account is None:
        return ok(f"account: Slurm's default; yours: {listed}")
    if site.account.lower() not in known:
        return missing(f"{_file()}: account: {site.account!r} is not yours", f"yours: {listed}")
    return ok(f"account {site.account!r}")


def _age(settings: Mapping[str, str]) -> Finding:
    seconds = int((re.match(r"\d+", settings.get("MinJobAge", "")) or ["0"])[0])
    if seconds <= POLL_SECONDS:
        return warning(
            f"MinJobAge is {seconds} s, but states may be asked for {POLL_SECONDS} s apart: "
            "the end of a job can be missed, and is then waited for for ever",
            "ask the site for 300 s, or set slurm-status-command: sacct in slurm/config.yaml",
        )
    return ok(f"Slurm remembers finished jobs for {seconds} s")


def _accounting(ask: Ask) -> Finding:
    try:
        ask("sacct", "-nX", "-S", "now-1minutes", "-o", "jobid")
    except RuntimeError as error:
        what = f"no accounting (sacct): {str(error).splitlines()[0]}"
        return warning(what, "energy and waiting times are left out of the report's costs")
    return ok("accounting (sacct) answers")
