"""A cluster, a run without disturbance to compare with, and copies of it to disturb.

``make test-slurm`` runs these tests; a plain ``pytest`` skips them. With ``GALERNE_CGROUPS=0``
jobs are not held in cgroups, as on a machine where that cannot be done.
"""

import os
import shutil
import signal
import tempfile

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from filelock import FileLock

from tests.slurm.checkout import TINY, Checkout
from tests.slurm.cluster import Cluster
from tests.slurm.machine import Unavailable

HERE = Path(__file__).parent
MICRO = HERE / "micro.yaml"
# What a prior is trained from stays; the training and all that follows it goes.
TRAINED = ("speedy_t21/tiny/tiny/model.*", "speedy_t21/tiny/tiny/training.csv")
FOLLOWING = (
    *("speedy_t21/tiny/tiny/samples", "speedy_t21/tiny/tiny/tiny/mmps"),
    *("speedy_t21/tiny/tiny/tiny/prior", "figures", "scores.csv", "report.html"),
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = "slurm" in config.getoption("markexpr") or os.environ.get("GALERNE_SLURM") == "1"
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slurm)
            if not asked:
                item.add_marker(pytest.mark.skip(reason="starts a cluster: make test-slurm"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster of this process's own."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    found = Cluster(folder, cgroups=False if os.environ.get("GALERNE_CGROUPS") == "0" else None)
    try:
        found.up()
    except Unavailable as reason:
        shutil.rmtree(folder)
        pytest.skip(str(reason))
    yield found
    found.down()


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the processes of a parallel test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def reference(cluster: Cluster, together: Path) -> Checkout:
    """A finished run on this machine alone, without a cluster and without disturbance."""
    folder = together / "reference"
    with FileLock(together / "reference.lock"):
        if not folder.exists():
            made = Checkout.make(together / "unfinished", cluster, (TINY, MICRO))
            made.run_here()
            made.folder.rename(folder)
    return Checkout(folder, cluster, (TINY, MICRO))


@pytest.fixture
def start(cluster: Cluster) -> Iterator[Callable[..., Popen]]:
    """Starts controllers; kills those that are left, and their jobs, when the test is over."""
    started: list[tuple[Checkout, Popen]] = []

    def launch(checkout: Checkout, *arguments: str, **environment: str) -> Popen:
        started.append((checkout, checkout.start(*arguments, **environment)))
        return started[-1][1]

    yield launch
    for checkout, controller in started:
        if controller.poll() is None:
            os.killpg(controller.pid, signal.SIGKILL)
            controller.wait()
        if left := [job.number for job in checkout.queue()]:
            cluster.ask("scancel", "--signal=KILL", "--full", *left)
            cluster.ask("scancel", *left)


@pytest.fixture
def untrained(reference: Checkout, cluster: Cluster, tmp_path: Path) -> Checkout:
    """A copy of the reference without its prior and all that follows from it."""
    checkout = reference.twin(tmp_path / "copy", cluster)
    checkout.forget(*TRAINED, *FOLLOWING)
    return checkout
