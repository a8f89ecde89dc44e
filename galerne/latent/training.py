"""Trains an autoencoder from its linear start."""

__all__ = ["train_on"]

import logging

from pathlib import Path

import pandas as pd
import torch

from jaxtyping import Float
from torch import Tensor

from ..nn.fit import Fit
from .autoencoder import Autoencoder, patch_components
from .objective import reconstruction_loss, relative_errors

log = logging.getLogger(__name__)
COMPONENT_STATES = 1000  # states that the linear start is made of
EVALUATIONS = 20  # on the validation states while training


def train_on(
    model: Autoencoder,
    x: Float[Tensor, "time channel lat lon"],
    check: Float[Tensor, "time2 channel lat lon"],
    areas: Float[Tensor, "lat"],
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    noise: float,
    seed: int,
    folder: Path | None,
) -> pd.DataFrame:
    """Trains in place, and returns the curves.

    Arguments:
        model: The autoencoder.
        x: Standardised training states [1].
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
        start.
    """
    sample = x[:: -(-len(x) // COMPONENT_STATES)].split(100)
    latents = len(model.spread)
    model.start_from(*patch_components(sample, areas, model.downsampling, latents))

    def loss(model: Autoencoder, rng: torch.Generator) -> Tensor:
        batch = x[torch.randint(len(x), (batch_size,), generator=rng)]
        return reconstruction_loss(model, batch, areas, noise, rng)

    def error(_: int = 0) -> dict[str, float]:
        return {"validation_relative_rmse": relative_errors(model, check, areas).mean().item()}

    first = {"step": 0, **error()}
    log.info("linear start: %s", first)
    half_life = max(steps / 20, 1.0)
    fit = Fit(
        model, steps=steps, learning_rate=learning_rate, seed=seed, half_life=half_life,
        folder=folder,
    )  # fmt: skip
    list(fit.run(loss, max(steps // EVALUATIONS, 1), error))
    fit.settle()
    rows = [first, *fit.history, {"step": steps, **error()}]
    return pd.DataFrame(rows, columns=["step", "loss", "validation_relative_rmse"])
