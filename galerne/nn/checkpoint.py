"""Models on disk: weights that say what they are, declared by a manifest.

``model.safetensors`` holds the tensors of a module and, in its header, the name of its class
and the arguments it was made with. ``model.json``, written last, is the manifest: the same,
notes about the model, and the digest of the weights. The workflow declares the manifest, so it
compares models by content, however large, and a job killed half-way leaves nothing that looks
finished. Nothing in either file is executed.
"""

__all__ = ["load_module", "read_notes", "save_module"]

import hashlib
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
    """Writes a module, the arguments that make one like it, and notes about it.

    Arguments:
        module: The module.
        arguments: What its class is called with.
        path: The manifest, such as ``model.json``, or the weights; the other goes beside it.
        notes: Whatever JSON can hold.
    """
    about = {"class": type(module).__name__, "arguments": arguments}
    header = {"class": about["class"], "arguments": json.dumps(arguments, sort_keys=True)}
    tensors = {key: value.contiguous() for key, value in module.state_dict().items()}
    data = _sorted(save(tensors, header))
    about |= {"notes": notes, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    text = json.dumps(about, indent=1, sort_keys=True) + "\n"
    weights, manifest = _files(path)
    manifest.unlink(missing_ok=True)
    with replacing(weights) as part:
        part.write_bytes(data)
    with replacing(manifest) as part:
        part.write_text(text)


def load_module(kind: type[M], path: Path, **expected: object) -> M:
    """Opens a module of a class, for inference.

    Arguments:
        kind: The class expected.
        path: The manifest or the weights.
        expected: Arguments that the module must have been made with.

    Raises:
        ValueError: If a file is missing or damaged, holds another class, or was made with
            other arguments, by name.
    """
    weights, manifest = _files(path)
    try:
        with safe_open(weights, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        with weights.open("rb") as data:
            found = hashlib.file_digest(data, "sha256").hexdigest()
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{weights} is no readable checkpoint: {error}") from error
    if found != _about(manifest)["sha256"]:
        raise ValueError(f"{weights} is damaged: it is not what {manifest.name} was written for")
    if header.get("class") != kind.__name__:
        raise ValueError(f"{weights} holds a {header.get('class')}, not a {kind.__name__}")
    arguments = json.loads(header["arguments"])
    for key, value in expected.items():
        if arguments.get(key) != value:
            raise ValueError(
                f"{weights}: a {kind.__name__} of another architecture: "
                f"{key} is {arguments.get(key)}, expected {value}"
            )
    module = kind(**arguments)
    module.load_state_dict(tensors)
    return module.eval().requires_grad_(False)


def read_notes(path: Path) -> dict[str, object]:
    """Returns the notes about a model.

    Arguments:
        path: The manifest or the weights.

    Raises:
        ValueError: If the manifest is missing or damaged.
    """
    return _about(_files(path)[1])["notes"]


def _files(path: Path) -> tuple[Path, Path]:
    return path.with_suffix(".safetensors"), path.with_suffix(".json")


def _about(manifest: Path) -> dict[str, object]:
    try:
        about = json.loads(manifest.read_text())
        return {"sha256": about["sha256"], "notes": about["notes"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{manifest} is no readable manifest of a model: {error}") from error


def _sorted(data: bytes) -> bytes:
    """Sorts the notes, which come in random order: the same module is the same file."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]
