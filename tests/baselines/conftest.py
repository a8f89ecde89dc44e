"""The truth gate's world, with one memory for all scales: a covariance by component is exact."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.worlds.posterior import Posterior
from bench.worlds.sphere import Dynamics
from bench.worlds.world import MIXING, World, build_world
from galerne.assimilate.posterior import Observations
from galerne.baselines.covariance import WaveCovariance
from galerne.baselines.fields import Case, Noise

MEMORY, TURN = 0.7, 0.3


@pytest.fixture(scope="session")
def world() -> World:
    world = build_world("exact", degree=7)  # of 16 columns: none is another
    own = world.dynamics
    memory, turn = np.full_like(own.memory, MEMORY), np.full_like(own.turn, TURN)
    dynamics = Dynamics(own.grid, own.spectrum, memory, turn)
    covariance = dynamics.covariance(world.states)
    truth = Posterior(np.ones(1), np.zeros((1, len(covariance))), covariance)
    return replace(world, dynamics=dynamics, truth=truth)


@pytest.fixture(scope="session")
def observed(world: World) -> Observations:
    rng = np.random.default_rng(1)
    return world.observe(world.truth.draw(rng, 1)[0], rng)


@pytest.fixture(scope="session")
def of_fields(world: World) -> WaveCovariance:
    """The covariance of the fields of the world, as it is."""
    grid, states = world.dynamics.grid, world.states
    size = len(MIXING) * grid.rows
    model = WaveCovariance(
        len(MIXING), grid.rows, grid.columns, grid.columns // 2 + 1, size, states
    )
    full = world.decoding @ world.truth.within @ world.decoding.T
    full = full.reshape(states, size, grid.columns, states, size, grid.columns)
    # of state `l` with the first, by the longitude that they are apart
    waves = [np.moveaxis(np.fft.fft(full[k, :, :, 0, :, 0], axis=1), 1, 0) for k in range(states)]
    lags = torch.from_numpy(np.stack(waves))[:, : grid.columns // 2 + 1]
    _, space = torch.linalg.eigh(lags[0])
    along = torch.einsum("wsk,lwst,wtj->lwkj", space.conj(), lags, space)
    apart = along - torch.diag_embed(along.diagonal(dim1=-2, dim2=-1))
    assert apart.abs().max() < 1e-6 * along.abs().max()
    model.space.copy_(torch.view_as_real(space.to(torch.complex64)))
    own = along.diagonal(dim1=-2, dim2=-1).movedim(0, -1).to(torch.complex64).contiguous()
    own[own[..., 0].real < 1e-6 * own.real.max()] = 0  # of no variance but by rounding
    model.lags.copy_(torch.view_as_real(own))
    return model


@pytest.fixture
def case(world: World, observed: Observations) -> Case:
    members = range(1024)
    noise = Noise(0, members)
    return Case(world.transform, observed.table, world.times, noise, members)
