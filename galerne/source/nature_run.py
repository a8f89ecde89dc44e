"""A simulated atmosphere in ERA5's layout: not ERA5, and it says so.

A spectral dynamical core (``dinosaur``) with the SPEEDY physics (``jcm``) is started from
rest, spun up, and sampled. Each sample is interpolated from eight sigma levels to pressure
levels (:mod:`.vertical`) and regridded, conservatively, from the Gaussian grid of the model
to 32 x 64 cells of 5.625 degrees. The model has daily-mean insolation (no diurnal cycle) and
sea-surface temperatures that repeat every year; nothing above 100 hPa is usable.

A record is made block by block, so memory does not grow with it. The state at the end of the
spin-up is kept in a file named by a digest of all that determines it. Equal arguments give
equal bytes on one machine, from the file or not.

This module is the only one that knows ``jcm``, ``dinosaur`` or ``jax``, which are imported
when a run is opened. Physics diagnostics are read under private keys of ``jcm``'s carry; a
test states what is relied on.

Depends on: jcm 3, dinosaur 1.5, jax.

References:
    | SPEEDY: Molteni (2003), https://doi.org/10.1007/s00382-002-0268-2
    | dinosaur: Kochkov et al. (2024), https://doi.org/10.1038/s41586-024-07744-y
"""

__all__ = ["NatureRun", "open_nature_run"]

import inspect
import logging
import os
import warnings

from collections.abc import Callable
from functools import cached_property
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr

from jaxtyping import Float

from ..arrays import describe_coordinates
from ..catalogue import STATIC, VARIABLES
from ..provenance import settings_digest
from .integrity import check_finite
from .selection import Selection
from .spinup import read_arrays, write_arrays
from .vertical import GRAVITY, sea_level_pressure, to_pressure_levels

BLOCK = 120  # samples held in memory at once
MEAN_PRESSURE = 985.5  # global mean surface pressure, dry air and vapour [hPa]; Trenberth 2005
START_PRESSURE = 1000.0  # of the model's atmosphere at rest [hPa]
REFERENCE_PRESSURE = 1e5  # that the model's surface pressure is a fraction of [Pa]
PRECIPITATION = "total_precipitation_6hr"

log = logging.getLogger(__name__)

State = Any  # jcm's RunState, a tree of jax arrays
Fields = dict[str, np.ndarray]


def open_nature_run(
    selection: Selection,
    *,
    truncation: int,
    time_step_minutes: int,
    spinup_days: int,
    seed: int,
    path_cache: str | Path,
) -> xr.Dataset:
    """Describes a nature run; computing its arrays runs the model, block after block.

    Arguments:
        selection: Variables, levels and times; only these are computed.
        truncation: Spectral truncation of the model (21, 31 or 42).
        time_step_minutes: Time step of the model [min]; divides the sampling step.
        spinup_days: Days simulated from rest and dropped [d].
        seed: The seed of the perturbation of the state at rest.
        path_cache: A folder for spun-up states and compiled programs.

    Returns:
        Lazy fields with dimensions ``time [level] latitude longitude`` and two static ones.

    Raises:
        ValueError: If the time step does not divide the sampling step, or precipitation of
            six hours is asked for at another step; when computing, if a value is not finite.
    """
    _check(selection, time_step_minutes)
    start = np.datetime64(selection.start, "s")
    origin = start - selection.step - np.timedelta64(spinup_days, "D")
    run = NatureRun(
        truncation=truncation,
        time_step_minutes=time_step_minutes,
        step_hours=selection.step_hours,
        origin=str(origin.astype("datetime64[s]")),
        seed=seed,
        path_cache=Path(path_cache),
    )
    steps = spinup_days * 24 // selection.step_hours
    dataset = _labelled(_Recorder(run, steps, selection).lazy(), selection, run)
    dataset.attrs["source"] = (
        f"Simulated atmosphere, NOT ERA5: SPEEDY physics on a spectral core at T{truncation} "
        f"with 8 levels (jcm {metadata.version('jcm')}), seed {seed}, "
        f"after {spinup_days} days from rest"
    )
    return dataset


class NatureRun:
    """The model at one truncation and time step, advanced by one sampling step at a time.

    Arguments:
        truncation: Spectral truncation.
        time_step_minutes: Time step [min].
        step_hours: Time between samples [h].
        origin: Time of the state at rest (ISO 8601).
        seed: Seed of its perturbation.
        path_cache: A folder for spun-up states and compiled programs.
    """

    def __init__(
        self,
        *,
        truncation: int,
        time_step_minutes: int,
        step_hours: int,
        origin: str,
        seed: int,
        path_cache: Path,
    ):
        _start_jax(path_cache / "compiled")
        from jcm.forcing import ForcingData
        from jcm.model import Model
        from jcm.physics.speedy.speedy_coords import get_speedy_coords
        from jcm.terrain import TerrainData

        boundary = resources.files("jcm.data.bc.t30.clim")
        self.seed, self.step_hours, self.path_cache = seed, step_hours, path_cache
        self.settings = (truncation, time_step_minutes, step_hours, origin, seed)
        self.grid = get_speedy_coords(spectral_truncation=truncation)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of xarray and pandas about jcm's use of them
            self.terrain = TerrainData.from_file(boundary / "terrain.nc", coords=self.grid)
            self.forcing = ForcingData.from_file(
                boundary / "forcing.nc", coords=self.grid, align_mode="wrap_year"
            )
        self.model = Model(
            coords=self.grid, terrain=self.terrain, time_step=time_step_minutes, start_time=origin
        )

    @cached_property
    def sigma(self) -> Float[np.ndarray, " sigma"]:
        """Pressure over surface pressure of the model levels [1], from the top down."""
        return np.asarray(self.grid.vertical.centers)

    @cached_property
    def ground(self) -> Float[np.ndarray, "lon lat"]:
        """Geopotential of the ground that the dynamics feels [m**2 s**-2].

        Not ``terrain.phis0``, which differs from it by up to 1580 m times gravity.
        """
        from dinosaur.scales import units

        primitive = self.model.dycore.primitive
        metres = primitive.physics_specs.dimensionalize(1.0, units.meter).magnitude
        height = self.grid.horizontal.to_nodal(primitive.orography)
        return np.asarray(height * metres * GRAVITY, dtype="float32")

    @cached_property
    def weights(self) -> tuple[Float[np.ndarray, "lat south"], Float[np.ndarray, "lon east"]]:
        """Conservative weights from the model's rows and columns to the regular ones."""
        from dinosaur.horizontal_interpolation import ConservativeRegridder
        from dinosaur.spherical_harmonic import Grid

        regular = Grid(
            longitude_wavenumbers=0,
            total_wavenumbers=0,
            longitude_nodes=64,
            latitude_nodes=32,
            latitude_spacing="equiangular",
        )
        regridder = ConservativeRegridder(self.grid.horizontal, regular)
        rows, columns = np.asarray(regridder.lat_weights), np.asarray(regridder.lon_weights)
        return rows[::-1], columns

    @cached_property
    def advance(self) -> Callable[[State], State]:
        """The compiled program from a state to the state one sampling step later."""
        import jax

        days = self.step_hours / 24

        def step(state: State) -> State:
            later, _ = self.model.run_from_state_with_carry(
                state.dynamics,
                self.forcing,
                save_interval=days,
                total_time=days,
                initial_physics_state=state.physics,
                initial_time=state.time,
                initial_step=state.step,
            )
            return later

        return jax.jit(step)

    def at_rest(self) -> State:
        """The state at rest, slightly perturbed, at the origin of time."""
        import jax
        import jax.numpy as jnp

        from jcm.model import RunState

        state = self.model.dycore.initial_state(None, random_seed=self.seed)
        dynamics, carry = self.model.bootstrap_state(state)
        horizontal = self.grid.horizontal
        logs = horizontal.to_nodal(dynamics.log_surface_pressure)
        logs = logs + np.float32(np.log(MEAN_PRESSURE / START_PRESSURE))
        dynamics = dynamics.replace(log_surface_pressure=horizontal.to_modal(logs))
        state = RunState(dynamics, carry, self.model.start_time, jnp.int32(0))
        return jax.tree_util.tree_map(jnp.asarray, state)

    def spun_up(self, steps: int) -> State:
        """The state after a number of sampling steps from rest, from its file if there is one."""
        import jax
        import jax.numpy as jnp

        state = self.at_rest()
        path = self.path_cache / "spinup" / f"{self._digest(steps)}.npz"
        leaves, tree = jax.tree_util.tree_flatten(state)
        found = read_arrays(path, [np.asarray(leaf) for leaf in leaves])
        if found is not None:
            log.info("spun-up state from %s", path)
            return jax.tree_util.tree_unflatten(tree, map(jnp.asarray, found))
        for _ in range(steps):
            state = self.advance(state)
        write_arrays(path, [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(state)])
        log.info("spun-up state written to %s", path)
        return state

    def sample(self, state: State, selection: Selection) -> Fields:
        """The selected fields of a state on the regular grid."""
        native = self._diagnose(state)
        found = {name: native[name] for name in selection.surface}
        if selection.pressure:
            wanted = dict.fromkeys(("temperature", "geopotential", *selection.pressure))
            found |= to_pressure_levels(
                {name: native[name] for name in wanted},
                self.sigma,
                native["surface_pressure"],
                100 * np.array(sorted(selection.levels), dtype="float64"),
            )
        names = (*selection.surface, *selection.pressure)
        return {name: self.regrid(found[name]) for name in names}

    def statics(self) -> Fields:
        """Land-sea mask [1] and geopotential of the ground [m**2 s**-2] on the regular grid."""
        mask = np.asarray(self.terrain.fmask, dtype="float32")
        native = {"land_sea_mask": mask, "geopotential_at_surface": self.ground}
        return {name: self.regrid(field) for name, field in native.items()}

    def regrid(
        self, field: Float[np.ndarray, "... lon lat"]
    ) -> Float[np.ndarray, "... south east"]:
        """Regrids a native field; rows come out north to south."""
        rows, columns = self.weights
        return np.matmul(rows, np.matmul(columns, field).swapaxes(-1, -2))

    def _diagnose(self, state: State) -> Fields:
        column, carry = self._to_columns(state.dynamics), state.physics
        near = carry["_surface_flux"]
        rain = carry["_convection"].precnv + carry["_condensation"].precls
        fields = {
            "temperature": column.temperature,
            "geopotential": column.geopotential,
            "u_component_of_wind": column.u_wind,
            "v_component_of_wind": column.v_wind,
            "specific_humidity": column.specific_humidity,
            "surface_pressure": column.normalized_surface_pressure * REFERENCE_PRESSURE,
            "2m_temperature": near.t0,
            "10m_u_component_of_wind": near.u0,
            "10m_v_component_of_wind": near.v0,
            PRECIPITATION: rain * (1e-6 * 3600 * self.step_hours),  # g m**-2 s**-1 to m
        }
        fields = {name: np.asarray(field, dtype="float32") for name, field in fields.items()}
        fields["specific_humidity"] = np.maximum(fields["specific_humidity"], 0)
        fields["mean_sea_level_pressure"] = sea_level_pressure(
            fields["surface_pressure"],
            fields["temperature"][-1],
            fields["geopotential"][-1],
            self.ground,
        )
        return fields

    @cached_property
    def _to_columns(self) -> Callable[[State], Any]:
        import jax

        return jax.jit(self.model.dycore.to_physics_state)

    def _digest(self, steps: int) -> str:
        recipe = [inspect.getsource(part) for part in (NatureRun.at_rest, NatureRun.__init__)]
        versions = [metadata.version(name) for name in ("jcm", "dinosaur", "jax", "jaxlib")]
        return settings_digest(self.settings, steps, recipe, versions)


def _start_jax(path_compiled: Path) -> None:
    """Imports jax on one CPU thread, offline, with a cache of compiled programs."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # jcm looks up boundary data that it ships
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    import jax

    jax.config.update("jax_compilation_cache_dir", str(path_compiled))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def _check(selection: Selection, time_step_minutes: int) -> None:
    if 60 * selection.step_hours % time_step_minutes:
        raise ValueError(
            f"time_step_minutes: {time_step_minutes} does not divide the {selection.step_hours} h "
            "between states"
        )
    if PRECIPITATION in selection.surface and selection.step_hours != 6:
        raise ValueError(
            f"{PRECIPITATION} needs step_hours 6, not {selection.step_hours}: a nature run knows "
            "the precipitation rate at the times of its states only"
        )


class _Recorder:
    """Blocks of samples of a run, made one after another.

    Each block continues from the state that ended the last, so blocks should be asked for in
    order. One that is not is simulated again from the end of the spin-up, with the same values.
    The order is not a dependence in dask's graph: dask would make all before it writes one.
    """

    def __init__(self, run: NatureRun, steps: int, selection: Selection):
        self.run, self.steps, self.selection = run, steps, selection
        self.state: State = None
        self.done = 0

    def block(self, first: int, last: int) -> Fields:
        """The samples of a range of times."""
        if self.state is None or self.done > first:
            self.state, self.done = self.run.spun_up(self.steps), 0
        samples = []
        while self.done < last:
            self.state = self.run.advance(self.state)
            self.done += 1
            if self.done > first:
                samples.append(self.run.sample(self.state, self.selection))
        times = self.selection.times[first:last]
        log.info("simulated %s to %s", times[0], times[-1])
        fields = {name: np.stack([s[name] for s in samples]) for name in samples[0]}
        for name, values in fields.items():
            check_finite(values, name, times, "nature run")
        return fields

    def lazy(self) -> list[Any]:
        """Every block, not yet made."""
        make = dask.delayed(self.block, pure=False, traverse=False)
        states = len(self.selection.times)
        return [make(i, min(i + BLOCK, states)) for i in range(0, states, BLOCK)]


def _labelled(blocks: list[Any], selection: Selection, run: NatureRun) -> xr.Dataset:
    rows, columns = (weights.shape[0] for weights in run.weights)
    levels = np.array(sorted(selection.levels), dtype="int64")
    coords = {
        "time": selection.times,
        "latitude": 90 - (np.arange(rows) + 0.5) * 180 / rows,
        "longitude": np.arange(columns) * 360 / columns,
    }
    sizes = [min(BLOCK, len(selection.times) - i) for i in range(0, len(selection.times), BLOCK)]
    dataset = xr.Dataset(coords=coords | ({"level": levels} if selection.pressure else {}))
    for name in (*selection.surface, *selection.pressure):
        about = VARIABLES[name]
        inner = (len(levels), rows, columns) if about.on_levels else (rows, columns)
        parts = [
            da.from_delayed(block[name], (size, *inner), dtype="float32")
            for block, size in zip(blocks, sizes, strict=True)
        ]
        dims = ("time", *(("level",) if about.on_levels else ()), "latitude", "longitude")
        attrs = {"units": about.units, "standard_name": about.standard_name}
        dataset[name] = (dims, da.concatenate(parts), attrs)
    if PRECIPITATION in dataset:
        dataset[PRECIPITATION].attrs["comment"] = "rate at the time of the state times 6 hours"
    for name, field in run.statics().items():
        attrs = {"units": STATIC[name].units, "standard_name": STATIC[name].standard_name}
        dataset[name] = (("latitude", "longitude"), field, attrs)
    return describe_coordinates(dataset)
