"""Single steps of azula's integrators: its own numbers, and all of their state in sight."""

from collections.abc import Callable

import pytest
import torch

from azula.denoise import DiracPosterior

from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.integrator import SAMPLERS, Walk
from galerne.prior.trajectory import Noise

SHAPE = (3, 2, 2, 8)
STEPS = 7


class Stubborn(WindowDenoiser):
    """Keeps a tenth of what it said last."""

    def __init__(self, gaussian: WindowGaussian) -> None:
        super().__init__(gaussian, None, 0.01, 100.0)
        self.memory: dict[str, torch.Tensor] = {}

    def forward(self, z_t: torch.Tensor, t: torch.Tensor, **condition: object) -> DiracPosterior:
        mean = super().forward(z_t, t, **condition).mean
        said = 0.9 * mean + 0.1 * self.memory.get("said", mean)
        self.memory["said"] = said
        return DiracPosterior(mean=said)


@pytest.fixture
def start(random_gaussian: Callable[..., WindowGaussian]) -> Callable[[str], Walk]:
    noise = Noise(0, [0, 1])

    def begin(sampler: str) -> Walk:
        denoiser = Stubborn(random_gaussian())
        z = 100 * noise("start", SHAPE)
        return Walk(denoiser, z, noise, sampler=sampler, steps=STEPS, memory=denoiser.memory)

    return begin


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "redraw"])
def test_steps_are_those_of_azula_to_the_bit(
    sampler: str, start: Callable[[str], Walk], monkeypatch
) -> None:
    walk, other = start(sampler), start(sampler)
    use = {"ddpm": "step", "pc": "correction/0"}.get(sampler)
    white = (walk.noise(f"{step}/{use}", SHAPE) for step in range(STEPS))
    monkeypatch.setattr(torch, "randn_like", lambda z: next(white))
    expected = SAMPLERS[sampler](other.denoiser, steps=STEPS, silent=True)(other.z)
    monkeypatch.undo()
    for step in range(STEPS):
        walk.advance(step)
    # Noise of both is the same; sums of it are in another order.
    torch.testing.assert_close(walk.z, expected, rtol=0, atol=0 if use is None else 1e-4)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("cut", range(1, STEPS))
def test_a_restored_walk_takes_the_same_steps(
    sampler: str, cut: int, start: Callable[[str], Walk]
) -> None:
    walk, again = start(sampler), start(sampler)
    for step in range(STEPS):
        if step == cut:
            again.restore({name: value.clone() for name, value in walk.state().items()})
        walk.advance(step)
    for step in range(cut, STEPS):
        again.advance(step)
    assert torch.equal(again.z, walk.z)


def test_a_restored_walk_is_where_it_was_begun(start: Callable[[str], Walk]) -> None:
    walk = start("xeab")
    walk.advance(0)
    walk.z, saved = walk.z.to("meta"), walk.state()  # saved states come from the CPU
    walk.restore(saved)
    assert {name: value.device.type for name, value in walk.state().items()} == {
        "z": "meta", "prediction.0": "meta", "memory.said": "meta",
    }  # fmt: skip


def test_a_state_holds_what_the_method_needs_and_no_more(start: Callable[[str], Walk]) -> None:
    for sampler, more in {"ddim": 0, "heun": 0, "pc": 0, "zab": 2, "xeab": 2}.items():
        walk = start(sampler)
        for step in range(STEPS):
            walk.advance(step)
        expected = {"z", "memory.said", *(f"prediction.{k}" for k in range(more))}
        assert walk.state().keys() == expected


def test_an_unknown_sampler_is_refused(start: Callable[[str], Walk]) -> None:
    with pytest.raises(ValueError, match="unknown sampler 'euler'; allowed: ddim, ddpm"):
        start("euler")
