"""A cluster of recorded answers (Slurm 22.05.8, three nodes), which a test may edit."""

from collections.abc import Callable

import pytest

from galerne.cluster.site import Partitions, Site

PARTITION = (
    "PartitionName={name} AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL "
    "Default={default} QoS=N/A DefaultTime=00:10:00 GraceTime=0 Hidden=NO MaxNodes=UNLIMITED "
    "MaxTime=1-00:00:00 Nodes=node[1-3] PriorityTier=10 OverTimeLimit=NONE PreemptMode={mode} "
    "State=UP TotalCPUs=12 TotalNodes=3 TRES=cpu=12,mem=24000M,node=3,billing=12,gres/gpu=3"
)
ANSWERS = {
    ("scontrol", "ping"): "Slurmctld(primary) at vm is UP",
    ("scontrol", "show", "partition"): "\n".join(
        PARTITION.format(name=name, default=default, mode=mode)
        for name, default, mode in (
            ("cpu", "YES", "OFF"),
            ("gpu", "NO", "OFF"),
            ("preempt", "NO", "REQUEUE"),
        )
    ),
    ("scontrol", "show", "config"): "Configuration data as of 2026-11-22T19:02:11\n"
    "JobRequeue              = 1\nMinJobAge               = 600 sec\n"
    "SLURM_VERSION           = 22.05.8",
    ("sinfo",): "cpu*|up|1-00:00:00|idle|4|8000|(null)|3\n"
    "gpu|up|1-00:00:00|mixed|4|8000|gpu:1|2\n"
    "gpu|up|1-00:00:00|down*|8|16000|gpu:a100:4(S:0-1)|1\n"
    "preempt|up|12:00:00|idle|4|8000|gpu:1|3",
    ("sacctmgr",): "root\nlab",
    ("sacct",): "1\n2",
    ("sbatch", "--test-only"): "",
}


class Cluster:
    """Answers the commands of Slurm from a table, by the words that they start with."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, ...], str | Exception] = dict(ANSWERS)
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, *command: str, seconds: float = 0) -> str:
        self.asked.append(command)
        for k in range(len(command), 0, -1):
            if command[:k] in self.answers:
                answer = self.answers[command[:k]]
                if isinstance(answer, Exception):
                    raise answer
                return answer
        raise RuntimeError(f"{command[0]} does not answer: no such file")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster whose commands are all there."""
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.delenv("GALERNE_SITE", raising=False)
    return Cluster()


@pytest.fixture
def site() -> Callable[..., Site]:
    """Makes a site of the recorded cluster."""

    def make(
        cpu: str | None = "cpu",
        gpu: str | None = "gpu",
        training: str | None = "preempt",
        **other: object,
    ) -> Site:
        values = {
            "account": None,
            "partitions": Partitions(cpu=cpu, gpu=gpu, training=training),
            "gpus": 1,
            "gpu_type": None,
            "nodes": 1,
            "longest_minutes": 720,
            "jobs": 20,
            "downloads": 2,
            "poll_seconds": 1,
            "leftovers": "wait",
        }
        return Site(**(values | other))

    return make
