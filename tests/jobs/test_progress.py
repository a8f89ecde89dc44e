"""Progress of long work: exact, whole, of this work alone."""

import logging
import os

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from galerne.jobs import interrupt
from galerne.jobs.interrupt import Interrupted
from galerne.jobs.progress import Progress


def state(number: int) -> dict[str, torch.Tensor]:
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(number))
    return {"x": x, "odd": torch.tensor([torch.nan, -0.0, 1e-45]), "count": torch.tensor(number)}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype and a[k].numpy().tobytes() == b[k].numpy().tobytes() for k in a
    )


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def progress(tmp_path, monkeypatch) -> Progress:
    """Saves after every step."""
    monkeypatch.setenv("GALERNE_SAVE_SECONDS", "0")
    return Progress(tmp_path / "work")


@pytest.fixture
def two(progress) -> Progress:
    """Has come to the second step of nine."""
    for number in (1, 2):
        progress.reached("step", number, 9, lambda number=number: state(number))
    return progress


def test_before_the_first_step_there_is_nothing(progress) -> None:
    assert progress.latest() == (0, {})
    assert not progress.folder.exists()


def test_a_state_comes_back_to_the_bit(two) -> None:
    number, found = Progress(two.folder).latest()
    assert number == 2
    assert same(found, state(2))
    assert not same(found, state(1))


def test_what_comes_back_lies_in_memory_as_if_just_computed(progress) -> None:
    turned = torch.arange(6.0).view(2, 3).T
    progress.reached("step", 1, 9, lambda: {"a": torch.ones(1), "b": turned, "c": torch.ones(3)})
    found = progress.latest()[1]
    assert torch.equal(found["b"], turned)
    for tensor in found.values():
        assert tensor.is_contiguous()
        assert tensor.data_ptr() % 64 == 0


def test_two_names_of_one_tensor_come_back_as_two(progress) -> None:
    x = torch.arange(12.0).view(3, 4)
    progress.reached("step", 1, 9, lambda: {"x": x, "same": x, "part": x[1:]})
    found = progress.latest()[1]
    assert same(found, {"x": x, "same": x, "part": x[1:]})


def test_the_two_newest_are_kept(two) -> None:
    two.reached("step", 3, 9, lambda: state(3))
    assert files(two.folder) == ["step_00000002.safetensors", "step_00000003.safetensors"]


def test_a_state_is_saved_when_it_is_time_and_at_the_end(tmp_path, monkeypatch) -> None:
    clock, asked = [1000.0], []
    monkeypatch.delenv("GALERNE_SAVE_SECONDS", raising=False)
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    progress = Progress(tmp_path / "work")
    for number in range(1, 8):
        clock[0] += 25.0
        progress.reached("step", number, 7, lambda n=number: asked.append(n) or state(n))
    assert asked == [3, 6, 7]


def test_a_request_to_stop_is_answered_at_once(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(interrupt, "requested", lambda: True)
    progress = Progress(tmp_path / "work").part("cutoff", 2, 3)
    with pytest.raises(Interrupted, match=r"^cutoff 2 of 3, step 11 of 16$") as stop:
        progress.reached("step", 11, 16, lambda: state(11))
    assert stop.value.advanced
    assert progress.latest()[0] == 11


def test_without_a_folder_nothing_is_kept_and_nothing_stops(monkeypatch) -> None:
    monkeypatch.setattr(interrupt, "requested", lambda: True)
    for progress in (Progress(None), Progress(None).part("cutoff", 1, 2)):
        progress.reached("step", 2, 2, lambda: pytest.fail("asked for its state"))
        assert progress.latest() == (0, {})


def test_parts_do_not_mix(two) -> None:
    first, second = (two.part("cutoff", k, 2) for k in (1, 2))
    first.reached("step", 5, 9, lambda: state(5))
    assert second.latest() == (0, {})
    assert [p.latest()[0] for p in (two, first)] == [2, 5]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)


def unsigned(path: Path) -> None:
    """Whole, but without a checksum."""
    from safetensors.torch import save_file

    save_file(state(7), path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "one bit": flip,
    "unsigned": unsigned,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_state_gives_way_to_the_one_before(two, damage, caplog) -> None:
    damage(two.folder / "step_00000002.safetensors")
    with caplog.at_level(logging.WARNING):
        number, found = Progress(two.folder).latest()
    assert number == 1
    assert same(found, state(1))
    assert "step_00000002.safetensors is damaged" in caplog.text


def test_if_all_are_damaged_the_work_starts_anew(two) -> None:
    for path in two.folder.iterdir():
        path.write_bytes(b"")
    assert Progress(two.folder).latest() == (0, {})


def test_a_damaged_state_never_drives_out_a_whole_one(progress) -> None:
    for number in (4, 5):
        progress.reached("step", number, 9, lambda n=number: state(n))
    (progress.folder / "step_00000005.safetensors").write_bytes(b"")
    (progress.folder / "step_00000007.safetensors").write_bytes(b"")
    again = Progress(progress.folder)
    assert again.latest()[0] == 4
    again.reached("step", 5, 9, lambda: state(5))
    assert files(progress.folder) == ["step_00000004.safetensors", "step_00000005.safetensors"]
    assert again.latest()[0] == 5


def test_a_state_is_on_the_disk_before_it_has_its_name_and_before_another_goes(
    two, monkeypatch
) -> None:
    order, fsync, unlink, replace = [], os.fsync, Path.unlink, Path.replace

    def flush(descriptor: int) -> None:
        order.append(f"flush {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(
        Path, "replace", lambda p, to: order.append(f"name {to.name}") or replace(p, to)
    )
    monkeypatch.setattr(
        Path,
        "unlink",
        lambda p, **settings: order.append(f"delete {p.name}") or unlink(p, **settings),
    )
    two.reached("step", 3, 9, lambda: state(3))
    third, first = (f"step_{k:08d}.safetensors" for k in (3, 1))
    part = f".{third}.part"
    done = [f"flush {part}", f"name {third}", f"delete {part}", "flush work", f"delete {first}"]
    assert order == done


def test_a_death_while_writing_leaves_what_was_there(two, monkeypatch) -> None:
    def die(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", die)
        with pytest.raises(KeyboardInterrupt):
            two.reached("step", 3, 9, lambda: state(3))
    again = Progress(two.folder)
    assert again.latest()[0] == 2
    again.reached("step", 3, 9, lambda: state(3))
    assert again.latest()[0] == 3


def test_a_full_disk_is_named(two, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = r"step_00000003.safetensors cannot be written: No space left on device; .* GB"
    with pytest.raises(OSError, match=message):
        two.reached("step", 3, 9, lambda: state(3))


@pytest.fixture
def made_of(tmp_path) -> list[Path]:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text("as it was")
    return paths


def test_work_is_named_by_what_it_reads_does_and_is_told(tmp_path, made_of) -> None:
    def name(script: str = "draw_posterior", seed: int = 3) -> Path:
        return Progress.of(tmp_path / "root", script, made_of, {"seed": seed}).folder

    first = name()
    assert first.parent == tmp_path / "root"
    os.utime(made_of[1], (1, 1))  # touched, not changed
    assert name() == first
    others = {name(seed=4), name("sample_prior")}
    made_of[1].write_text("as it is")
    others.add(name())
    assert len(others) == 3
    assert first not in others


def test_notes_are_written_before_the_first_state_that_follows_from_them(progress) -> None:
    progress.note("batch", 4)
    part = progress.part("cutoff", 1, 2)
    part.note("batches", [4, 2])
    assert not progress.folder.exists()
    assert (progress.noted("batch", 1), part.noted("batches", [])) == (4, [4, 2])
    part.part("member", 1, 6).reached("step", 1, 9, lambda: state(1))
    again = Progress(progress.folder)
    assert again.noted("batch", 1) == 4
    assert again.part("cutoff", 1, 2).noted("batches", []) == [4, 2]
    assert again.noted("another", 7) == 7
    (progress.folder / "batch.json").write_text("[4, ")
    assert Progress(progress.folder).noted("batch", 1) == 1
    assert Progress(None).noted("batch", 2) == 2


def test_states_are_forgotten_and_notes_are_not(progress) -> None:
    progress.note("batch", 4)
    for number in (1, 2):
        progress.reached("step", number, 9, lambda: state(1))
    progress.forget()
    assert files(progress.folder) == ["batch.json"]
    assert progress.latest() == (0, {})
