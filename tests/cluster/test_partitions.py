"""Partitions are read as Slurm describes them."""

import math

from collections.abc import Callable

import pytest

from galerne.cluster.partitions import read_partitions

Ask = Callable[..., str]


def test_sizes_are_those_of_nodes_in_use(cluster: Ask) -> None:
    found = read_partitions(cluster)
    assert list(found) == ["cpu", "gpu", "preempt"]
    gpu = found["gpu"]
    assert (gpu.nodes, gpu.cpus, gpu.memory_mb, dict(gpu.gpus)) == (2, 4, 8000, {"gpu": 1})
    assert [p.default for p in found.values()] == [True, False, False]
    assert [p.minutes for p in found.values()] == [1440, 1440, 720]
    assert [p.preemption for p in found.values()] == ["OFF", "OFF", "REQUEUE"]
    assert found["cpu"].gpus == {}


def test_unlike_nodes_of_a_partition_are_joined_to_the_largest(cluster: Ask) -> None:
    cluster.answers[("sinfo",)] = (
        "all|up|infinite|idle|4|16000|gpu:v100:2|3\n"
        "all|up|infinite|allocated|64|8000|gpu:a100:4(S:0-1),gpu:v100:1(IDX:0),shard:8|2\n"
        "all|up|infinite|drained|128|99000|gpu:h100:8|1"
    )
    (only,) = read_partitions(cluster).values()
    assert (only.nodes, only.cpus, only.memory_mb) == (5, 64, 16000)
    assert only.gpus == {"v100": 2, "a100": 4}


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [("30:00", 30), ("4:00:00", 240), ("2-12:30:00", 3630), ("infinite", math.inf)],
)
def test_time_limits_are_read_in_each_of_their_forms(
    limit: str, minutes: float, cluster: Ask
) -> None:
    cluster.answers[("sinfo",)] = f"all|up|{limit}|idle|4|16000|(null)|3"
    assert read_partitions(cluster)["all"].minutes == minutes


def test_a_partition_that_is_closed_is_not_up(cluster: Ask) -> None:
    cluster.answers[("sinfo",)] = "cpu*|down|infinite|idle|4|16000|(null)|3"
    assert not read_partitions(cluster)["cpu"].up


def test_no_answer_is_an_error(cluster: Ask) -> None:
    cluster.answers[("sinfo",)] = RuntimeError("sinfo: Unable to contact slurm controller")
    with pytest.raises(RuntimeError, match="Unable to contact"):
        read_partitions(cluster)
