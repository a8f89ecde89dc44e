"""Members in batches: as many as fit, the same whatever was drawn beside them."""

import logging
import math

from collections.abc import Callable

import pytest
import torch

from galerne.jobs.progress import Progress
from galerne.prior.batches import SLOTS, Batches, batch_size

GB = 10**9


@pytest.mark.parametrize(
    ("members", "free", "device", "size"),
    [
        (100, 20 * GB, "cuda", 16),
        (10, 20 * GB, "cuda", 10),
        (10, 0.5 * GB, "cuda", 1),
        (10, math.inf, "cuda", 10),
        (2, math.inf, "cpu", SLOTS),
        (100, 5 * GB, "cpu", SLOTS),
        (100, 4.9 * GB, "cpu", 2),
        (100, 0.1 * GB, "cpu", 1),
    ],
)
def test_a_batch_is_as_large_as_memory_allows(
    members: int, free: float, device: str, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert batch_size(members, GB, free, device) == size
    warned = any("members are those of a machine with more memory" in m for m in caplog.messages)
    assert warned == (device == "cpu" and size < SLOTS)


@pytest.fixture
def drawn() -> list[list[int]]:
    return []


@pytest.fixture
def draw(drawn: list) -> Callable:
    """Draws the squares of places."""

    def run(places: list[int], progress: Progress) -> torch.Tensor:
        drawn.append(places)
        progress.reached("step", 1, 1, lambda: {"z": torch.tensor(places)})
        return torch.tensor(places).square()[:, None]

    return run


def test_on_a_cpu_every_batch_has_as_many_slots(draw: Callable, drawn: list) -> None:
    found = Batches(6, 4, "cpu", Progress(None)).draw(draw, Progress(None))
    assert found.flatten().tolist() == [0, 1, 4, 9, 16, 25]
    assert drawn == [[0, 1, 2, 3], [4, 5, 5, 5]]


def test_on_a_gpu_none_is_drawn_twice(draw: Callable, drawn: list) -> None:
    Batches(6, 4, "cuda", Progress(None)).draw(draw, Progress(None))
    assert drawn == [[0, 1, 2, 3], [4, 5]]


def test_what_goes_on_has_the_batches_it_began_with(
    tmp_path, draw: Callable, drawn: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALERNE_SAVE_SECONDS", "0")
    for size in (4, 1):
        whole = Progress(tmp_path / "work")
        Batches(6, size, "cuda", whole).draw(draw, whole.part("cutoff", 1, 1))
    assert drawn == 2 * [[0, 1, 2, 3], [4, 5]]
    folder = tmp_path / "work/cutoff_0001"
    parts = {path.name for path in folder.iterdir() if path.is_dir()}
    assert parts == {"member_0001", "member_0005"}


@pytest.fixture
def small(draw: Callable) -> Callable:
    """A device that holds two members, and nothing of what it could not finish."""

    def run(places: list[int], progress: Progress) -> torch.Tensor:
        assert not progress.latest()[0]
        if len(places) > 2:
            progress.reached("step", 1, 2, lambda: {"z": torch.tensor(places)})
            raise torch.OutOfMemoryError("CUDA out of memory")
        return draw(places, progress)

    return run


def test_a_batch_too_large_is_halved_until_it_fits_and_stays_so(
    tmp_path,
    small: Callable,
    draw: Callable,
    drawn: list,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("GALERNE_SAVE_SECONDS", "0")
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    whole = Progress(tmp_path / "work")
    batches = Batches(11, 11, "cuda", whole)
    for number in (1, 2):
        found = batches.draw(small, whole.part("cutoff", number, 2))
        assert found.flatten().tolist() == [k**2 for k in range(11)]
    once = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10]]
    assert drawn == 2 * once
    told = [m for r in caplog.records if (m := r.message).startswith("out of memory")]
    assert [int(m.split()[-1]) for m in told] == [5, 2]
    drawn.clear()
    again = Progress(tmp_path / "work")
    Batches(11, 11, "cuda", again).draw(draw, again.part("cutoff", 2, 2))
    assert drawn == once


def test_a_member_that_does_not_fit_alone_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    def none(places: list[int], progress: Progress) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    caplog.set_level(logging.WARNING)
    with pytest.raises(torch.OutOfMemoryError):
        Batches(2, 2, "cpu", Progress(None)).draw(none, Progress(None))
    assert "with 2 members at once: going on with 1" in caplog.text
