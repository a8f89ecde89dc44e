"""The cluster itself: real jobs in real limits, and nothing left of it."""

import tempfile

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.checkout import TINY, Checkout, wait_for
from tests.slurm.cluster import Cluster
from tests.slurm.machine import CGROUPS, Unavailable, cgroups_writable, install

BATCH = ("sbatch", "--parsable", "-o", "/dev/null")


@pytest.fixture(params=[True, False], ids=["cgroups", "no_cgroups"])
def apart(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster beside the others."""
    if request.param and not cgroups_writable():
        pytest.skip("cgroups of version 1 are not writable here")
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        found = Cluster(Path(folder) / "c", nodes=2, cgroups=request.param)
        try:
            found.up()
        except Unavailable as reason:
            pytest.skip(str(reason))
        yield found
        found.down()


def state(cluster: Cluster, job: str) -> str:
    return cluster.ask("sacct", "-X", "-n", "-P", "-j", job, "-o", "State").partition(" ")[0]


def test_cluster_schedules_gpus_limits_memory_and_leaves_nothing(apart: Cluster) -> None:
    job = apart.ask("srun", "-p", "gpu", "--gpus=1", "printenv", "CUDA_VISIBLE_DEVICES")
    assert job == "0"
    greedy = "a = bytearray(400_000_000); import time; time.sleep(20)"
    number = apart.ask(*BATCH, "--mem=100", "--wrap", f"python3 -c '{greedy}'")
    ended = ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    wait_for("too much memory", lambda: state(apart, number).startswith(ended), 60)
    sleeper = apart.ask(*BATCH, "--wrap", "sleep 600 & sleep 700")
    wait_for("a job runs", lambda: len(apart.processes(sleeper)) > 1, 60)
    pids, nodes = apart.processes(sleeper), apart.nodes
    apart.down()
    assert not [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]
    assert not [path for node in nodes for path in CGROUPS.glob(f"*/slurm_{node}")]
    assert not apart.folder.exists()


def test_a_node_that_is_lost_is_missed_and_comes_back(cluster: Cluster) -> None:
    node = cluster.nodes[0]
    number = cluster.ask(*BATCH, "--requeue", "-w", node, "--wrap", "sleep 600")
    wait_for("it runs", lambda: cluster.processes(number), 30)
    cluster.lose_node(node)
    assert not cluster.processes(number)
    wait_for("it is missed", lambda: "down" in cluster.node_state(node), 60)
    cluster.start_node(node)
    wait_for("it is back", lambda: cluster.processes(number), 60)
    cluster.ask("scancel", number)


def test_no_cluster_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)
    with pytest.raises(Unavailable, match="takes root"):
        install()


def test_no_cluster_without_slurm_and_without_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.slurm.machine.shutil.which", lambda *_, **__: None)
    with pytest.raises(Unavailable, match="no apt-get"):
        install()


def test_jobs_that_do_the_same_thing_at_once_are_seen(cluster: Cluster, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, cluster, (TINY,))
    again = (*BATCH, "-D", str(tmp_path), "--comment", "rule_x")
    one, two = (cluster.ask(*again, "--wrap", "sleep 5") for _ in "ab")
    other = cluster.ask(*again[:-1], "rule_y", "--wrap", "sleep 5")

    def ended() -> bool:
        return [row.state for row in checkout.accounts()] == ["COMPLETED"] * 3

    wait_for("all three end", ended, 60)
    later = cluster.ask(*again, "--wrap", "true")
    wait_for("one more", lambda: len(checkout.accounts()) == 4, 60)
    assert [{a.number, b.number} for a, b in checkout.duplicates()] == [{one, two}]
    assert {row.number for row in checkout.accounts()} == {one, two, other, later}
