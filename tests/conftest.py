"""What tests of every room share: seeds, snakemake run as a user runs it, small exact worlds."""

import os
import re
import subprocess
import sys

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from galerne.prior.gaussian import WindowGaussian

ROOT = Path(__file__).parents[1]
SHAPE = (3, 2, 2, 8)  # state channel y x
Snakemake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def seeds() -> None:
    """The same draws whatever ran before."""
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def snakemake() -> Snakemake:
    """Runs snakemake in the root folder, beside any other run."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", "--nolock", "--nocolor", *arguments]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
def planned_jobs(snakemake: Snakemake) -> Callable[..., dict[str, int]]:
    """Counts by rule the jobs that a run with these arguments would start."""

    def plan(*arguments: str) -> dict[str, int]:
        done = snakemake("--dry-run", "--quiet", "rules", *arguments)
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        table = re.search(r"^job +count\n[- ]+\n((?:\w+ +\d+\n)+)", text, re.MULTILINE)
        assert table or "Nothing to be done" in text, text
        rows = (row.split() for row in table[1].splitlines()) if table else ()
        return {rule: int(count) for rule, count in rows if rule not in ("all", "total")}

    return plan


def orthonormal(rows: int, columns: int, real: bool) -> torch.Tensor:
    matrix = torch.randn(rows, rows, dtype=torch.complex64)
    matrix = torch.complex(matrix.real, matrix.imag * (0.0 if real else 1.0))
    return torch.view_as_real(torch.linalg.qr(matrix)[0][:, :columns].contiguous())


@pytest.fixture
def random_gaussian() -> Callable[..., WindowGaussian]:
    """Makes a Gaussian of random orthonormal directions and falling variances."""

    def make(components: int = 2, rank: int | None = None) -> WindowGaussian:
        torch.manual_seed(0)
        states, channels, rows, columns = SHAPE
        model = WindowGaussian(*SHAPE, components, rank)
        waves, space = columns // 2 + 1, channels * rows
        for m in range(waves):
            real = m in (0, waves - 1)
            model.space[m] = orthonormal(space, components, real)
            model.joint[m] = orthonormal(states * components, model.joint.shape[2], real)
            model.rest[m] = orthonormal(states, states, real)
        falling = torch.linspace(3, 0.1, model.variance.numel())
        model.variance.copy_(falling.view_as(model.variance))
        model.tail.copy_(torch.linspace(0.4, 0.1, waves))
        model.rest_variance.copy_(0.05 + 0.2 * torch.rand_like(model.rest_variance))
        model.mean.copy_(torch.randn_like(model.mean))
        return model.requires_grad_(False)

    return make


@pytest.fixture
def dense() -> Callable[[WindowGaussian], torch.Tensor]:
    """Writes the covariance of a Gaussian as a matrix, column by column."""

    def write(model: WindowGaussian) -> torch.Tensor:
        size = model.mean.numel() * SHAPE[0]
        columns = model.apply_gain(torch.eye(size).view(size, *SHAPE), lambda v: v)
        return columns.flatten(1).double()

    return write


def autocovariance(order: int, variables: int, lags: int, real: bool) -> torch.Tensor:
    """Of a stationary autoregressive process, at lags from zero: (lag, variable, variable)."""
    long = 400
    parts = torch.randn(2, order, variables, variables).double()
    steps = 0.32 * torch.complex(parts[0], parts[1] * (0.0 if real else 1.0)) / order**0.5
    psi = [torch.eye(variables, dtype=steps.dtype)]  # the response to a single shock
    for k in range(1, long):
        psi.append(sum(steps[j] @ psi[k - 1 - j] for j in range(min(order, k))))
    psi = torch.stack(psi)
    return torch.stack([(psi[lag:] @ psi[: long - lag].mH).sum(0) for lag in range(lags)])


def toeplitz(lags: torch.Tensor, states: int) -> torch.Tensor:
    """The covariance of consecutive states, from that at each lag."""
    rows = [
        torch.cat([lags[i - j] if i >= j else lags[j - i].mH for j in range(states)], 1)
        for i in range(states)
    ]
    return torch.cat(rows)


@pytest.fixture
def process() -> Callable[..., WindowGaussian]:
    """Makes the Gaussian of any number of states of one autoregressive process."""

    def make(states: int, order: int = 1) -> WindowGaussian:
        torch.manual_seed(4)
        channels, rows, columns, components = 1, 3, 6, 2
        model = WindowGaussian(states, channels, rows, columns, components)
        waves, space = columns // 2 + 1, channels * rows
        for m in range(waves):
            real = m in (0, waves - 1)
            model.space[m] = orthonormal(space, components, real)
            parts = (
                (model.joint, model.variance, components),
                (model.rest, model.rest_variance, 1),
            )
            for vectors, variance, variables in parts:
                lags = autocovariance(order, variables, 32, real)
                values, found = torch.linalg.eigh(toeplitz(lags, states))
                vectors[m] = torch.view_as_real(found.to(torch.complex64))
                variance[m] = values.clamp_min(0)
        model.mean.copy_(torch.randn_like(model.mean))
        return model.requires_grad_(False)

    return make
