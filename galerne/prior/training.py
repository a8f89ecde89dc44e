"""Trains the network of a prior on what its Gaussian misses."""

__all__ = ["train_on"]

import logging

from contextlib import closing
from pathlib import Path

import pandas as pd
import torch

from ..nn.fit import Fit, generator
from ..nn.parallel import Draws, joined
from ..reading import Ahead
from .backbone import Backbone, calendar
from .denoiser import WindowDenoiser
from .gaussian import WindowGaussian
from .objective import validation_losses
from .window import LatentRecords

log = logging.getLogger(__name__)
REPORTS = 20  # of the training loss
EVALUATIONS = 4  # on the validation windows while training


def train_on(
    backbone: Backbone,
    gaussian: WindowGaussian,
    train: LatentRecords,
    validation: LatentRecords,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    ema_half_life: float,
    seed: int,
    folder: Path | None,
) -> pd.DataFrame | None:
    """Trains in place, on a GPU if there is one, and returns the curves.

    Arguments:
        backbone: The network.
        gaussian: The Gaussian part of the prior.
        train: Windows of the training periods.
        validation: Windows of the validation periods.
        steps: Optimisation steps; none leaves the Gaussian alone.
        batch_size: Windows per step.
        learning_rate: Peak learning rate.
        ema_half_life: Half-life of the averaged weights [steps].
        seed: Seed of all draws.
        folder: Where checkpoints live.

    Returns:
        A table of ``step``, ``loss`` (squared error over the expected one of the Gaussian)
        and the validation error by noise level over the Gaussian's own; ``None`` in all but
        the first of the processes that share a training.
    """
    denoiser = WindowDenoiser(gaussian, backbone if steps else None, 1e-3, 1e3)
    every = max(steps // REPORTS, 1)

    def error(step: int) -> dict[str, float]:
        due = step % (every * (REPORTS // EVALUATIONS)) == 0 and step < steps
        return validation_losses(denoiser, validation, seed) if due else {}

    with joined() as team:
        share = team.share(batch_size)

        ahead = Ahead(train.read)

        def loss(_: Backbone, rng: torch.Generator) -> torch.Tensor:
            draws = Draws(rng, team)
            indices = draws.integers(len(train), share).tolist()
            upcoming = Draws(generator(seed, fit.step + 1), team)
            following = upcoming.integers(len(train), share).tolist()
            windows, starts = ahead.take(indices, following if fit.step + 1 < steps else None)
            season = calendar(starts).to(team.device)
            return denoiser.loss(windows.to(team.device), season, draws)

        denoiser.to(team.device)
        backbone.to(team.device)
        first = validation_losses(denoiser, validation, seed) if team.is_main else {}
        fit = Fit(
            backbone, steps=steps, learning_rate=learning_rate, seed=seed,
            half_life=ema_half_life, folder=folder, team=team,
        )  # fmt: skip
        with closing(ahead):
            list(fit.run(loss, every, error))
        fit.settle()
        if not team.is_main:
            return None
    first = {"step": 0, **first}
    last = {"step": steps, **validation_losses(denoiser, validation, seed)}
    rows = [first, *fit.history, last]
    log.info("validation error over the Gaussian's, averaged weights: %s", rows[-1])
    return pd.DataFrame(rows)
