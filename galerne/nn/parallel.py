r"""Where a training runs: on which device, and in how many processes.

``torchrun`` starts :math:`N` processes and tells each its number. All draw the same batch of
:math:`B` windows with the same noise, each takes its :math:`B / N` of it, and one sum over
processes, of one vector that holds every gradient, gives all the mean gradient of the batch,

.. math:: g = \tfrac{1}{N} \sum_{n=1}^{N} \nabla \mathcal{L}(x_n),

the same bits in each. So all hold the same weights at every step, equal to those of a single
process up to rounding, and what is saved does not know how many there were.

Draws are made on the CPU and moved, so that a seed means the same on every device.
"""

__all__ = ["Draws", "Team", "best_device", "joined"]

import os

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from jaxtyping import Float, Int
from torch import Tensor

CPU = torch.device("cpu")
PATIENCE = timedelta(minutes=30)  # with a silent process; the main one may be evaluating


def best_device() -> torch.device:
    """Returns the GPU of this process if there is one, and the CPU otherwise.

    Raises:
        ValueError: If there are GPUs, but fewer than processes on this node.
    """
    if not torch.cuda.is_available():
        return CPU
    number, visible = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= visible:
        raise ValueError(
            f"process {number + 1} of this node has no GPU, {visible} are visible: ask for more "
            "GPUs, or start fewer processes by GALERNE_PROCESSES_PER_NODE"
        )
    return torch.device("cuda", number)


@dataclass(frozen=True)
class Team:
    """The processes of one training, seen from one of them.

    Arguments:
        rank: The number of this process, from zero.
        size: How many there are.
        device: Where this one computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, batch_size: int) -> int:
        """Returns how many of a batch each process takes.

        Raises:
            ValueError: If the batch does not divide.
        """
        if batch_size % self.size:
            raise ValueError(
                f"optimisation.batch_size {batch_size} does not divide between {self.size} "
                f"processes: make it a multiple of {self.size}, or start fewer"
            )
        return batch_size // self.size

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its mean over the processes."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def follow_main(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by that of the main process."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def number_of_main(self, number: int) -> int:
        """Returns the number that the main process gave."""
        found = torch.tensor(number, device=self.device)
        self.follow_main([found])
        return int(found.item())

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process; waits for all of them."""
        if self.size == 1:
            return flag
        found = torch.tensor(float(flag), device=self.device)
        dist.all_reduce(found)
        return found.item() > 0


@contextmanager
def joined() -> Iterator[Team]:
    """Joins the other processes of a training, if ``torchrun`` started some.

    They speak NCCL between GPUs and Gloo between CPUs, and share the threads of a node.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team(device=best_device())
        return
    device = best_device()
    threads = torch.get_num_threads()
    torch.set_num_threads(max(threads // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1))
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if on_gpu else "gloo", timeout=PATIENCE, device_id=device if on_gpu else None
    )
    try:
        yield Team(dist.get_rank(), size, device)
    finally:
        dist.destroy_process_group()
        torch.set_num_threads(threads)


class Draws:
    """The random numbers of one step, of which each process gets its share.

    Arguments:
        rng: A generator on the CPU, in the same state in every process.
        team: The processes.
    """

    def __init__(self, rng: torch.Generator, team: Team | None = None) -> None:
        self.rng, self.team = rng, team or Team()

    def integers(self, high: int, count: int) -> Int[Tensor, "count"]:
        """Draws integers below ``high``; they stay on the CPU.

        Arguments:
            high: The bound.
            count: How many this process needs.
        """
        return self._mine(torch.randint(high, (count * self.team.size,), generator=self.rng))

    def normal(self, shape: Sequence[int]) -> Float[Tensor, "batch *rest"]:
        """Draws standard normal numbers.

        Arguments:
            shape: What this process needs: its share of the batch, and the rest.
        """
        first, *rest = shape
        whole = torch.randn((first * self.team.size, *rest), generator=self.rng)
        return self._mine(whole).to(self.team.device)

    def strata(self, count: int) -> Float[Tensor, "count"]:
        """Draws one number in each of equal parts of the unit interval, in rising order.

        Arguments:
            count: How many parts this process needs.
        """
        parts = count * self.team.size
        whole = (torch.arange(parts) + torch.rand(parts, generator=self.rng)) / parts
        return self._mine(whole).to(self.team.device)

    def _mine(self, whole: Tensor) -> Tensor:
        return whole.chunk(self.team.size)[self.team.rank]
