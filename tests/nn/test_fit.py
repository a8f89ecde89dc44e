"""The training loop: it learns, averages in closed form, and resumes to the bit."""

import logging
import math
import os
import signal

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from galerne.jobs import interrupt
from galerne.nn.fit import Fit, generator

TARGET = torch.tensor([1.0, -2.0, 3.0])


class Point(nn.Module):
    """One point to be moved."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(3))


def quadratic(model: Point, rng: torch.Generator) -> Tensor:
    return (model.w - TARGET).square().sum()


def noisy(model: nn.Module, rng: torch.Generator) -> Tensor:
    x = torch.randn(8, 3, generator=rng)
    return (model(x) - x.sin()).square().mean()


def fit_of(model: nn.Module, **settings: object) -> Fit:
    settings = {"steps": 20, "learning_rate": 0.05, "seed": 3, "half_life": 4.0} | settings
    return Fit(model, **settings)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3))


def test_a_quadratic_is_learned() -> None:
    model = Point()
    fit = fit_of(model, steps=300)
    assert list(fit.run(quadratic, 100)) == [100, 200, 300]
    fit.settle()
    torch.testing.assert_close(model.w.detach(), TARGET, atol=1e-2, rtol=0)
    losses = [row["loss"] for row in fit.history]
    assert losses[0] > losses[1] > losses[2]


def test_history_holds_mean_losses_and_ends_at_the_last_step() -> None:
    fit, seen = fit_of(Point(), steps=7), []

    def loss(model: Point, rng: torch.Generator) -> Tensor:
        seen.append(quadratic(model, rng).item())
        return quadratic(model, rng)

    assert list(fit.run(loss, 3, lambda step: {"double": 2 * step})) == [3, 6, 7]
    means = [sum(seen[:3]) / 3, sum(seen[3:6]) / 3, seen[6]]
    steps = zip([3, 6, 7], means, strict=True)
    assert fit.history == [{"step": s, "loss": m, "double": 2 * s} for s, m in steps]


def test_learning_rate_rises_for_a_twentieth_and_falls_along_a_half_cosine() -> None:
    fit = fit_of(Point(), steps=80)
    rates = [fit.optimizer.param_groups[0]["lr"] / 0.05 for _ in fit.run(quadratic, 1)]
    assert rates[:4] == pytest.approx(
        [0.25, 0.5, 0.75, 0.5 * (1 + math.cos(math.pi * 3 / 80)) + 1e-3]
    )
    cosine = [0.5 * (1 + math.cos(math.pi * i / 80)) + 1e-3 for i in range(4, 80)]
    assert rates[4:] == pytest.approx(cosine)


def test_long_average_weighs_steps_by_binomial_coefficients() -> None:
    model = Point()
    fit = fit_of(model, half_life=1e9)
    path = [model.w.detach().clone() for _ in fit.run(quadratic, 1)]
    n = len(path)
    weights = [math.comb(i + 9, 8) / math.comb(n + 9, 9) for i in range(n)]
    assert sum(weights) + 1 / math.comb(n + 9, 9) == pytest.approx(1)  # the rest is the start's
    expected = sum(weight * w for weight, w in zip(weights, path, strict=True))
    torch.testing.assert_close(fit.average["w"], expected)


def test_short_average_halves_with_its_half_life() -> None:
    model = Point()
    fit = fit_of(model, half_life=0.25)
    path = [model.w.detach().clone() for _ in fit.run(quadratic, 1)]
    weights = [(1 - 2**-4) * 2.0 ** (-4 * (len(path) - 1 - i)) for i in range(len(path))]
    expected = sum(weight * w for weight, w in zip(weights, path, strict=True))
    fit.settle()
    torch.testing.assert_close(model.w.detach(), expected)


def test_every_step_has_draws_of_its_own() -> None:
    def draw(seed: int, step: int) -> float:
        return torch.rand((), generator=generator(seed, step), dtype=torch.float64).item()

    draws = {(seed, step): draw(seed, step) for seed in range(12) for step in range(34)}
    assert len(set(draws.values())) == len(draws)
    assert draw(1, 23) == draws[1, 23]


def test_every_step_of_a_run_draws_anew_from_its_number() -> None:
    drawn = []

    def loss(model: Point, rng: torch.Generator) -> Tensor:
        drawn.append(torch.rand((), generator=rng).item())
        return quadratic(model, rng)

    list(fit_of(Point()).run(loss))
    assert drawn == [torch.rand((), generator=generator(3, i)).item() for i in range(20)]


def test_training_hangs_on_the_seed_alone() -> None:
    ends = []
    for seed, noise in ((1, 5), (1, 6), (2, 5)):
        model = network()
        torch.manual_seed(noise)
        list(fit_of(model, seed=seed).run(noisy))
        ends.append(nn.utils.parameters_to_vector(model.parameters()))
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def killed_at(step: int) -> Callable[[nn.Module, torch.Generator], Tensor]:
    """The noisy loss of a run that is killed before the end of a step."""
    calls = iter(range(step))

    def loss(model: nn.Module, rng: torch.Generator) -> Tensor:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return noisy(model, rng)

    return loss


@pytest.fixture
def killed(tmp_path) -> Path:
    """Checkpoints of a run of 20 steps that was killed in the eighteenth."""
    fit = fit_of(network(), folder=tmp_path, save_seconds=-1.0)
    with pytest.raises(KeyboardInterrupt):
        list(fit.run(killed_at(17), 5))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step_00000016.pt",
        "step_00000017.pt",
    ]
    return tmp_path


@pytest.fixture(scope="module")
def whole() -> Fit:
    """The run of 20 steps that nobody disturbed."""
    fit = fit_of(network())
    list(fit.run(noisy, 5))
    return fit


@pytest.fixture
def listening() -> Iterator[None]:
    """SIGTERM is a request, as in a job."""
    before = signal.getsignal(signal.SIGTERM)
    interrupt.listen()
    yield
    signal.signal(signal.SIGTERM, before)
    interrupt.reset()


def outcome(fit: Fit) -> list[Tensor]:
    state = fit.optimizer.state_dict()["state"].values()
    moments = [moment for one in state for moment in one.values()]
    return [*fit.model.parameters(), *fit.average.values(), *moments]


def assert_same(fit: Fit, whole: Fit) -> None:
    assert fit.history == whole.history
    for a, b in zip(outcome(fit), outcome(whole), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("torn", [[], [17], [17, 16]], ids=str)
def test_killed_and_resumed_is_uninterrupted_to_the_bit(killed, whole, torn, caplog) -> None:
    for step in torn:
        path = killed / f"step_{step:08d}.pt"
        path.write_bytes(path.read_bytes()[:-200])
    resumed, calls = fit_of(network(), folder=killed), []

    def loss(model: nn.Module, rng: torch.Generator) -> Tensor:
        calls.append(1)
        return noisy(model, rng)

    with caplog.at_level(logging.WARNING):
        list(resumed.run(loss, 5))
    assert len(calls) == {0: 3, 1: 4, 2: 20}[len(torn)]
    for step in torn:
        assert f"step_{step:08d}.pt is refused: it is torn" in caplog.text
    assert_same(resumed, whole)


def cut_at(points: dict[int, bool], fit: Fit) -> Callable[[nn.Module, torch.Generator], Tensor]:
    """The noisy loss of a run that is asked to stop, or killed, during some steps."""

    def loss(model: nn.Module, rng: torch.Generator) -> Tensor:
        value = noisy(model, rng)
        if points.get(fit.step) is True:
            os.kill(os.getpid(), signal.SIGTERM)
        if points.get(fit.step) is False:
            points[fit.step] = None
            raise KeyboardInterrupt
        return value

    return loss


@pytest.mark.usefixtures("listening")
@settings(max_examples=30, deadline=None)
@given(
    cuts=st.dictionaries(st.integers(0, 19), st.booleans(), min_size=1, max_size=4),
    seconds=st.sampled_from([-1.0, 1e6]),
)
def test_wherever_and_however_often_it_is_cut_the_outcome_is_the_same(cuts, seconds) -> None:
    whole, asked, stops = fit_of(network()), sum(cuts.values()), []
    list(whole.run(noisy, 7))
    with TemporaryDirectory() as folder:
        for _ in range(len(cuts) + 1):
            fit = fit_of(network(), folder=Path(folder), save_seconds=seconds)
            interrupt.reset()
            try:
                list(fit.run(cut_at(cuts, fit), 7))
            except interrupt.Interrupted as stop:
                stops.append((stop.advanced, str(stop) == f"step {fit.step} of 20"))
            except KeyboardInterrupt:
                pass
    assert stops == asked * [(True, True)]
    assert_same(fit, whole)


@pytest.mark.usefixtures("listening")
def test_without_a_folder_a_stop_is_no_progress() -> None:
    fit = fit_of(network())
    with pytest.raises(interrupt.Interrupted) as stop:
        list(fit.run(cut_at({4: True}, fit)))
    assert not stop.value.advanced


def test_seconds_add_up_over_attempts(killed, caplog) -> None:
    first = fit_of(network(), folder=killed)
    first._resume()
    assert first.seconds > 0
    fit = fit_of(network(), folder=killed)
    with caplog.at_level(logging.INFO):
        list(fit.run(noisy, 5))
    total = float(caplog.messages[-1].removeprefix("20 steps in ").split()[0])
    assert total >= round(first.seconds, 1)
    assert fit._total_seconds() > first.seconds


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        (nn.Linear(3, 3), "0.bias is"),
        (nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 3)), r"0.bias is \(5,\) there, "),
    ],
    ids=["names", "shapes"],
)
def test_a_checkpoint_of_another_model_is_refused_by_parameter(killed, other, fault) -> None:
    with pytest.raises(ValueError, match=rf"step_00000017.pt is of another model: {fault}"):
        list(fit_of(other, folder=killed).run(noisy))


def test_a_checkpoint_of_something_else_is_refused(tmp_path) -> None:
    torch.save({"step": 3}, tmp_path / "step_00000003.pt")
    with pytest.raises(ValueError, match=r"step_00000003.pt holds no progress of a training"):
        list(fit_of(network(), folder=tmp_path).run(noisy))


def test_a_finished_run_takes_no_more_steps(killed) -> None:
    list(fit_of(network(), folder=killed, save_seconds=-1.0).run(noisy, 5))
    again = fit_of(network(), folder=killed)
    assert list(again.run(killed_at(0), 5)) == []
    assert again.step == 20


@pytest.mark.parametrize(("seconds", "saved"), [("1e6", False), ("-1", True)])
def test_the_time_between_checkpoints_can_be_set_outside(
    tmp_path, monkeypatch, seconds, saved
) -> None:
    monkeypatch.setenv("GALERNE_SAVE_SECONDS", seconds)
    list(fit_of(network(), folder=tmp_path).run(noisy, 1))
    assert any(tmp_path.iterdir()) == saved


def test_checkpoints_wait_for_their_time(tmp_path) -> None:
    list(fit_of(network(), folder=tmp_path, save_seconds=1e6).run(noisy, 1))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_refused(value) -> None:
    steps = iter(range(9))

    def loss(model: Point, rng: torch.Generator) -> Tensor:
        return quadratic(model, rng) + (value if next(steps) == 2 else 0.0)

    with pytest.raises(FloatingPointError, match=f"the loss is {value} at step 3"):
        list(fit_of(Point()).run(loss))
