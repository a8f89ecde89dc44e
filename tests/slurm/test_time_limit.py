"""A training longer than its time limit finishes without a human."""

import os
import signal

from pathlib import Path

from tests.slurm.checkout import Checkout, wait_for
from tests.slurm.cluster import Cluster
from tests.slurm.disturbed import RULE, TARGET, Start, conclude, statuses, worker


def outlast(checkout: Checkout, cluster: Cluster, step: int) -> None:
    """Freezes a training from a step on until it is told to stop, as if it were longer."""
    wait_for(f"step {step}", lambda: checkout.step(RULE) >= step, 150)
    pid = worker(cluster, checkout.running(RULE))
    os.kill(pid, signal.SIGSTOP)
    wait_for("the limit is announced", lambda: asked_to_stop(pid), 100)
    os.kill(pid, signal.SIGCONT)
    wait_for("it stops", lambda: not Path(f"/proc/{pid}").exists(), 30)


def asked_to_stop(pid: int) -> bool:
    """Whether SIGTERM waits for a process that is frozen."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    pending = [int(line.split()[1], 16) for line in status if line[:6] in ("SigPnd", "ShdPnd")]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in pending)


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
    assert untrained.attempts(RULE) == ["interrupted", "interrupted", "done"]
    assert untrained.resumed_at(RULE) >= 600
    assert len({account.number for account in untrained.accounts(RULE)}) == 1
    conclude(untrained, reference)


def test_training_killed_at_its_time_limit(
    untrained: Checkout, reference: Checkout, cluster: Cluster, start: Start
) -> None:
    limit = f"{RULE}:runtime=attempt*attempt"  # one minute, then four
    controller = start(untrained, TARGET, "--set-resources", limit)
    os.kill(worker(cluster, untrained.halfway(RULE)), signal.SIGSTOP)  # deaf to the warning
    untrained.finish(controller)
    assert untrained.attempts(RULE) == ["started", "done"]
    assert untrained.resumed_at(RULE) > 0
    assert statuses(untrained) == ["TIMEOUT", "COMPLETED"]
    conclude(untrained, reference)
