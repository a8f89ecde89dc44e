"""Members drawn in batches that fit into memory.

On a GPU a batch is as large as its free memory allows, and if that was too much it is halved.
A member is then the same in any batch up to rounding.

On a CPU every batch has the same number of slots, :data:`SLOTS`; where there are fewer members,
the last one fills the other slots too. All shapes are then the same whatever members are drawn
together, and so are the bytes of each: more slots would not be faster (matrices too large for
the cache are read once for all of them), fewer would be slower for a member. Only where memory is
too short for so many, there are fewer, and members are the same up to rounding.

How members were divided is noted with the progress of the draw, so what goes on after a kill goes
on with the same batches, whatever memory it finds.
"""

__all__ = ["SLOTS", "Batches", "batch_size"]

import logging

from collections.abc import Callable

import torch

from torch import Tensor

from ..jobs.progress import Progress
from ..nn.parallel import Team

log = logging.getLogger(__name__)
SLOTS = 4  # of a batch on a CPU
SHARE = 0.8  # of the free memory that a draw may fill


def batch_size(members: int, member_bytes: int, free_bytes: int | float, device: str) -> int:
    """Returns how many members, or slots, a batch has.

    Arguments:
        members: Members to draw.
        member_bytes: What a member takes while it is drawn.
        free_bytes: Free memory; infinite if there is no bound.
        device: Type of the device.

    Example:
        >>> batch_size(100, 10**9, 20e9, "cuda"), batch_size(2, 10**9, 20e9, "cpu")
        (16, 4)
    """
    fits = max(SHARE * free_bytes / max(member_bytes, 1), 1)
    if device != "cpu":
        return int(min(members, fits))
    slots = SLOTS
    while slots > fits:
        slots //= 2
    if slots < SLOTS:
        log.warning(
            "%.0f MB are free and a member takes %.0f MB: %d of them at once, not %d; members are "
            "those of a machine with more memory up to rounding",
            free_bytes / 1e6, member_bytes / 1e6, slots, SLOTS,
        )  # fmt: skip
    return slots


class Batches:
    """The division of some members into batches.

    Arguments:
        members: How many members there are.
        size: Members, or slots, of a batch, unless the progress knows better.
        device: Type of the device; on a CPU all slots are filled.
        progress: Where the whole draw is saved.
        team: The processes that share every batch; ``None``: this one alone.

    Attributes:
        size: Members, or slots, of the batches to come.
    """

    def __init__(
        self, members: int, size: int, device: str, progress: Progress, team: Team | None = None
    ) -> None:
        self.members, self.device, self.progress = members, device, progress
        self.team = team or Team()
        self.size = int(progress.noted("batch", size))
        if self.team.size > 1:
            self.size = self.team.number_of_main(self.size)
        progress.note("batch", self.size)

    def draw(self, draw: Callable[[list[int], Progress], Tensor], progress: Progress) -> Tensor:
        """Draws all members, and returns what was drawn, in the memory of the CPU.

        Arguments:
            draw: Draws a batch: members by their places, counted from 0, which may repeat at the
                end; and where it is saved.
            progress: Where this part of the draw is saved.

        Raises:
            torch.OutOfMemoryError: If the memory of a GPU does not hold a single member, or that
                of one of several processes too few: the others would wait for it.
        """
        sizes = list(progress.noted("batches", self._divided(self.members)))
        drawn: list[Tensor] = []
        done = number = 0
        while done < self.members:
            progress.note("batches", sizes)
            size = sizes[number]
            places = list(range(done, min(done + size, self.members)))
            log.info("members %d to %d of %d", done + 1, places[-1] + 1, self.members)
            own = progress
            if len(places) < self.members:
                own = progress.part("member", done + 1, self.members)
            slots = places + places[-1:] * (size - len(places) if self.device == "cpu" else 0)
            try:
                drawn.append(draw(slots, own)[: len(places)].cpu())
            except torch.OutOfMemoryError:
                if size == 1 or self.team.size > 1:
                    raise
                self._halve(size)
                own.forget()
                sizes[number:] = self._divided(self.members - done)
            else:
                done, number = done + len(places), number + 1
        return torch.cat(drawn)

    def _divided(self, members: int) -> list[int]:
        return [self.size] * -(-members // self.size)

    def _halve(self, size: int) -> None:
        self.size = max(size // 2, 1)
        self.progress.note("batch", self.size)
        log.warning("out of memory with %d members at once: going on with %d", size, self.size)
        if self.device == "cuda":
            torch.cuda.empty_cache()
