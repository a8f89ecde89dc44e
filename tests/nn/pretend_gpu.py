"""A GPU that is not there: tensors without numbers that know which device they are on.

PyTorch's fake tensors compute shapes and devices, and refuse to mix devices as a GPU would. A
process that has imported this module has a device named ``gpu``; what reads a number from a
tensor gets one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_setup_privateuseone_for_python_backend("gpu")
GPU = torch.device("gpu", 0)


def held(tensors: dict[str, Tensor | None]) -> list[tuple[str, Tensor]]:
    return [(key, tensor) for key, tensor in tensors.items() if tensor is not None]


@contextmanager
def pretending() -> Iterator[None]:
    """Makes every new tensor a fake one, and every tensor that moves to the device."""
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:

        def fake(tensor: Tensor) -> Tensor:
            return tensor if isinstance(tensor, FakeTensor) else mode.from_tensor(tensor)

        def move(module: nn.Module, device: torch.device) -> nn.Module:
            for part in module.modules():
                for key, tensor in held(part._parameters):
                    moved = plain_to(fake(tensor.detach()), device)
                    part._parameters[key] = nn.Parameter(moved, tensor.requires_grad)
                for key, tensor in held(part._buffers):
                    part._buffers[key] = plain_to(fake(tensor), device)
            return module

        def to(tensor: Tensor, *arguments: object, **settings: object) -> Tensor:
            mine = fake(tensor) if GPU in arguments else tensor
            return plain_to(mine, *arguments, **settings)

        plain_to, Tensor.to, nn.Module.to = Tensor.to, to, move
        Tensor.item = lambda tensor: 1.0
        Tensor.tolist = lambda tensor: [1] * len(tensor)
        yield
