r"""The training loop: seeded by step, averaged, resumable to the bit.

Every random draw of step :math:`i` comes from a generator seeded by the seed and
:math:`i` alone, so the position in the data and the noise need no saving: a run that was
killed and resumed from a checkpoint takes the same steps as one that was not.

The learning rate rises linearly over the first twentieth of the steps and falls along a
half cosine. Averaged weights follow :math:`\bar\theta \gets \beta \bar\theta +
(1 - \beta) \theta` with :math:`\beta = 2^{-1/h}` for a half-life of :math:`h` steps.

Checkpoints hold tensors only and are read with ``weights_only=True``; the two newest are
kept, and a torn one gives way to the one before it.
"""

__all__ = ["Fit", "generator"]

import hashlib
import logging
import math
import time

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from torch import Tensor, nn

log = logging.getLogger(__name__)
WARM_UP = 0.05  # share of the steps
CLIP = 1.0  # norm of the gradient


def generator(seed: int, step: int) -> torch.Generator:
    """Returns the generator of one step of a seeded run."""
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
        save_seconds: Least time between checkpoints [s].
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
        save_seconds: float = 60.0,
    ) -> None:
        self.model, self.steps, self.seed = model, steps, seed
        self.learning_rate, self.half_life = learning_rate, half_life
        self.folder, self.save_seconds = folder, save_seconds
        self.average = {k: p.detach().clone() for k, p in model.named_parameters()}
        self.optimizer = torch.optim.Adam(model.parameters(), learning_rate, betas=(0.9, 0.99))
        self.step = 0
        self.history: list[dict[str, float]] = []

    def run(
        self,
        loss: Callable[[nn.Module, torch.Generator], Tensor],
        every: int = 10,
        measure: Callable[[int], dict[str, float]] = lambda _: {},
    ) -> Iterator[int]:
        """Trains, yielding the step after every row of ``history``.

        Arguments:
            loss: Draws a batch with the generator it is given, and returns the loss.
            every: Steps between rows, which hold the step and the mean loss since the row
                before.
            measure: Called with the step for more entries of each row.

        Raises:
            FloatingPointError: If the loss is not finite.
        """
        self._resume()
        saved, recent = time.monotonic(), []
        while self.step < self.steps:
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate * self._schedule(self.step)
            value = loss(self.model, generator(self.seed, self.step))
            self.optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
            self.optimizer.step()
            self._follow()
            self.step += 1
            recent.append(value.item())
            if not math.isfinite(recent[-1]):
                raise FloatingPointError(f"the loss is {recent[-1]} at step {self.step}")
            if self.step % every == 0 or self.step == self.steps:
                row = {"step": self.step, "loss": sum(recent) / len(recent)}
                self.history.append(row | measure(self.step))
                log.info("step %d of %d: loss %.4f", self.step, self.steps, row["loss"])
                recent = []
                if self.folder and time.monotonic() - saved > self.save_seconds:
                    self._save()
                    saved = time.monotonic()
                yield self.step

    def settle(self) -> None:
        """Puts the averaged weights into the model."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(self.average[name])

    def _schedule(self, step: int) -> float:
        rise = max(1.0, WARM_UP * self.steps)
        return min((step + 1) / rise, 0.5 * (1 + math.cos(math.pi * step / self.steps)) + 1e-3)

    def _follow(self) -> None:
        # A young average forgets faster, so that it does not remember the start.
        keep = min(2 ** (-1 / self.half_life), (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                self.average[name].lerp_(parameter, 1 - keep)

    def _save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "step": self.step,
            "history": self.history,
            "model": {k: p.detach() for k, p in self.model.named_parameters()},
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
        }
        part = self.folder / "part"
        torch.save(state, part)
        part.replace(self.folder / f"step_{self.step:08d}.pt")
        for path in sorted(self.folder.glob("step_*.pt"))[:-2]:
            path.unlink()

    def _resume(self) -> None:
        found = sorted(self.folder.glob("step_*.pt"), reverse=True) if self.folder else []
        for path in found:
            try:
                state = torch.load(path, weights_only=True)
            except Exception as error:
                log.warning("%s is torn (%s); trying the one before", path.name, error)
                continue
            with torch.no_grad():
                for name, parameter in self.model.named_parameters():
                    parameter.copy_(state["model"][name])
            self.average = state["average"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.history = state["step"], list(state["history"])
            log.info("resumed at step %d", self.step)
            return
