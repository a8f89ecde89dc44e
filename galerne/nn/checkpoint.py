"""Models on disk: safetensors that say what they are.

A file holds the tensors of a module and, in its header, the name of its class and the
arguments it was made with, so it can be opened without knowing where it came from. Nothing
in it is executed.
"""

__all__ = ["load_module", "save_module"]

import json

from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from ..products import replacing

M = TypeVar("M", bound=nn.Module)


def save_module(
    module: nn.Module, arguments: dict[str, object], path: Path, **notes: object
) -> None:
    """Writes a module, the arguments that make one like it, and notes about it."""
    header = {"class": type(module).__name__, "arguments": json.dumps(arguments, sort_keys=True)}
    header |= {key: json.dumps(value) for key, value in notes.items()}
    tensors = {key: value.contiguous() for key, value in module.state_dict().items()}
    with replacing(path) as part:
        part.write_bytes(_sorted(save(tensors, header)))


def load_module(kind: type[M], path: Path, **expected: object) -> M:
    """Opens a module of a class, for inference.

    Arguments:
        kind: The class expected.
        path: The file.
        expected: Arguments that the module must have been made with.

    Raises:
        ValueError: If the file is damaged, holds another class, or was made with other
            arguments, by name.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is no readable checkpoint: {error}") from error
    if header.get("class") != kind.__name__:
        raise ValueError(f"{path} holds a {header.get('class')}, not a {kind.__name__}")
    arguments = json.loads(header["arguments"])
    for key, value in expected.items():
        if arguments.get(key) != value:
            raise ValueError(
                f"{path}: a {kind.__name__} of another architecture: "
                f"{key} is {arguments.get(key)}, expected {value}"
            )
    module = kind(**arguments)
    module.load_state_dict(tensors)
    return module.eval().requires_grad_(False)


def _sorted(data: bytes) -> bytes:
    """Sorts the notes, which come in random order: the same module is the same file."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]
