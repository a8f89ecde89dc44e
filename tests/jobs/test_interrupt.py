"""A request to stop is remembered, not obeyed at once."""

import os
import signal

from collections.abc import Iterator

import pytest

from galerne.jobs import interrupt


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No request before and after; the handler as it was."""
    before = signal.getsignal(signal.SIGTERM)
    interrupt.reset()
    yield
    interrupt.reset()
    signal.signal(signal.SIGTERM, before)


def test_sigterm_asks_and_does_not_kill() -> None:
    interrupt.listen()
    assert not interrupt.requested()
    os.kill(os.getpid(), signal.SIGTERM)
    assert interrupt.requested()


def test_interrupted_says_how_far_it_came() -> None:
    stop = interrupt.Interrupted("step 3 of 9", advanced=True)
    assert str(stop) == "step 3 of 9"
    assert stop.advanced
