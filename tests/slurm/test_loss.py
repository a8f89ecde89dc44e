"""A training that loses its node, its processes or its newest checkpoint loses seconds."""

import os

from pathlib import Path

import pytest

from tests.slurm.checkout import Checkout, wait_for
from tests.slurm.cluster import Cluster
from tests.slurm.disturbed import RULE, TARGET, Start, conclude, kill_processes, statuses


def test_training_on_a_node_that_goes_down(
    untrained: Checkout, reference: Checkout, cluster: Cluster, start: Start
) -> None:
    controller = start(untrained, TARGET)
    job = untrained.halfway(RULE)
    cluster.lose_node(job.node)
    try:
        wait_for("the node is down", lambda: "down" in cluster.node_state(job.node), 60)
    finally:
        cluster.start_node(job.node)
    untrained.finish(controller)
    assert untrained.attempts(RULE) == ["started", "done"]
    assert untrained.resumed_at(RULE) > 0
    assert statuses(untrained) == ["NODE_FAIL", "COMPLETED"]
    conclude(untrained, reference)


@pytest.mark.slow
def test_newest_checkpoint_torn_gives_way_to_the_one_before(
    untrained: Checkout, reference: Checkout, cluster: Cluster, start: Start
) -> None:
    controller = start(untrained, TARGET)
    job = untrained.halfway(RULE)

    def checkpoints() -> list[Path]:
        found = sorted((untrained.results / "checkpoints").rglob("step_*.pt"))
        return found if len(found) > 1 else []

    wait_for("two checkpoints", checkpoints, 30)
    kill_processes(cluster, job)
    older, newest = checkpoints()
    os.truncate(newest, newest.stat().st_size // 2)
    untrained.finish(controller)
    assert untrained.attempts(RULE) == ["started", "done"]
    assert f"resumed at step {int(older.stem.split('_')[1])}" in untrained.log(RULE)
    assert newest.name in untrained.log(RULE)
    conclude(untrained, reference)


def test_out_of_memory_once_then_more_memory(
    untrained: Checkout, reference: Checkout, start: Start
) -> None:
    memory = f"{RULE}:mem_mb=300*attempt*attempt"  # 300 MB, then 1.2 GB
    untrained.finish(start(untrained, TARGET, "--set-resources", memory))
    first, last = untrained.accounts(RULE)
    assert first.state in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert last.state == "COMPLETED"
    assert "mem=300M" in first.allocated
    assert "mem=1200M" in last.allocated
    conclude(untrained, reference)
