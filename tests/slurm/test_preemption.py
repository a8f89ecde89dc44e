"""A training that Slurm sends back to the queue goes on where it was."""

import pytest

from tests.slurm.checkout import Checkout
from tests.slurm.cluster import Cluster
from tests.slurm.disturbed import RULE, TARGET, Start, conclude, statuses


def test_training_preempted_by_a_job_of_higher_priority(
    untrained: Checkout, reference: Checkout, cluster: Cluster, start: Start
) -> None:
    controller = start(untrained, TARGET)
    job = untrained.halfway(RULE)
    cluster.ask(
        "sbatch",
        "-p",
        "gpu",
        "-w",
        job.node,
        "--exclusive",
        "-o",
        "/dev/null",
        "--wrap",
        "sleep 3",
    )
    untrained.finish(controller)
    assert untrained.attempts(RULE) == ["interrupted", "done"]
    assert untrained.resumed_at(RULE) >= 300
    assert {account.number for account in untrained.accounts(RULE)} == {job.number}
    conclude(untrained, reference)


@pytest.mark.slow
def test_training_requeued_by_hand(
    untrained: Checkout, reference: Checkout, cluster: Cluster, start: Start
) -> None:
    controller = start(untrained, TARGET)
    job = untrained.halfway(RULE)
    cluster.ask("scontrol", "requeue", job.number)
    untrained.finish(controller)
    assert untrained.attempts(RULE) == ["interrupted", "done"]
    assert untrained.resumed_at(RULE) >= 300
    assert statuses(untrained) == ["REQUEUED", "COMPLETED"]
    conclude(untrained, reference)
