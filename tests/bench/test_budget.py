"""The figures on paper follow from sizes, by hand."""

import sys

from dataclasses import replace

import pytest

from bench.budget import Campaign, _main, budget, drawing, networks

SMALL = Campaign(
    channels=3, latitudes=16, longitudes=32, latent_channels=8, downsampling=4,
    hidden_channels=16, heads=2, blocks=1, states=4, prior_blocks=2, priors=1, observing=2,
    windows=3, members=5, members_per_job=5, steps=2, iterations=1, modes=10,
)  # fmt: skip


def test_operations_of_the_encoder_are_those_of_its_layers() -> None:
    points, features, hidden = 4 * 8, 3 * 4**2, 16
    convolution = 2 * hidden * hidden * 9 * points
    linear = 2 * points * features * SMALL.latent_channels
    layers = 2 * points * hidden * (features + SMALL.latent_channels)
    assert networks(SMALL)["encode"] == linear + layers + 2 * convolution


def test_attention_grows_with_the_square_of_the_tokens() -> None:
    twice = Campaign(**(vars(SMALL) | {"states": 8}))
    tokens = 4 * 2 * 4
    attention = 4 * tokens**2 * SMALL.hidden_channels * SMALL.prior_blocks
    one, other = networks(SMALL)["denoise"], networks(twice)["denoise"]
    assert other - 2 * one == pytest.approx(2 * attention, rel=0.1)


@pytest.mark.parametrize(
    "change", [{}, {"steps": 4}, {"iterations": 3}, {"modes": 20}, {"members_per_job": 1}]
)
def test_work_of_a_draw_is_that_of_its_products(change: dict[str, int]) -> None:
    c = replace(SMALL, **change)
    product = 2 * (4 * 8) * c.latent_channels * 3 * 4**2  # points, latents, features
    # A value and the two graphs of a step are products too.
    products = c.steps * (2 + 1 + 2 * c.iterations + 1) + c.modes / c.members_per_job
    work = networks(c)
    network = c.steps * c.states * work["decode"] + (c.steps - 1) * work["denoise"]
    assert drawing(c) == pytest.approx(network + c.states * products * product)


def test_storage_follows_from_the_sizes() -> None:
    found = budget(SMALL, tflops=1.0)
    state = 3 * 16 * 32 * 4
    assert SMALL.draws == 2 * 3 * 5
    assert found["a state"] == (state / 1e6, "MB")
    assert found["ensembles as fields"] == (state * 4 * 30 / 1e15, "PB")
    assert found["latents of the record"] == (8 * 4 * 8 * 4 * SMALL.hours / 1e9, "GB")
    assert found["train one prior"][0] == pytest.approx(
        3 * networks(SMALL)["denoise"] * SMALL.prior_samples / 1e12 / 3600
    )


def test_the_table_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["budget", "--tflops", "200"])
    _main()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["a", "state", "294.5", "MB"] for line in lines)
    (training,) = [line.split() for line in lines if line.startswith("train one prior")]
    monkeypatch.setattr(sys, "argv", ["budget", "--tflops", "100"])
    _main()
    slower = capsys.readouterr().out.splitlines()
    (other,) = [line.split() for line in slower if line.startswith("train one prior")]
    assert float(other[3]) == pytest.approx(2 * float(training[3]), rel=1e-3)
