"""The site: what a cluster calls its partitions, and how much of it a run may take.

``slurm/site.yaml`` is the one file to edit on a new cluster (``GALERNE_SITE`` names another);
``slurm/config.yaml`` turns it into Snakemake's settings as it is read.
"""

__all__ = ["GPU_RULES", "SHARED_RULES", "TRAINING_RULES", "Partitions", "Site"]

import os

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml

from pydantic import BaseModel, ConfigDict, Field, ValidationError

ROOT = Path(__file__).resolve().parents[2]
TRAINING_RULES = ("train_autoencoder", "train_prior")
GPU_RULES = (*TRAINING_RULES, "draw_posterior", "sample_prior")
PATIENCE = "--open-mode=append --signal=TERM@120"  # seconds to save before the time limit
Name = Annotated[str, Field(pattern=r"^[\w.-]+$")]
SHARED_RULES = (
    *("simulate_observations", "draw_baseline", "reconstruct_window", "sample_prior"),
    *("vary_observations", "draw_posterior", "draw_climatology", "tune_baseline", "compute_maps"),
)
Image = Annotated[str, Field(pattern=r"^[\w./:+-]+(@sha256:[0-9a-f]{64})?$")]


class Strict(BaseModel):
    """A block without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Partitions(Strict):
    """Names of partitions; null is the default partition of the cluster."""

    cpu: Name | None = Field(description="Every rule that asks for no GPU.")
    gpu: Name | None = Field(description="Rules that draw; null: the cpu partition.")
    training: Name | None = Field(description="Rules that train; null: the gpu partition.")


class Site(Strict):
    """What a run knows of its cluster."""

    account: Name | None = Field(description="Whom jobs are charged to; null: Slurm's default.")
    partitions: Partitions
    gpus: int = Field(ge=0, description="GPUs of a training on each node; drawing takes one.")
    drawing_gpus: int = Field(
        default=1,
        ge=1,
        description="GPUs of a draw; several share a stretch longer than the prior's windows.",
    )
    gpu_type: Name | None = Field(description="Type of GPU, as in gpu:a100; null: any.")
    nodes: int = Field(ge=1, description="Nodes of a training.")
    longest_minutes: int = Field(ge=10, description="Longest time limit of a job [min].")
    jobs: int = Field(ge=1, description="Most jobs in the queue at a time.")
    downloads: int = Field(ge=1, description="Most downloads at a time.")
    together: dict[Literal[SHARED_RULES], Annotated[int, Field(ge=1, le=1000)]] = Field(
        default={}, description="Jobs of a rule that share an allocation, one after the other."
    )
    poll_seconds: int = Field(ge=1, description="First wait before asking Slurm for states [s].")
    image: Image | None = Field(
        default=None, description="Container image of every rule, with --sdm apptainer."
    )
    leftovers: Literal["wait", "cancel", "stop"] = Field(
        description="Running jobs of an earlier run whose controller died: wait for them, "
        "cancel them, or stop with their list. GALERNE_LEFTOVERS overrides it for one run."
    )

    @classmethod
    def read(cls, path: Path | None = None) -> "Site":
        """Reads the site file.

        Arguments:
            path: The file; ``None`` reads what ``GALERNE_SITE`` names, or ``slurm/site.yaml``.

        Raises:
            ValueError: If the file is missing or wrong, by file and key.
        """
        path = path or Path(os.environ.get("GALERNE_SITE", ROOT / "slurm/site.yaml"))
        return _read(path, os.environ.get("GALERNE_LEFTOVERS"))

    def partition(self, rule: str) -> str | None:
        """The partition of a rule."""
        known = self.partitions
        drawing = known.gpu or known.cpu
        if rule in TRAINING_RULES:
            return known.training or drawing
        return drawing if rule in GPU_RULES else known.cpu

    @property
    def processes(self) -> int:
        """Processes of a training, as ``workflow/launch`` starts them."""
        given = os.environ.get("GALERNE_PROCESSES_PER_NODE", "")
        return self.nodes * max(int(given) if given.isdigit() else self.gpus, 1)

    @property
    def drawing_processes(self) -> int:
        """Processes of a draw, as ``workflow/launch`` starts them."""
        given = os.environ.get("GALERNE_PROCESSES_PER_DRAW", "")
        asked = int(given) if given.isdigit() else min(self.gpus, self.drawing_gpus)
        return max(asked, 1)

    def longest(self, rule: str = "") -> int:
        """The longest time limit of one job of a rule, so that those of a group fit [min]."""
        return max(self.longest_minutes // self.together.get(rule, 1), 1)

    def groups(self) -> list[str]:
        """Rules whose jobs share allocations, each a group of its own, for a profile."""
        return [f"{rule}={rule}" for rule, count in self.together.items() if count > 1]

    def group_components(self) -> list[str]:
        """Jobs of each group in an allocation, for a profile."""
        return [f"{rule}={count}" for rule, count in self.together.items() if count > 1]

    def default_resources(self) -> dict[str, object]:
        """Resources of every job, for a profile."""
        named = {"slurm_account": self.account, "slurm_partition": self.partitions.cpu}
        return {key: name for key, name in named.items() if name} | {
            "mem_mb": "1000 * attempt",
            "runtime": f"min(60 * attempt, {self.longest_minutes})",
            "slurm_extra": f"'{PATIENCE}'",
            "turn": 1,
            "disk_mb": 1000,  # or else Snakemake asks for the size of every input of every job
        }

    def set_resources(self) -> dict[str, dict[str, object]]:
        """Resources of the rules that use an accelerator or several nodes, for a profile."""
        return {rule: self._accelerated(rule) for rule in GPU_RULES if self._accelerated(rule)}

    def _accelerated(self, rule: str) -> dict[str, object]:
        partition = self.partition(rule)
        found: dict[str, object] = {"slurm_partition": partition} if partition else {}
        nodes = self.nodes if rule in TRAINING_RULES else 1
        gpus = self.gpus if rule in TRAINING_RULES else min(self.gpus, 1)
        if rule == "draw_posterior":
            gpus = min(self.gpus, self.drawing_gpus)
        if nodes > 1:
            # One agent of torchrun on each node; the plugin counts GPUs by job, not by node.
            kind = f"{self.gpu_type}:" if self.gpu_type else ""
            extra = f" --gpus-per-node={kind}{gpus}" if gpus else ""
            extra = f"'{PATIENCE} --ntasks-per-node=1{extra}'"
            return found | {
                "nodes": nodes,
                "tasks": nodes,
                "mpi": "torchrun",
                "slurm_extra": extra,
            }
        if gpus:
            found["gpu"] = gpus
            if self.gpu_type:
                found["gpu_model"] = self.gpu_type
        return found


@cache
def _read(path: Path, leftovers: str | None) -> Site:
    try:
        values = yaml.safe_load(path.read_text())
        site = Site.model_validate(values if isinstance(values, dict) else {})
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from None
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ValueError(f"{path}: " + "; ".join(faults)) from None
    if not leftovers:
        return site
    if leftovers not in ("wait", "cancel", "stop"):
        raise ValueError(f"GALERNE_LEFTOVERS is {leftovers!r}; allowed: wait, cancel, stop")
    return site.model_copy(update={"leftovers": leftovers})
