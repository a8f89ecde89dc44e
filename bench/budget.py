"""The 0.25 degree campaign on paper: storage, work and memory, from the code that would do it.

Operations are counted on tensors without data (PyTorch's ``meta`` device), so they are those of
the networks and of the guidance as they stand; multiply and add count as two, and only matrix
products and convolutions count. ``docs/scale.md`` is written from these figures.

Usage: python -m bench.budget [--tflops 400]
"""

__all__ = ["CAMPAIGN", "Campaign", "budget", "drawing", "networks"]

import argparse

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch

from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from galerne.assimilate.linear import derivative
from galerne.latent.autoencoder import Autoencoder
from galerne.prior.backbone import Backbone

FLOAT = 4  # bytes of a number


@dataclass(frozen=True)
class Campaign:
    """Sizes of a campaign; training as published for Appa, its window and its latents.

    The grid has 720 rows where ERA5 has 721, and 24 x 48 latent points where Appa has 23 x 45:
    ours must divide. Networks are of the published width and depth.
    """

    channels: int = 71
    latitudes: int = 720
    longitudes: int = 1440
    latent_channels: int = 64
    downsampling: int = 30
    hidden_channels: int = 1024
    blocks: int = 3
    autoencoder_samples: int = 100_000 * 64
    states: int = 24
    prior_blocks: int = 16
    heads: int = 16
    prior_samples: int = 500_000 * 256
    hours: int = 40 * 8766
    priors: int = 3
    observing: int = 10
    windows: int = 200
    members: int = 50
    members_per_job: int = 25
    steps: int = 8
    iterations: int = 8
    modes: int = 600

    @property
    def state_bytes(self) -> int:
        """Bytes of a state of fields."""
        return self.channels * self.latitudes * self.longitudes * FLOAT

    @property
    def latent_points(self) -> tuple[int, int]:
        """Rows and columns of a latent state."""
        return self.latitudes // self.downsampling, self.longitudes // self.downsampling

    @property
    def latent_bytes(self) -> int:
        """Bytes of a latent state."""
        rows, columns = self.latent_points
        return self.latent_channels * rows * columns * FLOAT

    @property
    def draws(self) -> int:
        """Windows drawn, each member counted."""
        return self.priors * self.observing * self.windows * self.members


CAMPAIGN = Campaign()


@cache
def networks(campaign: Campaign) -> dict[str, float]:
    """Operations of one pass [1]: a state through encoder and decoder, a window through the prior.

    Returns:
        ``encode``, ``decode`` and ``denoise``, and ``autoencoder`` and ``prior``: parameters.
    """
    c = campaign
    autoencoder, prior = (
        _autoencoder(c),
        Backbone(
            c.states,
            c.latent_channels,
            *c.latent_points,
            2,
            c.hidden_channels,
            c.prior_blocks,
            c.heads,
        ).to("meta"),
    )
    state = torch.zeros(1, c.channels, c.latitudes, c.longitudes, device="meta")
    z = torch.zeros(1, c.latent_channels, *c.latent_points, device="meta")
    window, level, season = z.expand(c.states, -1, -1, -1)[None], z[0, 0, 0, :1], z[:, 0, 0, :4]
    return {
        "encode": _operations(lambda: autoencoder.encode(state)),
        "decode": _operations(lambda: autoencoder.decode(z)),
        "denoise": _operations(lambda: prior(window, window, level, season)),
        "autoencoder": sum(p.numel() for p in autoencoder.parameters()),
        "prior": sum(p.numel() for p in prior.parameters()),
    }


@cache
def drawing(campaign: Campaign) -> float:
    """Operations of one member of one window [1], by the default method.

    Every state is taken as observed. The preconditioner is shared by the members of a job, and
    the first step, from infinite noise, needs no network.
    """
    c, autoencoder = campaign, _autoencoder(campaign)
    z = torch.zeros(1, c.latent_channels, *c.latent_points, device="meta")

    def step() -> None:
        y, push, pull = derivative(autoencoder.decode_linearly, z)
        push(z)  # the deviation of the draw
        for _ in range(c.iterations):
            push(pull(y))
        pull(y)

    product = _operations(lambda: autoencoder.decode_linearly(z))
    linear = c.steps * _operations(step) + product * c.modes / c.members_per_job
    work = networks(campaign)
    return c.states * (c.steps * work["decode"] + linear) + (c.steps - 1) * work["denoise"]


def budget(campaign: Campaign, tflops: float) -> dict[str, tuple[float, str]]:
    """What a campaign takes: figures with their units.

    Arguments:
        campaign: Its sizes.
        tflops: Sustained speed of a GPU [TFLOP/s].
    """
    c, work = campaign, networks(campaign)
    hours = lambda operations: operations / (tflops * 1e12) / 3600  # noqa: E731
    ensembles = c.draws * c.states
    patch = c.channels * c.downsampling**2
    return {
        "a state": (c.state_bytes / 1e6, "MB"),
        "record, hourly, 40 years": (c.state_bytes * c.hours / 1e12, "TB"),
        "a latent state": (c.latent_bytes / 1e6, "MB"),
        "latents of the record": (c.latent_bytes * c.hours / 1e9, "GB"),
        "ensembles as fields": (c.state_bytes * ensembles / 1e15, "PB"),
        "ensembles as latents": (c.latent_bytes * ensembles / 1e12, "TB"),
        "autoencoder": (work["autoencoder"] / 1e6, "M parameters"),
        "encode or decode a state": (work["encode"] / 1e12, "TFLOP"),
        "train the autoencoder": (
            hours(3 * (work["encode"] + work["decode"]) * c.autoencoder_samples),
            "GPU-hours",
        ),
        "encode the record": (hours(work["encode"] * c.hours), "GPU-hours"),
        "transformer of a prior": (work["prior"] / 1e6, "M parameters"),
        "denoise a window": (work["denoise"] / 1e12, "TFLOP"),
        "train one prior": (hours(3 * work["denoise"] * c.prior_samples), "GPU-hours"),
        "draw a member of a window": (drawing(c) / 1e15, "PFLOP"),
        "draw all": (hours(drawing(c) * c.draws), "GPU-hours"),
        "covariance of patches, one of two": (patch**2 * 8 / 1e9, "GB"),
        "states of train_autoencoder in memory": (20_000 * c.state_bytes / 1e12, "TB"),
        "members of a window in score_members": (
            c.members * c.states * c.state_bytes / 1e9,
            "GB",
        ),
    }


def _autoencoder(c: Campaign) -> Autoencoder:
    with torch.device("meta"):
        return Autoencoder(
            c.channels, c.latitudes, c.longitudes, c.latent_channels, c.downsampling,
            c.hidden_channels, c.blocks, bound=5.0,
        )  # fmt: skip


def _operations(work: Callable[[], Tensor | None]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def _main() -> None:
    parser = argparse.ArgumentParser(description="The 0.25 degree campaign on paper.")
    parser.add_argument("--tflops", type=float, default=400.0, help="speed of a GPU [TFLOP/s]")
    for name, (value, unit) in budget(CAMPAIGN, parser.parse_args().tflops).items():
        print(f"{name:<40} {value:>10.4g} {unit}")


if __name__ == "__main__":
    _main()
