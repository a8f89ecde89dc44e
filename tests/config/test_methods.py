"""Blocks of methods: what a configuration may say is what the library takes."""

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import yaml

from pydantic import TypeAdapter, ValidationError

from galerne.assimilate.methods import GUIDANCE, guide
from galerne.config.methods import Integrator, Method, Sampler
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.integrator import SAMPLERS

DEFAULT = Path(__file__).parents[2] / "config/default.yaml"
METHODS: dict[str, dict[str, Any]] = yaml.safe_load(DEFAULT.read_text())["methods"]
ADAPTER = TypeAdapter(Method)


def test_every_method_of_the_library_has_a_block_and_a_default() -> None:
    blocks = get_args(get_args(Method)[0])
    assert [get_args(b.model_fields["guidance"].annotation)[0] for b in blocks] == list(GUIDANCE)
    assert {name: block["guidance"] for name, block in METHODS.items()} == {n: n for n in GUIDANCE}


def test_every_integrator_is_the_librarys() -> None:
    assert set(get_args(get_args(Integrator)[0])) <= set(SAMPLERS)
    assert set(get_args(get_args(Sampler)[0])) <= set(SAMPLERS)


class First:
    """Sees the first latent."""

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        return z.flatten(1)[:, :1]

    linearise = push = __call__


@pytest.mark.parametrize("name", METHODS)
def test_the_library_takes_every_key_of_a_block(name: str) -> None:
    block = ADAPTER.validate_python(METHODS[name]).model_dump()
    walking = ("guidance", "steps", "corrections", "delta", "background_check", "local")
    settings = {key: value for key, value in block.items() if key not in walking}
    prior = WindowDenoiser(WindowGaussian(2, 1, 2, 4, 1), None, 0.01, 100.0)
    assert isinstance(
        guide(name, prior, torch.zeros(1), First(), **settings),
        GUIDANCE[name],
    )


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("dps", "sampler", "xeab", "ddim"),
        ("dps", "gamma", 1.0, "Extra inputs"),
        ("sda", "gamma", 0.0, "greater than 0"),
        ("diffpir", "lmbda", -1.0, "greater than 0"),
        ("pgdm", "iterations", 0, "greater than or equal to 1"),
        ("mmps", "covariance", "jacobian", "redraw needs covariance gaussian"),
        ("mmps", "solver", "gmres", "modes precondition solver cg"),
        ("mmps", "background_check", 1.0, "greater than or equal to 2"),
        ("mmps", "local", {"share": 1.0, "length_km": 1.0, "season_days": None}, "less than 1"),
        ("mmps", "modes", 0, "placement posterior needs sampler redraw and modes"),
        ("mmps", "sampler", "ddpm", "placement posterior needs sampler redraw and modes"),
        ("mmps", "probes", 4, "probes are of covariance jacobian"),
        ("mmps", "corrections", 2, "corrections are of sampler pc"),
        ("mmps", "delta", 0.0, "greater than 0"),
        ("tmpd", "sampler", "redraw", "ddim"),
        ("mmps", "guidance", "nudging", "'mmps', 'mmps_published', 'tmpd', 'jfps'"),
    ],
)
def test_a_mistake_is_refused(name: str, key: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python(METHODS[name] | {key: value})
