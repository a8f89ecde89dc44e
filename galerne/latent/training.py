"""Trains an autoencoder from its linear start."""

__all__ = ["train_on"]

import logging
import math

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pandas as pd
import torch

from jaxtyping import Float
from torch import Tensor

from ..arrays import block_states
from ..nn.fit import Fit, generator
from ..nn.parallel import Draws, joined
from ..reading import Ahead
from .autoencoder import Autoencoder, patch_components
from .objective import reconstruction_loss, relative_errors, residual_factor
from .record import StandardisedStates

log = logging.getLogger(__name__)
COMPONENT_STATES = 1000  # states that the linear start is made of
EVALUATIONS = 20  # on the validation states while training


def train_on(
    model: Autoencoder,
    x: Float[Tensor, "time channel lat lon"] | StandardisedStates,
    check: Float[Tensor, "time2 channel lat lon"],
    areas: Float[Tensor, "lat"],
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    noise: float,
    seed: int,
    folder: Path | None,
) -> pd.DataFrame | None:
    """Trains in place, on a GPU if there is one, measures residuals, and returns the curves.

    Arguments:
        model: The autoencoder.
        x: Standardised training states [1], in memory or on disk.
        check: Standardised validation states [1].
        areas: The share of the sphere of each row [1].
        steps: Optimisation steps.
        batch_size: States per step.
        learning_rate: Peak learning rate.
        noise: Standard deviation of the noise on latents [1].
        seed: Seed of all draws.
        folder: Where checkpoints live.

    Returns:
        A table of ``step``, ``loss`` and ``validation_relative_rmse``; step 0 is the linear
        start. ``None`` in all but the first of the processes that share a training.
    """
    rows = torch.arange(0, len(x), -(-len(x) // COMPONENT_STATES))
    sample = (x[part] for part in rows.split(_component_block(x.shape)))
    latents = len(model.spread)
    model.start_from(*patch_components(sample, areas, model.downsampling, latents))

    def error(_: int = 0) -> dict[str, float]:
        return {"validation_relative_rmse": relative_errors(model, check, areas).mean().item()}

    with joined() as team:
        share, weights = team.share(batch_size), areas.to(team.device)

        ahead = Ahead(x.__getitem__)

        def loss(model: Autoencoder, rng: torch.Generator) -> Tensor:
            draws = Draws(rng, team)
            indices = draws.integers(len(x), share).tolist()
            following = Draws(generator(seed, fit.step + 1), team).integers(len(x), share).tolist()
            batch = ahead.take(indices, following if fit.step + 1 < steps else None)
            batch = batch.to(team.device)
            return reconstruction_loss(model, batch, weights, noise, draws)

        model.to(team.device)
        first = {"step": 0, **(error() if team.is_main else {})}
        log.info("linear start: %s", first)
        history = []
        with closing(ahead):
            if steps:
                fit = Fit(
                    model, steps=steps, learning_rate=learning_rate, seed=seed,
                    half_life=max(steps / 20, 1.0), folder=folder, team=team,
                )  # fmt: skip
                list(fit.run(loss, max(steps // EVALUATIONS, 1), error))
                fit.settle()
                history = fit.history
        if not team.is_main:
            return None
    model.residual.copy_(residual_factor(model, check, areas))
    rows = [first, *history, {"step": steps, **error()}]
    return pd.DataFrame(rows, columns=["step", "loss", "validation_relative_rmse"])


def _component_block(shape: Sequence[int]) -> int:
    """States in a block of the sample that the linear start is made of."""
    return min(block_states(4 * math.prod(shape[1:])), 100)
