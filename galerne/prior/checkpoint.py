"""Opens the two files of a prior as one denoiser, and the decoder beside it."""

__all__ = ["open_models", "open_prior"]

from pathlib import Path

import torch

from ..latent.autoencoder import Autoencoder
from ..nn.checkpoint import load_module, read_notes
from ..nn.precision import compiled
from .backbone import Backbone
from .denoiser import WindowDenoiser
from .gaussian import WindowGaussian


def open_prior(
    path_gaussian: Path,
    path_model: Path,
    sigma_min: float,
    sigma_max: float,
    precision: str = "float32",
) -> WindowDenoiser:
    """Opens a prior for inference.

    Arguments:
        path_gaussian: The Gaussian.
        path_model: The network; one that was never trained is left out.
        sigma_min: Least noise level of the schedule.
        sigma_max: Greatest noise level of the schedule.
        precision: Of the network: ``float32`` or ``bfloat16``.

    Raises:
        ValueError: If a file is damaged or the two are of different latents.
    """
    gaussian = load_module(WindowGaussian, path_gaussian)
    states, channels, rows, columns = gaussian.shape
    same = {"states": states, "channels": channels, "rows": rows, "columns": columns}
    backbone = load_module(Backbone, path_model, **same)
    trained = read_notes(path_model)["trained"]
    network = compiled(backbone) if trained else None
    denoiser = WindowDenoiser(gaussian, network, sigma_min, sigma_max, precision)
    return denoiser.eval().requires_grad_(False)


def open_models(
    path_autoencoder: Path,
    path_gaussian: Path,
    path_model: Path,
    device: torch.device,
    **settings: object,
) -> tuple[WindowDenoiser, Autoencoder]:
    """Opens a prior and the decoder of its latents, of one precision.

    Arguments:
        path_autoencoder: The autoencoder.
        path_gaussian: The Gaussian.
        path_model: The network.
        device: Where they compute.
        settings: Passed to :func:`open_prior`.
    """
    prior = open_prior(path_gaussian, path_model, **settings).to(device)
    autoencoder = load_module(Autoencoder, path_autoencoder).to(device)
    autoencoder.precision = prior.precision
    return prior, autoencoder
