"""Posterior windows: drawn towards what was observed, blind to what must not be used."""

import dataclasses
import logging
import random

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from azula.denoise import DiracPosterior

from galerne.assimilate import posterior
from galerne.assimilate.corrections import TweedieMoments
from galerne.assimilate.forward import ForwardOperator
from galerne.assimilate.guidance import MomentMatching
from galerne.assimilate.posterior import (
    draw_posterior_windows,
    draw_states,
    unobserved,
    usable,
)
from galerne.jobs import interrupt
from galerne.jobs.interrupt import Interrupted
from galerne.jobs.progress import Progress
from galerne.latent.autoencoder import Autoencoder
from galerne.observe.legs import legs
from galerne.observe.task import cutoffs
from galerne.prior.backbone import Backbone
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.integrator import SAMPLERS
from galerne.prior.trajectory import Noise, decode_members, draw_windows
from galerne.stats.climatology import days_since_2000
from galerne.stats.transform import Transform

from .conftest import METHODS

TIMES = np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h")
SETTINGS = {"seed": 3, "guidance": "mmps", "sampler": "xeab", "steps": 16}
Models = tuple[WindowDenoiser, Autoencoder, Transform]


@pytest.fixture
def models(prior: WindowDenoiser, autoencoder: Autoencoder, transform: Transform) -> Models:
    return prior, autoencoder, transform


def test_withheld_and_later_observations_are_not_used(table: pd.DataFrame) -> None:
    kept = usable(table, TIMES, TIMES[1]).table
    assert len(kept) == 4
    assert not kept["withheld"].any()
    assert kept["time"].max() == TIMES[1]


def test_without_an_observation_members_are_the_priors(
    models: Models, table: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    settings = SETTINGS | {"steps": 4, "members": [0, 1]}
    plan = legs(cutoffs("filtering", TIMES, [0, 6]), TIMES)
    late = table.assign(withheld=table["withheld"] | (table["time"] == TIMES[0]))
    drawn = draw_states(*models, late, TIMES, plan, progress=Progress(None), **settings).numpy()
    walk = {"sampler": "xeab", "steps": 4, "season": posterior.calendar(TIMES[:1])}
    noise = Noise(3, [0, 1])
    z = draw_windows(models[0], noise, (3, 8, 4, 8), **walk)
    prior = models[2].inverse(decode_members(models[1], z, noise), TIMES)
    np.testing.assert_allclose(drawn[:, 0], prior[:, 0], rtol=1e-5)
    assert not np.allclose(drawn[:, 1], prior[:, 1])
    assert unobserved(late, TIMES, plan) == [TIMES[0]]
    warnings = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "no observation between 2001-01-01T00" in warnings[0]
    assert "(9 in the table, 5 withheld): the states are the prior's" in warnings[0]


def test_members_agree_with_precise_observations(models: Models, table: pd.DataFrame) -> None:
    """Observations at grid points are met to within their error; elsewhere the prior spreads."""
    at_points = table.assign(lat=models[2].latitude[2], lon=45.0 * (1 + table.index % 3))
    observations = usable(at_points, TIMES, TIMES[-1])
    drawn = draw_posterior_windows(*models, observations, members=range(40), **SETTINGS)
    assert drawn.shape == (40, 3, 2, 8, 16)
    seen = drawn[:, 0, 0, 2, [2, 4]]
    assert np.abs(seen.mean(0) - [283, 284]).max() < 0.5
    assert (seen.std(0) < 0.75).all()
    assert drawn[:, 0, 0, 6].std(0).min() > 1.5


def test_a_withheld_value_does_not_reach_the_members(models: Models, table: pd.DataFrame) -> None:
    spoilt = table.copy()
    spoilt.loc[spoilt["withheld"], "observation"] = 400.0
    drawn = [
        draw_posterior_windows(*models, usable(t, TIMES, TIMES[-1]), members=[0, 1], **SETTINGS)
        for t in (table, spoilt)
    ]
    np.testing.assert_array_equal(*drawn)


def test_a_member_is_the_same_in_any_batch(models: Models, table: pd.DataFrame) -> None:
    observations = usable(table, TIMES, TIMES[-1])
    many = draw_posterior_windows(*models, observations, members=[0, 1, 2], **SETTINGS)
    one = draw_posterior_windows(*models, observations, members=[1], **SETTINGS)
    anomaly = models[2].climatology(TIMES)
    np.testing.assert_allclose(many[1] - anomaly, one[0] - anomaly, atol=0.5)
    np.testing.assert_allclose(many[1, :, 0], one[0, :, 0], atol=1e-3)


def test_what_latents_do_not_say_is_an_error_of_observations_and_a_spread_of_members(
    models: Models, table: pd.DataFrame
) -> None:
    """With a residual, precise observations bind latents less, and members differ by it."""
    observations = usable(table.assign(error=0.01), TIMES, TIMES[-1])
    plain = draw_posterior_windows(*models, observations, members=range(60), **SETTINGS)
    autoencoder, scale = models[1], models[2].scale_at(TIMES)
    autoencoder.residual.copy_(0.5 * torch.eye(len(autoencoder.residual)))
    rough = draw_posterior_windows(*models, observations, members=range(60), **SETTINGS)
    added = (rough.var(0) - plain.var(0)) / scale**2
    assert 0.2 < added.mean() < 0.45  # the residual's 0.25, and latents that are freer


@pytest.mark.parametrize("states", [3, 5])
def test_a_local_part_spreads_what_is_seen_as_far_as_its_length(
    models: Models, table: pd.DataFrame, states: int
) -> None:
    """The Gaussian is white in space; in the windows kept, all places go up and down together.

    But for windows of the season of what is asked for, in which nothing happens.
    """
    times = TIMES[0] + np.arange(states) * np.timedelta64(6, "h")
    one = table[(table["station"] == "0") & ~table["withheld"]].assign(observation=290.0)
    prior = models[0]
    sizes = torch.randn(60, 1, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    spread = torch.ones(1, 3, 1, 4, 8) * models[1].basis.sum(0)[:, None, None]
    sizes[50:] = 0
    prior.gaussian.windows = (sizes * spread).flatten(1, 2).half()
    prior.gaussian.window_components = torch.eye(24).view(24, 3, 8)
    begin = torch.from_numpy(days_since_2000(times[:1])).float()
    prior.gaussian.days = begin + torch.tensor(50 * [180.0] + 5 * [-9.0] + 5 * [725.0])
    settings = SETTINGS | DEFAULT | {"steps": 2, "iterations": 20, "members": range(200)}
    given = settings | {"progress": Progress(None), "overlap": 1}
    plan = legs(cutoffs("reanalysis", times), times)
    near, far = [], []
    place = {"share": 0.4, "length_km": 6000.0}
    for local in (None, place | {"season_days": None}, place | {"season_days": 100.0}):
        drawn = draw_states(*models, one, times, plan, local=local, **given).numpy()[:, 0, 0]
        moved = (drawn - models[2].climatology(times[:1])[0, 0]) / 3.0
        near.append(moved[:, 1, 2].mean())  # 20 degrees north and 35 east of the station
        far.append(moved[:, 6, 10].mean())  # on the other side of the globe
    assert abs(near[0]) < 0.25  # Monte-Carlo: 1 / sqrt(200) = 0.07
    assert abs(near[2]) < 0.25
    assert near[1] > 0.5
    assert max(map(abs, far)) < 0.25


@pytest.mark.parametrize("wrong", [0.0, 500.0])
def test_what_the_background_check_rejects_is_not_assimilated(
    models: Models, table: pd.DataFrame, wrong: float, caplog: pytest.LogCaptureFixture
) -> None:
    observations = usable(table, TIMES, TIMES[-1])
    spoilt = observations.table.copy()
    spoilt.loc[0, "observation"] += wrong * spoilt.loc[0, "error"]
    settings = SETTINGS | DEFAULT | {"background_check": 8.0, "steps": 2}
    with caplog.at_level(logging.INFO):
        drawn = draw_posterior_windows(
            *models, dataclasses.replace(observations, table=spoilt), members=[0], **settings
        )
    if wrong:
        assert "rejects observations: 1 of" in caplog.text
        without = observations.table.drop(index=0).reset_index(drop=True)
        observations = dataclasses.replace(observations, table=without)
    else:
        assert "the background check rejects none" in caplog.text
    expected = draw_posterior_windows(
        *models, observations, members=[0], **settings | {"background_check": None}
    )
    np.testing.assert_array_equal(drawn, expected)


STEPS = 6
DEFAULT = {"sampler": "redraw", "linearisation": "linear", "modes": 50}
Draw = Callable[..., np.ndarray]


@pytest.fixture
def network(prior: WindowDenoiser) -> Backbone:
    """A network in the prior that says something."""
    prior.backbone = Backbone(3, 8, 4, 8, patch=2, hidden_channels=8, blocks=1, heads=1)
    torch.nn.init.normal_(prior.backbone.transformer.out_proj.weight, std=0.1)
    return prior.backbone.requires_grad_(False)


@pytest.fixture
def draw(models: Models, network: Backbone, table: pd.DataFrame, tmp_path) -> Draw:
    """Draws what filtering at two times asks for."""
    plan = legs(cutoffs("filtering", TIMES, [6, 12]), TIMES)

    def run(folder: str | None, **settings: object) -> np.ndarray:
        settings = SETTINGS | {"steps": STEPS, "members": [0, 1], **settings}
        progress = Progress(folder and tmp_path / folder)
        return draw_states(*models, table, TIMES, plan, progress=progress, **settings).numpy()

    return run


@pytest.fixture
def stop_after(monkeypatch) -> Callable[[int], None]:
    """Asks for a stop after so many steps."""

    def ask(steps: int) -> None:
        answers = iter([False] * (steps - 1) + [True])
        monkeypatch.setattr(interrupt, "requested", lambda: next(answers))

    return ask


def cut_and_finish(
    draw: Draw, cuts: list[int], stop_after: Callable, **settings: str
) -> np.ndarray:
    """Cuts a draw after so many steps, again and again, and lets it come to its end."""
    done = 0
    for cut in cuts:
        done += cut
        stop_after(cut)
        cutoff, step = divmod(done - 1, STEPS)
        where = f"^cutoff {cutoff + 1} of 2, step {step + 1} of {STEPS}$"
        with pytest.raises(Interrupted, match=where):
            draw("cut", **settings)
    stop_after(1000)
    return draw("cut", **settings)


@pytest.mark.parametrize("cut", range(1, 2 * STEPS + 1))
def test_a_draw_cut_at_any_step_ends_in_the_same_bytes(
    draw: Draw, cut: int, stop_after: Callable
) -> None:
    expected = draw(None)
    assert cut_and_finish(draw, [cut], stop_after).tobytes() == expected.tobytes()


def test_a_redrawn_ensemble_cut_at_any_step_ends_in_the_same_bytes(
    draw: Draw, stop_after: Callable
) -> None:
    expected = draw(None, **DEFAULT)
    found = cut_and_finish(draw, [1] * (2 * STEPS), stop_after, **DEFAULT)
    assert found.tobytes() == expected.tobytes()


CASES = [(sampler, "cg", "gaussian") for sampler in SAMPLERS]
CASES += [("xeab", "gmres", "gaussian"), ("xeab", "cg", "jacobian"), ("ddpm", "gmres", "jacobian")]


@pytest.mark.parametrize(("sampler", "solver", "covariance"), CASES)
def test_every_method_cut_twice_ends_in_the_same_bytes(
    draw: Draw, sampler: str, solver: str, covariance: str, stop_after: Callable
) -> None:
    settings = {"sampler": sampler, "solver": solver, "covariance": covariance}
    rng = random.Random(f"{sampler}/{solver}/{covariance}")
    cuts = [rng.randint(1, STEPS), rng.randint(1, STEPS)]
    expected = draw(None, **settings)
    assert cut_and_finish(draw, cuts, stop_after, **settings).tobytes() == expected.tobytes()


@pytest.mark.parametrize("guidance", [m for m in METHODS if not m.startswith("latent_")])
def test_every_guidance_cut_ends_in_the_same_bytes(
    draw: Draw, guidance: str, stop_after: Callable
) -> None:
    settings = {"guidance": guidance, "sampler": "ddim", **METHODS[guidance]}
    expected = draw(None, **settings)
    assert cut_and_finish(draw, [STEPS + 2], stop_after, **settings).tobytes() == (
        expected.tobytes()
    )
    assert np.isfinite(expected).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("seconds", ["0", "1e9"])
def test_a_draw_that_died_goes_on_from_its_last_saved_step(
    draw: Draw, seconds: str, seed: int, monkeypatch
) -> None:
    """Killed in the middle of a step, three times."""
    monkeypatch.setenv("GALERNE_SAVE_SECONDS", seconds)
    expected, begun = draw(None), []
    forward = MomentMatching.forward
    deaths = random.Random(seed).sample(range(2, 2 * STEPS), 3)

    def mortal(*arguments: object, **condition: object) -> object:
        begun.append(1)
        if len(begun) in deaths:
            raise KeyboardInterrupt
        return forward(*arguments, **condition)

    monkeypatch.setattr(MomentMatching, "forward", mortal)
    for _ in deaths:
        with pytest.raises(KeyboardInterrupt):
            draw("died")
    assert draw("died").tobytes() == expected.tobytes()
    if seconds == "0":
        assert len(begun) == 2 * STEPS + len(deaths)


def test_a_finished_cutoff_is_not_drawn_again(
    draw: Draw, stop_after: Callable, monkeypatch
) -> None:
    stop_after(STEPS + 2)
    with pytest.raises(Interrupted, match="cutoff 2 of 2, step 2 of 6"):
        draw("cut")
    steps, forward = [], MomentMatching.forward

    def counted(*arguments: object, **condition: object) -> object:
        steps.append(1)
        return forward(*arguments, **condition)

    monkeypatch.setattr(MomentMatching, "forward", counted)
    stop_after(1000)
    draw("cut")
    assert len(steps) == STEPS - 2


def test_a_draw_on_an_accelerator_keeps_every_tensor_there(
    models: Models, network: Backbone, table: pd.DataFrame, monkeypatch
) -> None:
    """On a device without data, which like any refuses tensors of another."""
    seen = []
    monkeypatch.setattr(torch, "isfinite", lambda z: torch.ones(z.shape))
    monkeypatch.setattr(
        posterior, "decode_members", lambda decoder, z, _: seen.append((decoder, z))
    )
    monkeypatch.setattr(Transform, "inverse", lambda self, anomaly, times: np.zeros([1] * 5))
    none = torch.zeros(int((~table["withheld"]).sum()))
    monkeypatch.setattr(ForwardOperator, "representation_error", lambda self, *_: none)
    models[0].to("meta")
    for covariance, probes in (("gaussian", 0), ("jacobian", 0), ("jacobian", 2)):
        for solver in ("cg", "gmres"):
            method = {"covariance": covariance, "solver": solver, "steps": 2, "probes": probes}
            observations = usable(table, TIMES, TIMES[-1])
            draw_posterior_windows(*models, observations, members=[0], **SETTINGS | method)
    assert len(seen) == 6
    for decoder, z in seen:
        assert {p.device.type for p in decoder.parameters()} == {z.device.type} == {"meta"}


def test_a_method_that_diverges_is_named_with_what_to_try(
    models: Models, table: pd.DataFrame, monkeypatch
) -> None:
    nowhere = lambda self, z_t, t, **_: DiracPosterior(mean=z_t / 0)  # noqa: E731
    monkeypatch.setattr(TweedieMoments, "forward", nowhere)
    method = {"guidance": "tmpd", "sampler": "ddim", "steps": 2}
    message = r"guidance 'tmpd' diverged: members \[0\] .*'ddim'.* row sums .*; try mmps"
    observations = usable(table, TIMES, TIMES[-1])
    with pytest.raises(FloatingPointError, match=message):
        draw_posterior_windows(*models, observations, members=[0], seed=0, **method)


def test_corrections_are_the_samplers_that_has_them(models: Models, table: pd.DataFrame) -> None:
    observations = usable(table, TIMES, TIMES[-1])
    size = {"corrections": 2, "delta": 0.9}

    def drawn(sampler: str, **settings: float) -> np.ndarray:
        settings = SETTINGS | {"steps": 3, "sampler": sampler, "members": [0]} | settings
        return draw_posterior_windows(*models, observations, **settings)

    np.testing.assert_array_equal(drawn("ddpm", **size), drawn("ddpm"))
    assert np.abs(drawn("pc", **size) - drawn("pc", **size | {"delta": 0.1})).max() > 0
