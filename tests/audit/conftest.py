"""A clean record in balance: waves that turn and do not spread, geostrophic and hydrostatic."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from galerne.audit.record import describe_record, measure_record
from galerne.config.audit import Audit
from galerne.source.vertical import GAS_CONSTANT

LEVELS = np.array([300, 500, 850])
LATITUDE = np.linspace(90, -90, 37)
LONGITUDE = np.arange(72) * 5.0
RADIUS, ROTATION = 6.371e6, 7.292e-5
DIMS = ("time", "level", "latitude", "longitude")
Judge = Callable[..., pd.DataFrame]


def clean_record(states: int = 120, seed: int = 0) -> xr.Dataset:
    """Fields at 5 degrees with poles: wind, geopotential, temperature, pressure, sea surface."""
    rng = np.random.default_rng(seed)
    phi, lam = np.deg2rad(LATITUDE)[:, None], np.deg2rad(LONGITUDE)
    cos, sin = np.maximum(np.cos(phi), 1e-9), np.sin(phi)
    psi, u, v = (np.zeros((states, len(LATITUDE), len(LONGITUDE))) for _ in range(3))
    for m in (2, 3, 5):
        noise = rng.normal(size=(states + 40, 2)) @ [1, 1j]
        a = np.zeros(states + 40, complex)
        for k in range(1, len(a)):
            a[k] = 0.95 * np.exp(-0.1j * m) * a[k - 1] + 0.3 * noise[k]
        a = 8e6 / m * a[40:, None, None]
        wave = np.exp(1j * m * lam)
        psi += (a * cos**m * (sin + 0.5) * wave).real
        slope = -m * cos ** (m - 1) * sin * (sin + 0.5) + cos ** (m + 1)
        u -= (a * slope * wave).real / RADIUS
        v += (a * 1j * m * cos ** (m - 1) * (sin + 0.5) * wave).real / RADIUS
    depth = np.log(LEVELS / 1000)[:, None, None]
    temperature = np.broadcast_to(288 + 45 * depth + 0 * psi[:, None], (states, 3, *psi.shape[1:]))
    balance = 2 * ROTATION * sin * psi
    height = GAS_CONSTANT * (-288 * depth - 22.5 * depth**2) + balance[:, None]
    sea = np.where(np.abs(sin) < 0.9, 300 - 25 * sin**2 + 0 * lam + 1e-7 * psi, np.nan)
    sea[:, 10:20, 5:15] = np.nan
    fields = {
        "geopotential": (DIMS, height),
        "temperature": (DIMS, temperature + 1e-7 * psi[:, None]),
        "u_component_of_wind": (DIMS, np.repeat(u[:, None], 3, 1)),
        "v_component_of_wind": (DIMS, np.repeat(v[:, None], 3, 1)),
        "mean_sea_level_pressure": (DIMS[:1] + DIMS[2:], 1.01e5 + 1500 * sin + balance),
        "sea_surface_temperature": (DIMS[:1] + DIMS[2:], sea),
        "land_sea_mask": (DIMS[2:], np.isnan(sea[0]).astype(float)),
    }
    times = np.datetime64("2001-01-01", "ns") + np.arange(states) * np.timedelta64(6, "h")
    coords = {"time": times, "level": LEVELS, "latitude": LATITUDE, "longitude": LONGITUDE}
    return xr.Dataset(fields, coords).astype("float32")


@pytest.fixture
def clean() -> xr.Dataset:
    """Thirty days, every six hours."""
    return clean_record()


@pytest.fixture(scope="session")
def audit(pytestconfig: pytest.Config) -> Audit:
    """The thresholds that are shipped."""
    path = pytestconfig.rootpath / "config/default.yaml"
    return Audit.model_validate(yaml.safe_load(path.read_text())["audit"])


@pytest.fixture(scope="session")
def findings(audit: Audit) -> Judge:
    """Audits a record by the shipped thresholds, all checks being warnings or errors."""
    from galerne.audit.judgement import judge

    def run(fields: xr.Dataset, times: np.ndarray | None = None, **others: object) -> pd.DataFrame:
        settings = audit.model_dump() | {"exclude": []} | others
        times = fields["time"].values if times is None else times
        return judge(measure_record(fields), describe_record(fields), times, **settings)

    return run
