"""How a script is started: as it is, as a step of its Slurm job, or shared by torchrun."""

import os
import subprocess
import sys

from collections.abc import Callable
from pathlib import Path

import pytest

LAUNCH = Path(__file__).parents[2] / "workflow/launch"
SCRIPT = """
import os, sys
from pathlib import Path
rank, size = (os.environ.get(key, "-") for key in ("RANK", "WORLD_SIZE"))
node = os.environ.get("SLURM_NODEID", "-")
text = f"rank {rank} of {size} on node {node}, {os.environ.get('SLURM_CONF', 'no file')}"
(Path(sys.argv[0]).parents[2] / f"{rank}.said").write_text(text)
sys.exit(int(os.environ.get("CODE", "0")))
"""
# A cluster that is not there: every node of it is this machine.
COMMANDS = {
    "squeue": 'echo "$NODES"',
    "scontrol": """
        case "$2" in
        hostnames) seq -f "n%g" 0 9 ;;
        node) echo "NodeName=$4 Arch=x86_64 NodeAddr=127.0.0.1 NodeHostName=$4 Version=1" ;;
        esac""",
    "srun": """
        echo "$*" >>"$HERE/srun.log"
        while [[ "$1" == --* ]]; do case "$1" in --nodes=*) nodes=${1#*=} ;; esac; shift; done
        export SLURM_STEP_NUM_NODES=$nodes SLURM_STEP_NODELIST="n[0-9]"
        for ((k = 0; k < nodes; k++)); do SLURM_NODEID=$k "$@" & started+=($!); done
        for one in "${started[@]}"; do wait "$one"; done""",
}
Launch = Callable[..., list[str]]


@pytest.fixture
def launch(tmp_path) -> Launch:
    """Launches a script of some rule, and returns what its processes said."""
    (tmp_path / "bin").mkdir()
    for name, text in COMMANDS.items():
        (tmp_path / "bin" / name).write_text(f"#!/usr/bin/env bash\nset -e\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "CUDA", "GALERNE"))}
    own |= {"HERE": str(tmp_path), "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}

    def run(rule: str, code: int = 0, **environment: str) -> list[str]:
        script = tmp_path / f".snakemake/scripts/tmp12ab.{rule}.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(SCRIPT)
        command = [LAUNCH, sys.executable, script]
        done = subprocess.run(
            command, env=own | environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == code, done.stderr
        return [path.read_text() for path in sorted(tmp_path.glob("*.said"))]

    return run


def steps(folder: Path) -> list[str]:
    path = folder / "srun.log"
    return path.read_text().splitlines() if path.exists() else []


def test_outside_of_slurm_a_script_is_run_as_it_is(launch, tmp_path) -> None:
    assert launch("train_prior", code=3, CODE="3") == ["rank - of - on node -, no file"]
    assert not steps(tmp_path)


def test_outside_of_slurm_processes_can_be_asked_for(launch, tmp_path) -> None:
    said = launch("train_prior", GALERNE_PROCESSES_PER_NODE="2")
    assert said == [f"rank {k} of 2 on node -, no file" for k in range(2)]
    assert not steps(tmp_path)


def test_below_slurm_a_script_is_a_step_and_keeps_its_exit_code(launch, tmp_path) -> None:
    settings = {"SLURM_JOB_ID": "7", "NODES": "1", "GALERNE_SLURM_CONF": "/there"}
    assert launch("train_prior", code=75, CODE="75", **settings) == [
        "rank - of - on node 0, /there"
    ]
    (step,) = steps(tmp_path)
    assert "--overlap" in step
    assert "--ntasks=1" in step


@pytest.mark.parametrize(
    ("nodes", "settings", "size"),
    [
        ("1", {"CUDA_VISIBLE_DEVICES": "0,1"}, 2),
        ("1", {"CUDA_VISIBLE_DEVICES": "3"}, None),
        ("2", {}, 2),
        ("2", {"CUDA_VISIBLE_DEVICES": "0,1"}, 4),
        ("2", {"CUDA_VISIBLE_DEVICES": "0,1", "GALERNE_PROCESSES_PER_NODE": "1"}, 2),
    ],
    ids=["two GPUs", "one GPU", "two nodes", "two nodes of two GPUs", "fewer processes"],
)
def test_a_training_has_a_process_for_each_gpu_or_node(
    launch, tmp_path, nodes, settings, size
) -> None:
    said = launch("train_autoencoder", SLURM_JOB_ID="7", NODES=nodes, **settings)
    if size is None:
        assert said == ["rank - of - on node 0, no file"]
    else:  # the main process on the first node
        each = size // int(nodes)
        assert said == [f"rank {k} of {size} on node {k // each}, no file" for k in range(size)]
    (step,) = steps(tmp_path)
    assert f"--nodes={nodes} --ntasks={nodes} --ntasks-per-node=1" in step


def test_any_other_script_is_one_process_whatever_it_was_given(launch, tmp_path) -> None:
    settings = {"NODES": "2", "CUDA_VISIBLE_DEVICES": "0,1", "GALERNE_PROCESSES_PER_NODE": "4"}
    said = launch("sample_prior", SLURM_JOB_ID="7", **settings)
    assert said == ["rank - of - on node 0, no file"]
    assert "--nodes=1" in steps(tmp_path)[0]


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"GALERNE_PROCESSES_PER_DRAW": "2"}, 2),
        ({"GALERNE_PROCESSES_PER_NODE": "2"}, None),
        ({"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0,1"}, 2),
        ({"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0"}, None),
        ({"SLURM_JOB_ID": "7", "NODES": "2", "GALERNE_PROCESSES_PER_DRAW": "2"}, 2),
    ],
    ids=["asked for", "asked of a training", "two GPUs", "one GPU", "never several nodes"],
)
def test_a_draw_is_shared_by_the_gpus_or_processes_that_it_was_given(
    launch, settings, size
) -> None:
    said = launch("draw_posterior", **settings)
    node = "0" if "SLURM_JOB_ID" in settings else "-"
    if size is None:
        assert said == [f"rank - of - on node {node}, no file"]
    else:
        assert said == [f"rank {k} of {size} on node {node}, no file" for k in range(size)]


def test_a_command_that_is_no_script_of_a_rule_is_left_alone(launch, tmp_path) -> None:
    done = subprocess.run([LAUNCH, "echo", "$HOME it's"], capture_output=True, text=True)
    assert done.stdout == "$HOME it's\n"


@pytest.mark.parametrize(("name", "kept"), [("regrid_period", "1"), ("train_prior", "-")])
def test_jobs_of_long_records_give_memory_back(tmp_path, name: str, kept: str) -> None:
    script = tmp_path / f".snakemake/scripts/tmp12ab.{name}.py"
    script.parent.mkdir(parents=True)
    script.write_text("import os; print(os.environ.get('MALLOC_ARENA_MAX', '-'))")
    own = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "MALLOC"))}
    said = subprocess.check_output([LAUNCH, sys.executable, script], env=own, text=True)
    assert said.strip() == kept
