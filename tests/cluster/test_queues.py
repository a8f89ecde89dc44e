"""What does not fit between a site, its rules and its cluster is named before it is submitted."""

import shutil

from collections.abc import Callable
from typing import Any

import pytest

from galerne.cluster.finding import Finding
from galerne.cluster.needs import Need
from galerne.cluster.partitions import read_partitions
from galerne.cluster.queues import check_queues, gpus_asked, refuse_partitions, request
from galerne.cluster.site import Site

Sites = Callable[..., Site]
NEEDS = [
    Need("plot_maps", 20, 2000),
    Need("draw_posterior", 120, 4000),
    Need("train_prior", 480, 4000),
]


def found(site: Site, cluster: Any, level: str) -> list[str]:
    return [str(f) for f in check_queues(site, NEEDS, cluster) if f.level == level]


def test_a_site_that_fits_lacks_nothing(cluster: Any, site: Sites) -> None:
    findings = check_queues(site(), NEEDS, cluster)
    assert {f.level for f in findings} == {"ok"}
    assert [f.what.split(":")[0] for f in findings] == [
        "Slurm 22.05.8 answers",
        "partition 'cpu' (partitions.cpu)",
        "partition 'gpu' (partitions.gpu)",
        "partition 'preempt' (partitions.training)",
        "account",
        "Slurm remembers finished jobs for 600 s",
        "accounting (sacct) answers",
    ]


def test_slurm_is_asked_whether_it_takes_the_largest_job_of_each_partition(
    cluster: Any, site: Sites
) -> None:
    check_queues(site(account="lab", gpu_type=None, nodes=2), NEEDS, cluster)
    asked = [command for command in cluster.asked if command[0] == "sbatch"]
    assert [" ".join(command[2:-1]) for command in asked] == [
        "--account=lab --partition=cpu --time=20 --mem=2000M --nodes=1",
        "--account=lab --partition=gpu --gpus-per-node=1 --time=120 --mem=4000M --nodes=1",
        "--account=lab --partition=preempt --gpus-per-node=1 --time=480 --mem=4000M --nodes=2",
    ]
    assert all(command[1] == "--test-only" for command in asked)


FAULTS = {
    "unknown partition": (
        {"gpu": "gqu"},
        "slurm/site.yaml: partitions.gpu: no partition 'gqu' here; there are: cpu, gpu, preempt",
    ),
    "no GPU": (
        {"gpu": "cpu"},
        "slurm/site.yaml: gpus: 1 GPU on a node asked of partition 'cpu' (partitions.gpu), where "
        "a node has no GPU; GPUs are in: gpu (1 GPU), preempt (1 GPU)",
    ),
    "null is the default, which has no GPU": (
        {"cpu": None, "gpu": None},
        "slurm/site.yaml: gpus: 1 GPU on a node asked of partition 'cpu' (partitions.gpu), where "
        "a node has no GPU; GPUs are in: gpu (1 GPU), preempt (1 GPU)",
    ),
    "too many GPUs": (
        {"gpus": 4},
        "slurm/site.yaml: gpus: 4 GPU on a node asked of partition 'preempt' "
        "(partitions.training), where a node has 1 GPU; GPUs are in: gpu (1 GPU), preempt (1 GPU)",
    ),
    "unknown type": (
        {"gpu_type": "a100"},
        "slurm/site.yaml: gpus: 1 a100 on a node asked of partition 'gpu' (partitions.gpu), where "
        "a node has 1 GPU; GPUs are in: gpu (1 GPU), preempt (1 GPU)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_site_that_names_what_is_not_there_is_refused(
    fault: str, cluster: Any, site: Sites
) -> None:
    change, line = FAULTS[fault]
    assert line in refuse_partitions(site(**change), read_partitions(cluster))
    assert f"missing  {line} -> edit the site file" in found(site(**change), cluster, "missing")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("gpu|down|1-00:00:00|idle|4|8000|gpu:1|3", "partition 'gpu' is down"),
        ("gpu|up|1-00:00:00|drained|4|8000|gpu:1|3", "partition 'gpu' has no node up"),
    ],
)
def test_a_partition_out_of_use_is_refused(row: str, text: str, cluster: Any, site: Sites) -> None:
    rows = cluster.answers[("sinfo",)].splitlines()
    cluster.answers[("sinfo",)] = "\n".join([rows[0], row, rows[-1]])
    (fault,) = refuse_partitions(site(), read_partitions(cluster))
    assert fault == f"slurm/site.yaml: partitions.gpu: {text}"


def test_a_cluster_without_a_default_partition_needs_names(cluster: Any, site: Sites) -> None:
    cluster.answers[("sinfo",)] = cluster.answers[("sinfo",)].replace("*", "")
    faults = refuse_partitions(site(cpu=None), read_partitions(cluster))
    assert faults == [
        "slurm/site.yaml: partitions.cpu: Slurm has no default partition; "
        "name one of: cpu, gpu, preempt"
    ]


def test_faults_name_the_file_that_was_read(
    cluster: Any, site: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALERNE_SITE", "sites/mine.yaml")
    (fault,) = refuse_partitions(site(cpu="x"), read_partitions(cluster))
    assert fault.startswith("sites/mine.yaml: partitions.cpu: no partition 'x'")


def test_no_gpu_is_asked_for_where_the_site_has_none(cluster: Any, site: Sites) -> None:
    plain = site(gpu=None, training=None, gpus=0)
    assert refuse_partitions(plain, read_partitions(cluster)) == []
    assert request(plain, "training") == ["--partition=cpu"]
    assert [gpus_asked(site(gpus=4), key) for key in ("cpu", "gpu", "training")] == [0, 1, 4]
    assert request(site(gpus=4, gpu_type="a100"), "training") == [
        "--partition=preempt",
        "--gpus-per-node=a100:4",
    ]


SIZES = {
    "time": (
        {"longest_minutes": 1440},
        [],
        "slurm/site.yaml: longest_minutes: 1440 is more than the 720 min of partition 'preempt' "
        "(partitions.training) -> set it to 720 or less",
    ),
    "memory": (
        {},
        [Need("plot_maps", 20, 9000)],
        "partition 'cpu' (partitions.cpu): rule plot_maps asks for 9000 MB, the largest node has "
        "8000 MB -> name a partition of larger nodes",
    ),
    "nodes": (
        {"nodes": 4},
        [],
        "slurm/site.yaml: nodes: 4 asked of partition 'preempt' (partitions.training), where 3 "
        "are up -> set it to 3 or less",
    ),
}


@pytest.mark.parametrize("size", SIZES)
def test_a_job_that_does_not_fit_is_named(size: str, cluster: Any, site: Sites) -> None:
    change, needs, line = SIZES[size]
    findings = check_queues(site(**change), [*NEEDS, *needs], cluster)
    assert f"missing  {line}" in map(str, findings)


def test_a_job_that_slurm_itself_refuses_is_named_with_its_reason(
    cluster: Any, site: Sites
) -> None:
    cluster.answers[("sbatch", "--test-only", "--partition=gpu")] = RuntimeError(
        "sbatch --test-only: allocation failure: Requested node configuration is not available"
    )
    (line,) = found(site(), cluster, "missing")
    assert "partition 'gpu' (partitions.gpu): Slurm refuses a job of 120 min and 4000 MB" in line
    assert ": Requested node configuration is not available -> try: sbatch --test-only" in line


def test_preemption_that_loses_jobs_is_a_warning(cluster: Any, site: Sites) -> None:
    key = ("scontrol", "show", "partition")
    cluster.answers[key] = cluster.answers[key].replace(
        "PreemptMode=REQUEUE", "PreemptMode=CANCEL"
    )
    (line,) = found(site(), cluster, "warning")
    assert "partition 'preempt' (partitions.training): PreemptMode is CANCEL" in line
    assert "REQUEUE" in line


def test_a_node_too_small_for_a_second_attempt_is_a_warning(cluster: Any, site: Sites) -> None:
    needs = [*NEEDS, Need("encode_period", 60, 5000)]
    (line,) = [str(f) for f in check_queues(site(), needs, cluster) if f.level == "warning"]
    assert "a second attempt of encode_period asks for 10000 MB" in line
    assert "the largest node has 8000 MB" in line


def test_an_account_of_others_is_refused(cluster: Any, site: Sites) -> None:
    (line,) = found(site(account="ocean"), cluster, "missing")
    assert line == "missing  slurm/site.yaml: account: 'ocean' is not yours -> yours: lab, root"
    assert found(site(account="Lab"), cluster, "missing") == []


def test_a_cluster_without_accounts_takes_none(cluster: Any, site: Sites) -> None:
    cluster.answers[("sacctmgr",)] = ""
    assert found(site(), cluster, "missing") == []
    cluster.answers[("sacctmgr",)] = RuntimeError("sacctmgr: You are not running slurmdbd")
    (line,) = found(site(), cluster, "warning")
    assert "accounts are not known" in line


def test_a_short_memory_of_finished_jobs_is_a_warning(cluster: Any, site: Sites) -> None:
    key = ("scontrol", "show", "config")
    cluster.answers[key] = cluster.answers[key].replace("600 sec", "60 sec")
    (line,) = found(site(), cluster, "warning")
    assert "MinJobAge is 60 s" in line


def test_no_accounting_is_a_warning(cluster: Any, site: Sites) -> None:
    cluster.answers[("sacct",)] = RuntimeError("sacct: Slurm accounting storage is disabled")
    (line,) = found(site(), cluster, "warning")
    assert "no accounting (sacct): sacct: Slurm accounting storage is disabled" in line


@pytest.mark.parametrize(
    ("version", "level"), [("20.11.9", "missing"), ("21.08.0", "ok"), ("25.05.1", "ok")]
)
def test_an_old_slurm_is_refused(version: str, level: str, cluster: Any, site: Sites) -> None:
    key = ("scontrol", "show", "config")
    cluster.answers[key] = cluster.answers[key].replace("22.05.8", version)
    first: Finding = check_queues(site(), NEEDS, cluster)[0]
    assert (first.level, version in first.what) == (level, True)


def test_a_controller_that_is_down_is_named(cluster: Any, site: Sites) -> None:
    cluster.answers[("scontrol", "ping")] = RuntimeError("Slurmctld(primary) at vm is DOWN")
    (line,) = found(site(), cluster, "missing")
    assert line.startswith("missing  Slurm: Slurmctld(primary) at vm is DOWN -> are slurmctld")


def test_commands_that_are_not_there_are_named(
    cluster: Any, site: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "srun" else name)
    (line,) = found(site(), cluster, "missing")
    assert line.startswith("missing  Slurm: no command srun")
