"""Checkpoints say what they are; anything else is refused by name."""

import pickle

from pathlib import Path

import pytest
import torch

from torch import nn

from galerne.nn.checkpoint import load_module, read_notes, save_module


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
    save_module(module, {"width": 3, "depth": 2}, tmp_path / "model.json", trained=True)
    return module, tmp_path / "model.json"


def weights(path: Path) -> Path:
    return path.with_suffix(".safetensors")


def test_opening_returns_what_was_written_for_inference(saved) -> None:
    module, path = saved
    opened = load_module(Small, path, width=3)
    assert all(torch.equal(a, module.state_dict()[k]) for k, a in opened.state_dict().items())
    assert not opened.training
    assert not any(parameter.requires_grad for parameter in opened.parameters())


def test_the_same_module_is_the_same_file(saved, tmp_path) -> None:
    module, path = saved
    for _ in range(10):
        again = tmp_path / "again.json"
        save_module(module, {"depth": 2, "width": 3}, again, trained=True)
        assert again.read_bytes() == path.read_bytes()
        assert weights(again).read_bytes() == weights(path).read_bytes()


def test_notes_are_read_without_the_weights(saved) -> None:
    _, path = saved
    weights(path).unlink()
    assert read_notes(path) == {"trained": True}
    assert read_notes(weights(path)) == {"trained": True}


def test_another_class_is_refused(saved) -> None:
    with pytest.raises(ValueError, match=r"model\.safetensors holds a Small, not a Other"):
        load_module(Other, saved[1])


def test_another_architecture_is_refused(saved) -> None:
    message = "a Small of another architecture: width is 3, expected 4"
    with pytest.raises(ValueError, match=message):
        load_module(Small, saved[1], depth=2, width=4)


@pytest.mark.parametrize("kept", [0, 5, 60, -4])
def test_truncated_weights_are_refused(saved, kept) -> None:
    path = weights(saved[1])
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"model\.safetensors is no readable checkpoint"):
        load_module(Small, path)


def test_rotten_weights_are_refused(saved) -> None:
    path = weights(saved[1])
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged: .*model\.json"):
        load_module(Small, path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": ""}'])
def test_a_damaged_manifest_is_refused(saved, text) -> None:
    saved[1].write_text(text)
    for read in (lambda: load_module(Small, saved[1]), lambda: read_notes(saved[1])):
        with pytest.raises(ValueError, match=r"model\.json is no readable manifest of a model"):
            read()


def test_a_missing_file_is_refused(saved) -> None:
    saved[1].rename(saved[1].with_name("elsewhere.json"))
    with pytest.raises(ValueError, match=r"model\.json is no readable manifest of a model"):
        load_module(Small, saved[1])
    with pytest.raises(ValueError, match=r"elsewhere\.safetensors is no readable checkpoint"):
        load_module(Small, saved[1].with_name("elsewhere.json"))


def test_a_pickle_is_refused_and_not_run(saved, tmp_path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))

    for write in (
        lambda p: p.write_bytes(pickle.dumps(Trap())),
        lambda p: torch.save({"x": Trap()}, p),
    ):
        write(weights(saved[1]))
        with pytest.raises(ValueError, match="is no readable checkpoint"):
            load_module(Small, saved[1])
    assert not (tmp_path / "sprung").exists()


def test_a_failed_write_leaves_the_old_files(saved) -> None:
    module, path = saved
    before = [one.read_bytes() for one in (path, weights(path))]
    with pytest.raises(TypeError):
        save_module(module, {"width": object()}, path)
    with pytest.raises(TypeError):
        save_module(module, {"width": 3}, path, note=object())
    assert [one.read_bytes() for one in (path, weights(path))] == before
    assert sorted(path.parent.iterdir()) == [path, weights(path)]


def test_it_may_be_read_by_whom_any_other_file_may(saved, tmp_path) -> None:
    (tmp_path / "plain").touch()
    for path in (saved[1], weights(saved[1])):
        assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
