"""A training longer than its time limit finishes without a human."""

import os
import signal

import pytest

from tests.slurm.checkout import Checkout, wait_for
from tests.slurm.cluster import Cluster
from tests.slurm.disturbed import RULE, TARGET, Start, conclude, statuses, worker
from tests.slurm.machine import born

pytestmark = pytest.mark.slow


def outlast(checkout: Checkout, cluster: Cluster, step: int) -> None:
    """Freezes a training from a step on until it is told to stop, as if it were longer."""
    wait_for(f"step {step}", lambda: checkout.step(RULE) >= step, 150)
    pid = worker(cluster, checkout.running(RULE))
    os.kill(pid, signal.SIGSTOP)
    wait_for("Slurm wakes it, and asks it to stop", lambda: born(pid) is None, 150)


def test_training_longer_than_any_time_limit_finishes_by_itself(
    untrained: Checkout, reference: Checkout, cluster: Cluster, start: Start
) -> None:
    controller = start(
        *(untrained, TARGET, "--set-resources", f"{RULE}:runtime=1"),
        f"{RULE}:slurm_extra='--open-mode=append --signal=TERM@10'",
    )
    outlast(untrained, cluster, 300)
    outlast(untrained, cluster, 600)
    untrained.finish(controller)
    attempts = untrained.attempts(RULE)
    assert attempts.count("interrupted") >= 2
    assert attempts.count("done") == 1
    assert untrained.resumed_at(RULE) >= 600
    assert statuses(untrained)[:2] == ["REQUEUED", "REQUEUED"]
    conclude(untrained, reference)


def test_training_stopped_at_a_time_limit_that_nobody_announced(
    untrained: Checkout, reference: Checkout, cluster: Cluster, start: Start
) -> None:
    # One minute, then four. At the limit Slurm wakes what is frozen, and asks it to stop.
    limit = (f"{RULE}:runtime=attempt*attempt", f"{RULE}:slurm_extra='--open-mode=append'")
    controller = start(untrained, TARGET, "--set-resources", *limit)
    os.kill(worker(cluster, untrained.halfway(RULE)), signal.SIGSTOP)
    untrained.finish(controller)
    assert untrained.attempts(RULE) == ["interrupted", "done"]
    assert untrained.resumed_at(RULE) >= 300
    assert statuses(untrained) == ["TIMEOUT", "COMPLETED"]
    conclude(untrained, reference)
