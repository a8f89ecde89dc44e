"""Progress on disk outlives a torn write, and carries no code."""

import logging
import os
import pickle
import subprocess
import sys

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from galerne.nn.progress import load_newest, load_state, save_state


def state(step: int) -> dict[str, object]:
    return {"step": step, "x": torch.arange(1000.0) + step, "rows": [{"loss": 0.1}]}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two states."""
    for step in (4, 9):
        save_state(state(step), tmp_path / "progress", step)
    return tmp_path / "progress"


def test_a_state_comes_back_as_it_was(folder) -> None:
    found, path = load_newest(folder)
    assert path.name == "step_00000009.pt"
    assert torch.equal(found.pop("x"), state(9)["x"])
    assert found == {"step": 9, "rows": [{"loss": 0.1}]}


def test_no_folder_holds_no_state(tmp_path) -> None:
    assert load_newest(tmp_path / "nowhere") is None


def test_the_two_newest_are_kept(folder) -> None:
    save_state(state(12), folder, 12)
    assert sorted(path.name for path in folder.iterdir()) == [
        "step_00000009.pt",
        "step_00000012.pt",
    ]


def test_a_state_is_on_the_disk_before_it_has_its_name_and_before_another_goes(
    folder, monkeypatch
) -> None:
    order, fsync, unlink, replace = [], os.fsync, Path.unlink, Path.replace

    def flush(descriptor: int) -> None:
        order.append(f"flush {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        fsync(descriptor)

    def name(path: Path, target: Path) -> Path:
        order.append(f"name {target.name}")
        return replace(path, target)

    def delete(path: Path, missing_ok: bool = False) -> None:
        if path.exists():
            order.append(f"delete {path.name}")
        unlink(path, missing_ok)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", name)
    monkeypatch.setattr(Path, "unlink", delete)
    save_state(state(12), folder, 12)
    assert order == [
        "flush .step_00000012.pt.part",
        "name step_00000012.pt",
        "flush progress",
        "delete step_00000004.pt",
    ]


FULL = """
import resource, signal, sys
from pathlib import Path
import torch
from galerne.nn.progress import save_state

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
save_state({"x": torch.zeros(10**5)}, Path(sys.argv[1]), 12)
"""


def test_a_full_disk_is_named_and_the_states_before_stay(folder) -> None:
    command = [sys.executable, "-c", FULL, str(folder)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    *_, last = done.stderr.splitlines()
    assert f"{folder}/step_00000012.pt cannot be written: File too large; " in last
    assert sorted(path.name for path in folder.iterdir()) == [
        "step_00000004.pt",
        "step_00000009.pt",
    ]


class Trap:
    """Code in the shape of data."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.path,))


def trapped(path: Path, sprung: Path) -> None:
    torch.save({"step": Trap(sprung)}, path)


def flipped(path: Path, _: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path, Path], object]] = {
    "truncated": lambda path, _: path.write_bytes(path.read_bytes()[:-200]),
    "half": lambda path, _: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path, _: path.write_bytes(b""),
    "garbage": lambda path, _: path.write_bytes(bytes(range(256)) * 40),
    "zeros": lambda path, _: path.write_bytes(bytes(path.stat().st_size)),
    "one bit": flipped,
    "code": trapped,
    "bare code": lambda path, sprung: path.write_bytes(pickle.dumps(Trap(sprung))),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_state_that_is_torn_or_carries_code_gives_way_to_the_one_before(
    folder, tmp_path, damage, caplog
) -> None:
    newest = folder / "step_00000009.pt"
    damage(newest, tmp_path / "sprung")
    with pytest.raises(ValueError, match=r"step_00000009.pt is refused: it (is torn|holds)"):
        load_state(newest)
    with caplog.at_level(logging.WARNING):
        found, _ = load_newest(folder)
    assert found["step"] == 4
    assert "step_00000009.pt is refused" in caplog.text
    assert "weights_only" not in caplog.text
    assert not (tmp_path / "sprung").exists()
    save_state(state(6), folder, 6)  # and it is in nobody's way
    assert load_newest(folder)[0]["step"] == 6
