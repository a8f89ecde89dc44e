"""A controller that dies leaves its jobs running; the next one neither doubles nor redoes them."""

import pytest

from tests.slurm.checkout import Checkout
from tests.slurm.disturbed import RULE, TARGET, Start, conclude, statuses


def test_controller_killed_and_the_next_one_waits_for_its_jobs(
    untrained: Checkout, reference: Checkout, start: Start
) -> None:
    first = start(untrained, TARGET)
    job = untrained.halfway(RULE)
    first.kill()
    first.wait()
    untrained.finish(start(untrained, TARGET))
    said = "\n".join(untrained.said())
    assert f"waiting for jobs of an earlier run: {job.number} (rule_{RULE}" in said
    assert untrained.attempts(RULE) == ["done", "adopted"]
    assert statuses(untrained) == ["COMPLETED", "COMPLETED"]
    conclude(untrained, reference)


@pytest.mark.slow
def test_controller_killed_and_the_next_one_cancels_its_jobs(
    untrained: Checkout, reference: Checkout, start: Start
) -> None:
    first = start(untrained, TARGET)
    job = untrained.halfway(RULE)
    first.kill()
    first.wait()
    untrained.finish(start(untrained, TARGET, GALERNE_LEFTOVERS="cancel"))
    said = "\n".join(untrained.said())
    assert f"cancelling jobs of an earlier run: {job.number} (rule_{RULE}" in said
    assert untrained.attempts(RULE) == ["interrupted", "done"]
    assert untrained.resumed_at(RULE) >= 300
    conclude(untrained, reference)
