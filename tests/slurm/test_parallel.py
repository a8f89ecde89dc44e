"""A training across nodes is that of one process, and goes on where it was like any other."""

import os
import signal

from pathlib import Path

import pandas as pd
import pytest

from safetensors.torch import load_file

from tests.slurm.checkout import Checkout, wait_for
from tests.slurm.cluster import Cluster
from tests.slurm.disturbed import RULE, TARGET, Start, statuses, worker

FLOAT = 1e-5  # of the largest weight of a tensor, after a thousand steps


def assert_close(checkout: Checkout, reference: Checkout) -> None:
    """Same weights and curves up to rounding, and nothing left over."""
    folders = [(one.folder / TARGET).parent for one in (checkout, reference)]
    found, expected = (load_file(folder / "model.safetensors") for folder in folders)
    assert found.keys() == expected.keys()
    errors = {
        key: ((found[key] - value).abs().max() / value.abs().max().clamp_min(1e-6)).item()
        for key, value in expected.items()
    }
    assert max(errors.values()) < FLOAT, max(errors.items(), key=lambda item: item[1])
    curves = [pd.read_csv(folder / "training.csv") for folder in folders]
    pd.testing.assert_frame_equal(*curves, rtol=FLOAT)
    assert not list((checkout.results / "checkpoints").rglob("step_*"))


def test_training_across_two_nodes_is_that_of_one_process(
    untrained: Checkout, reference: Checkout, start: Start
) -> None:
    untrained.set_site(nodes=2, gpus=1)
    untrained.finish(start(untrained, TARGET))
    (account,) = untrained.accounts(RULE)
    assert account.state == "COMPLETED"
    assert "node=2" in account.allocated
    assert "gres/gpu=2" in account.allocated
    assert untrained.usage(RULE)[-1]["processes"] == 2
    assert_close(untrained, reference)


@pytest.mark.slow
def test_training_across_two_nodes_requeued_by_hand(
    untrained: Checkout, reference: Checkout, cluster: Cluster, start: Start
) -> None:
    untrained.set_site(nodes=2, gpus=0)
    controller = start(untrained, TARGET)
    cluster.ask("scontrol", "requeue", untrained.halfway(RULE).number)
    untrained.finish(controller)
    assert untrained.attempts(RULE) == ["interrupted", "done"]
    assert untrained.resumed_at(RULE) >= 300
    assert statuses(untrained) == ["REQUEUED", "COMPLETED"]
    assert_close(untrained, reference)


def asked_to_stop(pid: int) -> bool:
    """Whether SIGTERM waits for a process that is frozen."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    pending = [int(line.split()[1], 16) for line in status if line[:6] in ("SigPnd", "ShdPnd")]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in pending)


@pytest.mark.slow
def test_training_across_two_nodes_longer_than_its_time_limit(
    untrained: Checkout, reference: Checkout, cluster: Cluster, start: Start
) -> None:
    shared = {
        "nodes": 2,
        "tasks": 2,
        "mpi": "torchrun",
        "runtime": 2,
        "slurm_extra": "'--open-mode=append --signal=TERM@10 --ntasks-per-node=1'",
    }
    settings = [f"{RULE}:{key}={value}" for key, value in shared.items()]
    controller = start(untrained, TARGET, "--set-resources", *settings)
    wait_for("step 50", lambda: untrained.step(RULE) >= 50, 150)
    pid = worker(cluster, untrained.running(RULE))
    os.kill(pid, signal.SIGSTOP)  # as if it were longer
    wait_for("torchrun passes on that the limit is near", lambda: asked_to_stop(pid), 150)
    os.kill(pid, signal.SIGCONT)
    untrained.finish(controller)
    assert untrained.attempts(RULE)[0] == "interrupted"
    assert untrained.attempts(RULE).count("done") == 1  # adopted if the limit was that near
    assert untrained.resumed_at(RULE) >= 50
    assert statuses(untrained)[0] == "REQUEUED"
    assert_close(untrained, reference)
