"""The doctor looks everywhere a run would go, and a run starts only where it can."""

import json
import shutil
import subprocess
import sys
import time

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from galerne.cluster import doctor
from galerne.cluster.doctor import check_before_submitting, examine, main
from galerne.cluster.probe import look
from galerne.cluster.site import ROOT, Site

Sites = Callable[..., Site]
PROBE = "galerne.cluster.probe"


class Nodes:
    """A cluster whose nodes look at the folder in this process, with edits to what they see."""

    def __init__(self, cluster: Any, **edits: object) -> None:
        self.cluster, self.edits, self.looks = cluster, edits, []

    def __call__(self, *command: str, seconds: float = 30) -> str:
        if PROBE not in command:
            return self.cluster(*command)
        self.looks.append(command)
        seen = look(Path(command[-2]), command[-1])
        return "srun: a greeting\n" + json.dumps(seen | (self.edits if "srun" in command else {}))


def lines(site: Site, root: Path, run: Any, jobs: bool = True) -> list[str]:
    return [str(finding) for finding in examine(site, root, jobs=jobs, run=run)]


def test_a_cluster_in_order_lacks_nothing(cluster: Any, site: Sites, tmp_path: Path) -> None:
    nodes = Nodes(cluster, host="node1", gpus=1)
    found = lines(site(), tmp_path / "results", nodes)
    assert {line.split()[0] for line in found} <= {"ok", "warning"}
    assert "ok       node1 (cpu): results are shared, both ways" in found
    assert "ok       node1 (training): a lock held here holds there" in found
    assert len(nodes.looks) == 4  # this machine, and each of three partitions
    assert list((tmp_path / "results").iterdir()) == []


def test_each_partition_is_looked_at_once(cluster: Any, site: Sites, tmp_path: Path) -> None:
    nodes = Nodes(cluster, host="node1")
    found = lines(site(gpu=None, training=None, gpus=0), tmp_path, nodes)
    assert len(nodes.looks) == 2
    assert any("node1 (cpu, gpu, training)" in line for line in found)
    srun = nodes.looks[1]
    assert srun[0] == "env"
    assert {"srun", "--partition=cpu", f"--chdir={ROOT}", sys.executable} <= set(srun)


SEEN = {
    "not shared": ({"sees": False}, "does not see, or cannot write, the folder of results"),
    "no lock": ({"excluded": False}, "a lock held here does not hold there"),
    "another copy": ({"package": "/old/galerne"}, "finds another galerne: /old/galerne"),
    "no torch": ({"torch": "ImportError: libcudart"}, "torch does not start: ImportError"),
    "no GPU": ({"gpus": 0}, "sees 0 of 1 GPUs asked for"),
    "no scratch": ({"tmp_gb": -1.0}, "is not writable"),
    "full scratch": ({"tmp_gb": 0.2}, "is 0.2 GB free"),
}


@pytest.mark.parametrize("case", SEEN)
def test_what_a_node_lacks_is_named(case: str, cluster: Any, site: Sites, tmp_path: Path) -> None:
    edits, text = SEEN[case]
    found = lines(site(), tmp_path, Nodes(cluster, **({"host": "node2", "gpus": 1} | edits)))
    lacking = [line for line in found if line.startswith("missing")]
    assert lacking
    assert all(text in line and "node2" in line and " -> " in line for line in lacking)


def test_a_clock_that_is_off_is_a_warning(cluster: Any, site: Sites, tmp_path: Path) -> None:
    nodes = Nodes(cluster, gpus=1, clock=time.time() - 100)
    assert any("its clock differs by 1" in line for line in lines(site(), tmp_path, nodes))


@pytest.mark.parametrize(
    ("error", "level", "text"),
    [
        ("srun: error: Requested nodes are busy", "warning", "no node was free within 60 s"),
        ("srun: error: execve(): python: No such file", "missing", "Python does not start there"),
    ],
)
def test_a_node_that_does_not_answer_is_told(
    error: str, level: str, text: str, cluster: Any, site: Sites, tmp_path: Path
) -> None:
    def run(*command: str, seconds: float = 30) -> str:
        if "srun" in command:
            raise RuntimeError(error)
        return Nodes(cluster)(*command)

    found = lines(site(), tmp_path, run)
    assert sum(line.startswith(level) and text in line for line in found) == 3


def test_nothing_is_submitted_where_partitions_are_wrong_or_on_demand(
    cluster: Any, site: Sites, tmp_path: Path
) -> None:
    for chosen, jobs in ((site(gpu="gqu"), True), (site(), False)):
        nodes = Nodes(cluster, gpus=1)
        found = lines(chosen, tmp_path, nodes, jobs)
        assert len(nodes.looks) == 1
        assert found[-1].startswith("warning  not looked at from other nodes")


def test_without_slurm_this_machine_is_enough(
    cluster: Any, site: Sites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = lines(site(), tmp_path, Nodes(cluster))
    assert found[-1].startswith("ok       no Slurm here")
    assert cluster.asked == []
    assert not any(line.startswith("missing") for line in found)


def test_a_folder_that_cannot_be_written_ends_the_search(
    cluster: Any, site: Sites, tmp_path: Path
) -> None:
    (tmp_path / "results").touch()
    (only,) = lines(site(), tmp_path / "results", Nodes(cluster))
    assert only.startswith(f"missing  results: {tmp_path}/results cannot be written")


def test_a_run_starts_where_all_is_there(cluster: Any, site: Sites, tmp_path: Path) -> None:
    check_before_submitting(site(), tmp_path, slurm=True, run=cluster)
    check_before_submitting(site(gpu="gqu"), tmp_path, slurm=False, run=cluster)
    words = {"--config run": "run=[demo]", "the folder of the workflow": "/work/galerne"}
    check_before_submitting(site(), tmp_path, slurm=True, words=words, run=cluster)
    assert len(cluster.asked) == 4


def test_a_run_does_not_start_with_words_that_a_shell_reads(
    cluster: Any, site: Sites, tmp_path: Path
) -> None:
    words = {"--config report": "report={title: $(id)}"}
    with pytest.raises(RuntimeError, match="--config report: a shell on the way to Slurm"):
        check_before_submitting(site(), tmp_path, slurm=True, words=words, run=cluster)
    check_before_submitting(site(), tmp_path, slurm=False, words=words, run=cluster)


def test_a_batch_that_processes_cannot_share_is_refused(
    cluster: Any, site: Sites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = {"autoencoders.a.batch_size": 16, "priors.p.network.batch_size": 6}
    check = partial(check_before_submitting, root=tmp_path, batches=batches, run=cluster)
    with pytest.raises(RuntimeError, match=r"priors.p.network.batch_size 6 .* the 4 proc") as e:
        check(site(nodes=4), slurm=True)
    assert "autoencoders" not in str(e.value)
    check(site(nodes=4), slurm=False)
    check(site(nodes=2), slurm=True)
    monkeypatch.setenv("GALERNE_PROCESSES_PER_NODE", "2")
    with pytest.raises(RuntimeError, match="the 4 processes"):
        check(site(nodes=2), slurm=True)


def test_a_run_with_faults_starts_nowhere(cluster: Any, site: Sites, tmp_path: Path) -> None:
    (tmp_path / "results").touch()
    with pytest.raises(RuntimeError) as caught:
        check_before_submitting(site(gpu="gqu"), tmp_path / "results", slurm=True, run=cluster)
    assert str(caught.value) == (
        f"results: {tmp_path}/results cannot be written: File exists; "
        "slurm/site.yaml: partitions.gpu: no partition 'gqu' here; there are: cpu, gpu, preempt"
    )


def test_the_command_says_what_is_missing_and_fails(
    site: Sites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"results: {tmp_path}/results\n")
    assert main(["--configfile", str(overlay)]) == 0
    assert capsys.readouterr().out.endswith("nothing is missing\n")
    overlay.write_text(f"results: {overlay}/results\n")
    assert main(["--configfile", str(overlay)]) == 1
    assert capsys.readouterr().out.endswith("1 missing\n")
    monkeypatch.setenv("GALERNE_SITE", str(tmp_path / "nothing.yaml"))
    assert main([]) == 1
    assert f"{tmp_path}/nothing.yaml" in capsys.readouterr().out


def test_make_doctor_is_this_command() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "doctor", "DOCTOR=--no-jobs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert f"-m {doctor.__name__} --no-jobs" in done.stdout
