"""The precision of networks while members are drawn.

In ``bfloat16`` matrix products and convolutions of a network run on the tensor cores of a GPU,
several times as fast as in ``float32``; sums, norms and all that is linear algebra stay in
``float32``. Training is not concerned.

References:
    | Mixed Precision Training (Micikevicius et al., 2018)
    | https://arxiv.org/abs/1710.03740
"""

__all__ = ["PRECISIONS", "compiled", "reduced"]

import os

from contextlib import AbstractContextManager, nullcontext

import torch

from torch import nn

PRECISIONS = ("float32", "bfloat16")


def reduced(precision: str, device: torch.device) -> AbstractContextManager:
    """A context in which networks compute in a precision.

    Raises:
        ValueError: If there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}; allowed: {', '.join(PRECISIONS)}")
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def compiled(network: nn.Module) -> nn.Module:
    """The network, compiled if the environment variable ``GALERNE_COMPILE`` is 1."""
    if os.environ.get("GALERNE_COMPILE", "0") != "1":
        return network
    network.compile(dynamic=False)
    return network
