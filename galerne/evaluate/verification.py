"""Statistics of one ensemble against the truth, and against observations.

An ensemble is gone through once, some states and channels at a time. What is found comes as
tables that windows can be pooled from (:data:`TABLES`):

* ``statistics``: the statistics of :mod:`galerne.evaluate.scores`, one row by state, channel and
  region, or by state, variable and level of withheld observations. ``count`` is the number of
  cases behind a row: on the grid, states (of a class of distance, whose area changes, the share
  of the sphere), in the space of observations, observations;
* ``ranks``: how often the truth has each rank among the members;
* ``events``: probabilities of thresholds and what came of them (:mod:`.events`);
* ``consistency``: observations, used or withheld, beside what the ensemble and the climatology
  would have seen (:mod:`.consistency`).
"""

__all__ = ["KEYS", "TABLES", "Standard", "verify"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from jaxtyping import Float

from ..catalogue import Channel
from ..observe.operator import ObservationOperator
from ..observe.task import Cutoff
from .consistency import consistency_rows, withheld_rows
from .ensemble import Ensemble, blocks, lead_hours, read_channels
from .events import event_rows
from .observed import Sightings
from .regions import Regions, distance_regions, fixed_regions
from .scores import STATISTICS, Estimator, field_statistics

KEYS = ["space", "region", "variable", "level", "lead_hours"]
TABLES = ("statistics", "ranks", "events", "consistency")
Tables = dict[str, list[pd.DataFrame]]


@dataclass(frozen=True)
class Standard:
    """What ensembles are judged by.

    Arguments:
        channels: The channels of states.
        latitude: Rows of the grid [degrees_north].
        longitude: Columns of the grid [degrees_east].
        land: Share of land of each cell [1], where it is known.
        crps: Estimator of the CRPS.
        thresholds: Values whose exceedance is an event, by channel [unit of each].
        distances_km: Where classes of the distance to the nearest observation end [km].
        density_degrees: Width of the kernel of the density of sites [degrees].
        step_hours: Time between states [h].
    """

    channels: Sequence[Channel]
    latitude: Float[np.ndarray, " lat"]
    longitude: Float[np.ndarray, " lon"]
    land: Float[np.ndarray, "lat lon"] | None
    crps: Estimator
    thresholds: Mapping[str, Sequence[float]]
    distances_km: Sequence[float]
    density_degrees: float
    step_hours: float

    @classmethod
    def of(
        cls, truth: xr.Dataset, channels: Sequence[Channel], settings: Mapping[str, object]
    ) -> "Standard":
        """Takes the grid, the land and the time step from the truth.

        Arguments:
            truth: The true states of a window.
            channels: The channels of states.
            settings: ``crps thresholds distances_km density_degrees``, as above.
        """
        times = truth["time"].values
        step = (times[1] - times[0]) / np.timedelta64(1, "h") if len(times) > 1 else 1.0
        land = truth.get("land_sea_mask")
        return cls(
            tuple(channels),
            truth["latitude"].values,
            truth["longitude"].values,
            None if land is None else land.transpose("latitude", "longitude").values,
            settings["crps"],
            settings["thresholds"],
            settings["distances_km"],
            settings["density_degrees"],
            float(step),
        )


def verify(
    ensemble: Ensemble,
    climatology: Ensemble,
    truth: xr.Dataset,
    observations: pd.DataFrame,
    cutoff: Cutoff,
    standard: Standard,
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Judges an ensemble at the valid times of a cutoff.

    Arguments:
        ensemble: The members.
        climatology: The climatology at the same times, a single member.
        truth: The true states, ``time [level] latitude longitude``.
        observations: The observations of the window, withheld or not.
        cutoff: What was asked for.
        standard: What the ensemble is judged by.
        rng: Draws the errors of the members' own observations.

    Returns:
        The tables named in :data:`TABLES`.

    Raises:
        ValueError: If a state is missing, or a value is not finite, saying which.
    """
    return _Judgement(ensemble, climatology, truth, observations, cutoff, standard).tables(rng)


@dataclass
class _Judgement:
    ensemble: Ensemble
    climatology: Ensemble
    truth: xr.Dataset
    observations: pd.DataFrame
    cutoff: Cutoff
    standard: Standard
    found: Tables = field(default_factory=lambda: {name: [] for name in TABLES})

    def tables(self, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
        times, standard = np.array(self.cutoff.valid, "datetime64[ns]"), self.standard
        used = self._used(times)
        operator = ObservationOperator.build(
            used,
            times=times,
            channels=standard.channels,
            latitude=standard.latitude,
            longitude=standard.longitude,
        )
        sightings = Sightings(operator, self.ensemble.size + 1)
        regions = [self._regions(time) for time in times]
        size = 4 * self.ensemble.size * standard.latitude.size * standard.longitude.size
        valid = self.truth.sel(time=times)
        for states, channels in blocks(len(times), standard.channels, size):
            self._block(states, channels, valid, regions, sightings)
        seen = sightings.values()
        self._observed(used, seen[:-1], seen[-1], times, rng)
        return {name: _joined(parts) for name, parts in self.found.items()}

    def _used(self, times: np.ndarray) -> pd.DataFrame:
        """Observations between the valid times: withheld, or known to the ensemble."""
        table = self.observations
        inside = table["time"].between(times[0], times[-1])
        known = table["withheld"] | (table["time"] <= self.cutoff.last_observation)
        return table[inside & known].reset_index(drop=True)

    def _regions(self, time: np.datetime64) -> Regions:
        """The regions at a valid time: distances are to what was observed then, or last."""
        standard, half = self.standard, np.timedelta64(round(30 * self.standard.step_hours), "m")
        fixed = fixed_regions(standard.latitude, standard.longitude, standard.land)
        last = np.datetime64(self.cutoff.last_observation, "ns")
        table = self.observations[~self.observations["withheld"]]
        near = (table["time"] - min(time, last)).abs() <= half
        sites = table.loc[near & (table["time"] <= last), ["lat", "lon"]].drop_duplicates()
        return fixed.joined(
            distance_regions(
                standard.latitude,
                standard.longitude,
                sites.to_numpy(dtype=float),
                standard.distances_km,
            )
        )

    def _block(
        self,
        states: slice,
        channels: slice,
        valid: xr.Dataset,
        regions: Sequence[Regions],
        sightings: Sightings,
    ) -> None:
        """Judges some states and channels."""
        chosen, times = self.standard.channels[channels], valid["time"].values
        members = self.ensemble.read(self.cutoff, times[states], chosen)
        normal = self.climatology.read(self.cutoff, times[states], chosen)[0]
        truth = read_channels(valid.isel(time=states), chosen, "the truth")
        if not np.isfinite(truth).all():
            time, channel = (int(k[0]) for k in np.nonzero(~np.isfinite(truth).all((-2, -1))))
            raise ValueError(
                f"the truth has values that are not finite: {chosen[channel]} at "
                f"{times[states][time]}"
            )
        leads = lead_hours(self.cutoff)[states]
        rows = []
        for k, time in enumerate(times[states]):
            area = regions[states.start + k]
            for c, channel in enumerate(chosen):
                flat = members[:, k, c].reshape(len(members), -1)
                fields = (truth[k, c].ravel(), normal[k, c].ravel())
                place = (states.start + k, channels.start + c)
                if sightings.wants(*place):
                    sightings.add(*place, np.concatenate([flat, fields[1][None]]))
                about = _about(channel, time, int(leads[k]), self.ensemble.size)
                rows.append(self._field(flat, *fields, area, about))
        columns = ("region", "count", *STATISTICS)
        self.found["statistics"].append(_table(rows, {name: name for name in columns}))
        ranks = [row | {"rank": np.arange(len(row["ranks"]))} for row in rows]
        self.found["ranks"].append(_table(ranks, {"rank": "rank", "weight": "ranks"}))

    def _field(
        self,
        members: Float[np.ndarray, "member place"],
        truth: Float[np.ndarray, " place"],
        normal: Float[np.ndarray, " place"],
        area: Regions,
        about: dict[str, object],
    ) -> dict[str, object]:
        """Judges one field."""
        crps = self.standard.crps
        found = field_statistics(members, truth, normal, area.weights, crps=crps)
        brier = np.full(len(area.names), np.nan)
        variable, level = about["variable"], about["level"]
        name = variable if np.isnan(level) else f"{variable}_{level:g}"
        if thresholds := self.standard.thresholds.get(name):
            events = event_rows(members, truth, area.weights[0], thresholds, crps=crps)
            brier[0] = events["brier"].sum() / len(thresholds)
            self.found["events"].append(events.assign(**about))
        names = list(area.names)
        moving = [name.startswith("distance") for name in names]
        count = np.where(moving, area.shares, 1.0)
        mine = {"region": names, "count": count, "brier": brier, "ranks": found.ranks}
        return about | mine | found.values

    def _observed(
        self,
        used: pd.DataFrame,
        seen: Float[np.ndarray, "member obs"],
        normal: Float[np.ndarray, " obs"],
        times: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        """Judges what the members would have seen."""
        if not len(used):
            return
        # Each counts for the nearest valid state at its time or after it.
        place = np.searchsorted(times, used["time"].to_numpy())
        table = used.assign(
            space="withheld",
            time=times[place],
            lead_hours=lead_hours(self.cutoff)[place],
        )
        self.found["consistency"].append(consistency_rows(table, seen, normal))
        kept = table["withheld"].to_numpy()
        if not kept.any():
            return
        statistics, ranks = withheld_rows(
            table[kept].reset_index(drop=True),
            seen[:, kept],
            normal[kept],
            crps=self.standard.crps,
            density_degrees=self.standard.density_degrees,
            rng=rng,
        )
        self.found["statistics"].append(statistics)
        self.found["ranks"].append(ranks)


def _about(channel: Channel, time: np.datetime64, lead: int, members: int) -> dict[str, object]:
    level = np.nan if channel.level is None else float(channel.level)
    return {
        "time": time,
        "variable": channel.variable,
        "level": level,
        "lead_hours": lead,
        "members": members,
    }


def _table(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Some columns of many values a field, named anew, beside what is said of each field."""
    values = {
        name: np.concatenate([np.asarray(row[key]) for row in rows])
        for name, key in columns.items()
    }
    sizes = [len(row[next(iter(columns.values()))]) for row in rows]
    same = {
        name: np.repeat(np.array([row[name] for row in rows]), sizes)
        for name in ("time", "variable", "level", "lead_hours", "members")
    }
    return pd.DataFrame({"space": "grid"} | same | values)


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
