"""Blocks of the configuration: one class each, unknown keys refused, every number bounded.

Defaults live in ``config/default.yaml`` alone: no model gives one.
"""

__all__ = [
    "Autoencoder",
    "Climatology",
    "Dataset",
    "Energy",
    "Experiment",
    "Gaussian",
    "Grid",
    "HourlyClimatology",
    "Instrument",
    "Network",
    "ObservingNetwork",
    "Period",
    "Prior",
    "Report",
    "Sampling",
    "Sites",
    "Soundings",
    "Span",
    "Stations",
    "Storage",
    "Swath",
]

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..catalogue import VARIABLES, channels
from .methods import Sampler
from .paths import InputPath, Line, Name
from .sources import Source, check_source
from .strict import Strict

Positive = Annotated[float, Field(gt=0)]


def _plain_time(value: object) -> object:
    # YAML reads an unquoted ISO time as a datetime, in UTC where it has a zone.
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


Time = Annotated[datetime, BeforeValidator(_plain_time)]


class Period(Strict):
    """A contiguous stretch of time with one role; one job fetches it."""

    role: Literal["train", "validation", "test"] = Field(description="What it serves for.")
    start: Time = Field(description="First time (UTC).")
    end: Time = Field(description="Last time (UTC), included.")

    @model_validator(mode="after")
    def _ordered(self) -> "Period":
        if self.end <= self.start:
            raise ValueError(f"end {self.end} is not after start {self.start}")
        return self


class Span(Strict):
    """Known-bad hours; a single time is a span of its own."""

    start: Time = Field(description="First time (UTC) that the record shall not hold.")
    end: Time = Field(description="Last such time (UTC).")

    @model_validator(mode="before")
    @classmethod
    def _single(cls, value: object) -> object:
        return {"start": value, "end": value} if isinstance(value, datetime | str) else value

    @model_validator(mode="after")
    def _ordered(self) -> "Span":
        if self.end < self.start:
            raise ValueError(f"end {self.end} is before start {self.start}")
        return self

    def touches(self, first: datetime, last: datetime) -> bool:
        """Whether it holds any time from ``first`` to ``last``."""
        return self.start <= last and self.end >= first


class Grid(Strict):
    """The grid that everything after the source lives on."""

    kind: Literal["equiangular", "gaussian"] = Field(
        description="Rows evenly apart, or at the roots of a Legendre polynomial (full grid)."
    )
    latitudes: int = Field(ge=8, le=2048, description="Number of latitude rows.")
    longitudes: int = Field(ge=16, le=4096, description="Number of longitude columns (even).")
    poles: bool = Field(
        description="Whether the first and last row lie on the poles (equiangular alone)."
    )
    method: Literal["conservative", "bilinear", "nearest"] = Field(
        description="Means over cells (for coarser grids), between points, or the nearest point."
    )

    @model_validator(mode="after")
    def _possible(self) -> "Grid":
        if self.longitudes % 2:
            raise ValueError("longitudes must be even: a row continues across the pole")
        if self.kind == "gaussian" and self.poles:
            raise ValueError("no row of a Gaussian grid lies on a pole: set poles to false")
        return self


class Storage(Strict):
    """How the record on the grid is stored."""

    rounding: dict[str, Positive] | None = Field(
        description="Largest error that rounding may make, by variable [its unit]; variables "
        "that are not named are exact, and so are all with null."
    )


class Climatology(Strict):
    """Harmonics of the smooth climatology; zero of both leaves the time mean."""

    harmonics_of_year: int = Field(ge=0, le=6, description="Harmonics of the day of year.")
    harmonics_of_day: int = Field(ge=0, le=3, description="Harmonics of the hour of day.")


class HourlyClimatology(Strict):
    """A climatology by hour and day of year, in the layout of WeatherBench2."""

    window_days: int = Field(ge=3, le=365, description="Days that are smoothed over (odd).")

    @model_validator(mode="after")
    def _odd(self) -> "HourlyClimatology":
        if self.window_days % 2 == 0:
            raise ValueError("window_days must be odd: a day has as many before it as after it")
        return self


class Dataset(Strict):
    """A record of states: where from, which variables, which grid, which periods."""

    source: Source
    surface: list[str] = Field(description="Surface variables of the state.")
    pressure: list[str] = Field(description="Variables of the state on pressure levels.")
    levels: list[int] = Field(description="Pressure levels of the state [hPa].")
    step_hours: Literal[1, 2, 3, 6, 12, 24] = Field(description="Time between states.")
    grid: Grid
    storage: Storage
    climatology: Climatology
    hourly_climatology: HourlyClimatology | None = Field(
        description="Whether a climatology by hour and day of year is written too, for scores "
        "by others; null: it is not."
    )
    gap_hours: int = Field(ge=0, description="Least time between periods of unlike roles.")
    periods: dict[Name, Period] = Field(description="Named periods.")
    exclude: list[Span] = Field(description="Known-bad hours, left out of every period.")

    @model_validator(mode="after")
    def _consistent(self) -> "Dataset":
        if not channels(self.surface, self.pressure, self.levels):
            raise ValueError("the state has no channel: name surface or pressure variables")
        if bool(self.pressure) != bool(self.levels):
            raise ValueError("pressure variables need levels, and levels need variables")
        state = {*self.surface, *self.pressure}
        for east, north in ((v.name, v.northward) for v in VARIABLES.values() if v.northward):
            if len(state & {east, north}) == 1:
                raise ValueError(
                    f"a wind is regridded as a vector: name both {east} and {north}, or neither"
                )
        ends = {name: (period.start, period.end) for name, period in self.periods.items()}
        variables = (*self.surface, *self.pressure)
        check_source(self.source, variables, self.levels, self.step_hours, ends)
        if unknown := sorted(set(self.storage.rounding or ()) - state):
            raise ValueError(
                f"storage.rounding: the state has no {unknown[0]!r}; allowed: "
                f"{', '.join((*self.surface, *self.pressure))}"
            )
        for role in ("train", "validation", "test"):
            if not any(period.role == role for period in self.periods.values()):
                raise ValueError(f"no period has the role {role!r}")
        periods = sorted(self.periods.items(), key=lambda item: item[1].start)
        for (one, a), (two, b) in pairwise(periods):
            gap = timedelta(hours=self.gap_hours if a.role != b.role else self.step_hours)
            if b.start - a.end < gap:
                raise ValueError(f"periods {one!r} and {two!r} are less than {gap} apart")
        return self


class Autoencoder(Strict):
    """The convolutional autoencoder."""

    latent_channels: int = Field(ge=1, le=1024, description="Channels of a latent state.")
    downsampling: int = Field(ge=1, le=64, description="Grid points per latent point and axis.")
    hidden_channels: int = Field(ge=8, le=2048, description="Channels of hidden layers.")
    blocks: int = Field(ge=1, le=16, description="Residual blocks of encoder and decoder each.")
    bound: Positive = Field(description="Latents stay within plus or minus this.")
    noise: float = Field(ge=0, lt=1, description="Standard deviation of noise on latents.")
    steps: int = Field(ge=0, description="Optimisation steps; 0 keeps the linear start.")
    batch_size: int = Field(ge=1, description="States per step.")
    learning_rate: Positive = Field(description="Peak learning rate.")
    turns: int = Field(
        ge=1,
        le=64,
        description="Places within a patch at which states are encoded, for statistics.",
    )


class Gaussian(Strict):
    """The Gaussian part of the prior: spatial components, each with its lag covariance."""

    components: int = Field(ge=1, description="Spatial components kept for each wavenumber.")
    heldout_share: float = Field(
        gt=0, lt=1, description="Share of training windows that only estimates variances."
    )
    rank: int = Field(
        ge=1,
        description="Eigenvectors of windows of components kept for each zonal wavenumber; what "
        "they leave shares one variance.",
    )
    shrinkage: float = Field(
        ge=0, le=1, description="Share taken off covariances between components."
    )
    windows: int = Field(
        ge=0,
        le=100_000,
        description="Windows of the training data kept for the local part of methods; 0: none.",
    )
    window_components: int = Field(
        ge=1,
        description="Components kept of what such a window has at a place; at most all (states "
        "times latent channels).",
    )


class Network(Strict):
    """The diffusion transformer that learns what the Gaussian misses."""

    patch: int = Field(ge=1, le=8, description="Latent points per token and axis.")
    hidden_channels: int = Field(ge=16, le=4096, description="Channels of a token.")
    blocks: int = Field(ge=1, le=48, description="Transformer blocks.")
    heads: int = Field(ge=1, le=64, description="Attention heads.")
    steps: int = Field(ge=0, description="Optimisation steps; 0 keeps the Gaussian alone.")
    batch_size: int = Field(ge=1, description="Windows per step.")
    learning_rate: Positive = Field(description="Peak learning rate.")
    ema_half_life: Positive = Field(description="Half-life of averaged weights [steps].")


class Sampling(Strict):
    """How the prior is sampled without observations."""

    sampler: Sampler
    steps: int = Field(ge=1, le=1024, description="Sampling steps.")


class Prior(Strict):
    """A diffusion model over windows of latent states."""

    states: int = Field(ge=1, le=128, description="States in a window.")
    overlap: int = Field(
        ge=1, le=127, description="States that windows share where they follow each other."
    )
    sigma_min: Positive = Field(description="Least noise level (latents have unit variance).")
    sigma_max: Positive = Field(description="Greatest noise level.")
    precision: Literal["float32", "bfloat16"] = Field(
        description="Of networks, the decoder's too, while members are drawn."
    )
    gaussian: Gaussian
    network: Network
    sampling: Sampling


class Sites(Strict):
    """Fixed sites: drawn evenly over the sphere, or read from a file."""

    count: int = Field(ge=1, le=100_000, description="Number of sites.")
    file: InputPath | None = Field(
        description="BUFR or CSV (lat, lon; station, elevation), in data_root; null: sphere."
    )


class VerticalCorrelation(Strict):
    """Errors of a sounding that are correlated in the vertical, exponentially."""

    log_pressure: Positive = Field(description="Length, in the logarithm of pressure.")


class SwathCorrelation(Strict):
    """Errors of a swath that are correlated, exponentially."""

    log_pressure: Positive | None = Field(
        description="Length in the vertical, in the logarithm of pressure; null: independent."
    )
    km: Positive | None = Field(
        description="Length across and along the swath; null: independent."
    )


class Stations(Strict):
    """Surface stations."""

    kind: Literal["stations"]
    sites: Sites
    every_hours: Annotated[int, Field(ge=1, le=24, description="Time between reports.")]
    errors: dict[str, Positive] = Field(description="Error of each variable [its unit].")


class Soundings(Strict):
    """Columns at fixed sites and hours."""

    kind: Literal["soundings"]
    sites: Sites
    hours: list[Annotated[int, Field(ge=0, le=23)]] = Field(description="Hours of launch (UTC).")
    levels: list[int] = Field(description="Reported levels [hPa].")
    errors: dict[str, Positive] = Field(description="Error of each variable [its unit].")
    correlation: VerticalCorrelation | None = Field(
        description="How errors of a sounding are correlated; null: they are independent."
    )


class Swath(Strict):
    """Footprints below one polar-orbiting satellite."""

    kind: Literal["swath"]
    altitude_km: float = Field(gt=200, lt=2000, description="Height of the circular orbit.")
    inclination_degrees: float = Field(ge=0, le=180, description="Inclination of the orbit.")
    width_km: float = Field(gt=0, lt=4000, description="Width of the swath on the ground.")
    across: int = Field(ge=1, le=200, description="Footprints across the swath.")
    every_seconds: Positive = Field(description="Time between scan lines.")
    levels: list[int] = Field(description="Observed levels [hPa]; empty for surface variables.")
    errors: dict[str, Positive] = Field(description="Error of each variable [its unit].")
    correlation: SwathCorrelation | None = Field(
        description="How errors of footprints are correlated; null: they are independent."
    )


Instrument = Annotated[Stations | Soundings | Swath, Field(discriminator="kind")]


class ObservingNetwork(Strict):
    """Instruments that observe together."""

    withheld_share: float = Field(
        ge=0, lt=1, description="Share of the sites kept for verification only."
    )
    instruments: dict[Name, Instrument] = Field(min_length=1)


class Experiment(Strict):
    """A choice of names; lists are combined with each other."""

    dataset: Name = Field(description="The record of states.")
    autoencoder: Name = Field(description="From its states to latents.")
    prior: Name = Field(description="What is known of latents before observing.")
    networks: list[Name] = Field(min_length=1, description="What observes.")
    methods: list[Name] = Field(min_length=1, description="How observations guide.")
    baselines: list[Name] = Field(description="What methods are judged beside; may be empty.")
    tasks: list[Name] = Field(min_length=1, description="Which states are asked for.")
    window_hours: int = Field(ge=0, description="From the first to the last state of a window.")
    windows: list[Time] = Field(min_length=1, description="First time of each window (UTC).")
    members: int = Field(ge=2, le=10_000, description="Ensemble members.")
    members_per_job: int = Field(ge=1, description="Members drawn by one job.")


class Energy(Strict):
    """The estimate of the energy of a run."""

    watts_per_core: float = Field(ge=0, le=1000, description="Power of a core in use [W].")
    watts_per_gpu: float = Field(ge=0, le=5000, description="Power of a GPU that is held [W].")
    pue: float = Field(ge=1, le=5, description="Power of the data centre over its computers'.")


class Report(Strict):
    """What the report shows."""

    title: Line = Field(description="Headline of the page.")
    maps: list[str] = Field(description="Channels mapped, such as geopotential_500.")
    windows: int = Field(ge=1, description="Most windows mapped of a choice, spread over all.")
    energy: Energy
