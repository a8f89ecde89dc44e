"""Checkpoints say what they are; anything else is refused by name."""

import pickle

from pathlib import Path

import pytest
import torch

from torch import nn

from galerne.nn.checkpoint import load_module, save_module


class Small(nn.Module):
    """A module with a parameter and a buffer."""

    def __init__(self, width: int, depth: int = 1) -> None:
        super().__init__()
        self.linear = nn.Linear(width, depth)
        self.register_buffer("mean", torch.zeros(width))


class Other(Small):
    """The same tensors under another name."""


@pytest.fixture
def saved(tmp_path) -> tuple[Small, Path]:
    module = Small(3, 2)
    nn.init.normal_(module.mean)
    save_module(module, {"width": 3, "depth": 2}, tmp_path / "model.safetensors", trained=True)
    return module, tmp_path / "model.safetensors"


def test_opening_returns_what_was_written_for_inference(saved) -> None:
    module, path = saved
    opened = load_module(Small, path, width=3)
    assert all(torch.equal(a, module.state_dict()[k]) for k, a in opened.state_dict().items())
    assert not opened.training
    assert not any(parameter.requires_grad for parameter in opened.parameters())


def test_the_same_module_is_the_same_file(saved, tmp_path) -> None:
    module, path = saved
    for _ in range(10):
        save_module(module, {"depth": 2, "width": 3}, tmp_path / "again", trained=True)
        assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_another_class_is_refused(saved) -> None:
    with pytest.raises(ValueError, match=r"model\.safetensors holds a Small, not a Other"):
        load_module(Other, saved[1])


def test_another_architecture_is_refused(saved) -> None:
    message = "a Small of another architecture: width is 3, expected 4"
    with pytest.raises(ValueError, match=message):
        load_module(Small, saved[1], depth=2, width=4)


@pytest.mark.parametrize("kept", [0, 5, 60, -4])
def test_a_truncated_file_is_refused(saved, kept) -> None:
    _, path = saved
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"model\.safetensors is no readable checkpoint"):
        load_module(Small, path)


def test_a_missing_file_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="nothing is no readable checkpoint"):
        load_module(Small, tmp_path / "nothing")


def test_a_pickle_is_refused_and_not_run(tmp_path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))

    for name, write in (("a", lambda p: p.write_bytes(pickle.dumps(Trap()))),
                        ("b", lambda p: torch.save({"x": Trap()}, p))):  # fmt: skip
        write(tmp_path / name)
        with pytest.raises(ValueError, match="is no readable checkpoint"):
            load_module(Small, tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_a_failed_write_leaves_the_old_file(saved) -> None:
    module, path = saved
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_module(module, {"width": object()}, path)
    with pytest.raises(TypeError):
        save_module(module, {"width": 3}, path, note=object())
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_it_may_be_read_by_whom_any_other_file_may(saved, tmp_path) -> None:
    (tmp_path / "plain").touch()
    assert saved[1].stat().st_mode == (tmp_path / "plain").stat().st_mode
