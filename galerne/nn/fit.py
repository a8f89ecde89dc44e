r"""The training loop: seeded by step, averaged, resumable to the bit.

Every random draw of step :math:`i` comes from a generator seeded by the seed and
:math:`i` alone, so the position in the data and the noise need no saving: a run that was
killed and resumed from a checkpoint takes the same steps as one that was not.

The learning rate rises linearly over the first twentieth of the steps and falls along a
half cosine. Averaged weights follow :math:`\bar\theta \gets \beta \bar\theta +
(1 - \beta) \theta` with :math:`\beta = 2^{-1/h}` for a half-life of :math:`h` steps.

After every step the loop answers a request to stop: it saves its progress, which includes the
losses since the last row of the curves, and raises
:class:`galerne.jobs.interrupt.Interrupted`. Weights and curves are the same bytes whenever
and however often a run was cut. Several processes that share a training stop at the same step;
the main one alone saves, and what it saves can be continued by any number of them.
"""

__all__ = ["Fit", "generator"]

import hashlib
import logging
import math
import os
import time

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from torch import Tensor, nn

from ..jobs import interrupt
from .parallel import Team
from .progress import load_newest, load_state, save_state, state_path

log = logging.getLogger(__name__)
WARM_UP = 0.05  # share of the steps
CLIP = 1.0  # norm of the gradient


def generator(seed: int, step: int | str) -> torch.Generator:
    """Returns the generator of one step, or of one use, of a seeded run."""
    text = f"{seed}/{step}".encode()
    number = int.from_bytes(hashlib.sha256(text).digest()[:7], "big")
    return torch.Generator().manual_seed(number)


class Fit:
    """A training run of a model.

    Arguments:
        model: The model; trained in place.
        steps: Optimisation steps.
        learning_rate: Peak learning rate.
        seed: Seed of all draws.
        half_life: Half-life of the averaged weights [steps].
        folder: Where checkpoints live; ``None`` for none.
        save_seconds: Least time between checkpoints [s]; ``None``: what the environment
            variable ``GALERNE_SAVE_SECONDS`` says, or else 60.
        team: The processes that share the training; ``None``: this one alone.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        steps: int,
        learning_rate: float,
        seed: int,
        half_life: float,
        folder: Path | None = None,
        save_seconds: float | None = None,
        team: Team | None = None,
    ) -> None:
        self.model, self.steps, self.seed = model, steps, seed
        self.learning_rate, self.half_life = learning_rate, half_life
        self.folder, self.team = folder, team or Team()
        if save_seconds is None:
            save_seconds = float(os.environ.get("GALERNE_SAVE_SECONDS", "60"))
        self.save_seconds = save_seconds
        self.average = {k: p.detach().clone() for k, p in model.named_parameters()}
        self.optimizer = torch.optim.Adam(model.parameters(), learning_rate, betas=(0.9, 0.99))
        self.step, self.seconds = 0, 0.0  # of all attempts
        self.history: list[dict[str, float]] = []
        self.recent: list[float] = []  # losses since the last row

    def run(
        self,
        loss: Callable[[nn.Module, torch.Generator], Tensor],
        every: int = 10,
        measure: Callable[[int], dict[str, float]] = lambda _: {},
    ) -> Iterator[int]:
        """Trains, yielding the step after every row of ``history``.

        Arguments:
            loss: Draws a batch with the generator it is given, and returns the loss of this
                process's share of it.
            every: Steps between rows, which hold the step and the mean loss since the row
                before.
            measure: Called with the step for more entries of each row, in the main process.

        Raises:
            FloatingPointError: If the loss is not finite.
            Interrupted: If a stop was requested; the progress is saved.
            ValueError: If the checkpoint is of another model, by parameter.
        """
        self._resume()
        self.team.follow_main([*self.model.state_dict().values(), *self.average.values()])
        self.began = self.step
        self.clock = self.saved = time.monotonic()
        while self.step < self.steps:
            self.recent.append(self._advance(loss))
            due = self.step % every == 0 or self.step == self.steps
            if due:
                row = {"step": self.step, "loss": sum(self.recent) / len(self.recent)}
                self.history.append(row | (measure(self.step) if self.team.is_main else {}))
                self.recent = []
                log.info("step %d of %d: loss %.4f", self.step, self.steps, row["loss"])
            self._keep()
            if due:
                yield self.step
        log.info("%d steps in %.1f s of all attempts", self.step, self._total_seconds())

    def settle(self) -> None:
        """Puts the averaged weights into the model."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(self.average[name])

    def _advance(self, loss: Callable[[nn.Module, torch.Generator], Tensor]) -> float:
        """Takes one step, and returns its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * self._schedule(self.step)
        value = loss(self.model, generator(self.seed, self.step))
        self.optimizer.zero_grad()
        value.backward()
        value = value.detach()
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        self.team.average([*gradients, value])
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self._follow()
        self.step += 1
        if not math.isfinite(number := value.item()):
            raise FloatingPointError(f"the loss is {number} at step {self.step}")
        return number

    def _schedule(self, step: int) -> float:
        rise = max(1.0, WARM_UP * self.steps)
        return min((step + 1) / rise, 0.5 * (1 + math.cos(math.pi * step / self.steps)) + 1e-3)

    def _follow(self) -> None:
        # A young average forgets faster, so that it does not remember the start.
        keep = min(2 ** (-1 / self.half_life), (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                self.average[name].lerp_(parameter, 1 - keep)

    def _keep(self) -> None:
        """Saves the progress when it is time or when asked to stop."""
        stop = self.team.any(interrupt.requested())
        due = stop or time.monotonic() - self.saved > self.save_seconds
        if self.folder and self.team.is_main and due:
            self._save()
            self.saved = time.monotonic()
        if stop:
            self.team.any(True)  # nobody leaves before the progress is on the disk
            advanced = self.folder is not None and self.step > self.began
            raise interrupt.Interrupted(f"step {self.step} of {self.steps}", advanced=advanced)

    def _total_seconds(self) -> float:
        return self.seconds + time.monotonic() - self.clock

    def _save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self._total_seconds(),
            "history": self.history,
            "recent": self.recent,
            "model": {k: p.detach() for k, p in self.model.named_parameters()},
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
        }
        save_state(state, self.folder, self.step)

    def _resume(self) -> None:
        if self.folder is None or (found := self._newest()) is None:
            return
        state, path = found
        _check(state, self.model, path)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(state["model"][name])
                self.average[name].copy_(state["average"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.history, self.recent = list(state["history"]), list(state["recent"])
        log.info("resumed at step %d", self.step)

    def _newest(self) -> tuple[dict[str, object], Path] | None:
        """The newest state, the one that the main process found."""
        found = load_newest(self.folder) if self.team.is_main else None
        step = self.team.number_of_main(int(found[1].stem[5:]) if found else -1)
        if step < 0 or self.team.is_main:
            return found
        path = state_path(self.folder, step)
        return load_state(path), path


KEYS = {"step", "seconds", "history", "recent", "model", "average", "optimizer"}


def _check(state: dict[str, object], model: nn.Module, path: Path) -> None:
    """Refuses the progress of another training."""
    if not isinstance(state, dict) or KEYS - state.keys():
        raise ValueError(f"checkpoint {path} holds no progress of a training: delete it")
    wanted = {name: tuple(p.shape) for name, p in model.named_parameters()}
    for part in ("model", "average"):
        found = {name: tuple(tensor.shape) for name, tensor in state[part].items()}
        for name in sorted(wanted.keys() | found.keys()):
            here, there = wanted.get(name, "missing"), found.get(name, "missing")
            if here != there:
                raise ValueError(
                    f"checkpoint {path} is of another model: {name} is {there} there, "
                    f"{here} here; delete it or restore the settings it was made with"
                )
