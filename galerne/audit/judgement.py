"""What of the measures of a record is a fault: findings, by thresholds.

A finding is a stretch of consecutive times at which one variable, on one level, fails one
check; its place and value are those of the worst time. Excluded times do not count.

Depends on: numpy, pandas; the table of :mod:`.record`.
"""

__all__ = ["CHECKS", "COLUMNS", "judge", "say"]

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from ..catalogue import STATIC, VARIABLES
from ..source.exclusion import Span, is_excluded
from .expected import OTHER_UNITS, likely_unit
from .seams import find_jumps

COLUMNS = (
    "check", "severity", "variable", "level", "first", "last", "times", "latitude", "longitude",
    "value", "allowed",
)  # fmt: skip
PRELIMINARY = 5  # experiment version of ERA5T
LOWEST = 850  # hPa: winds near the ground are not in balance
WINDS = {n for v in VARIABLES.values() if v.northward for n in (v.name, v.northward)}
ABOUT = VARIABLES | STATIC
Limits = Mapping[str, float]
Findings = Iterator[pd.DataFrame]


def judge(
    table: pd.DataFrame,
    record: Mapping[str, object],
    times: np.ndarray,
    *,
    exclude: Sequence[Span],
    severity: Mapping[str, str],
    limits: Limits,
) -> pd.DataFrame:
    """Lists the findings of a record.

    Arguments:
        table: What :func:`.record.measure_record` returns.
        record: What :func:`.record.describe_record` returns.
        times: The times that the record should hold (UTC), evenly spaced.
        exclude: First and last time (ISO 8601, UTC) of spans that do not count.
        severity: ``error``, ``warning`` or ``off`` for every check.
        limits: The thresholds, by name (the block ``audit.limits`` of the configuration).

    Returns:
        The findings, errors first, with the columns :data:`COLUMNS`.
    """
    counted = table[~is_excluded(table["time"].to_numpy("datetime64[ns]"), exclude)]
    wanted = times[~is_excluded(times, exclude)]
    found = [pd.DataFrame(columns=list(COLUMNS))]
    for check, find in CHECKS.items():
        if severity[check] == "off":
            continue
        for rows in find(counted, record, wanted, limits):
            found.append(_stretches(rows).assign(check=check, severity=severity[check]))
    findings = pd.concat([f for f in found if len(f)] or found[:1], ignore_index=True)
    order = findings["severity"].ne("error")
    findings = findings.assign(order=order).sort_values("order", kind="stable")
    return findings[list(COLUMNS)].reset_index(drop=True)


def say(finding: Mapping[str, object]) -> str:
    """Writes a finding as one line of text."""
    level = "" if pd.isna(finding["level"]) else f" at {finding['level']:g} hPa"
    who = f" {finding['variable']}{level}" if finding["variable"] else ""
    when = f", {finding['first']}" if finding["first"] else ""
    if finding["last"] != finding["first"]:
        when += f" to {finding['last']} ({finding['times']} times)"
    where = "" if pd.isna(finding["latitude"]) else (
        f", at {finding['latitude']:g} N {finding['longitude']:g} E"
    )  # fmt: skip
    value = "" if pd.isna(finding["value"]) else f": {finding['value']:.6g}"
    return f"{finding['check']}{who}{when}{where}{value} (allowed: {finding['allowed']})"


def _stretches(rows: pd.DataFrame) -> pd.DataFrame:
    """Joins rows at consecutive places in time into one each, with the worst of their values."""
    rows = rows.sort_values(["variable", "level", "place"], kind="stable", ignore_index=True)
    new = (rows["place"].diff() != 1) | (rows["variable"] != rows["variable"].shift())
    new |= rows["level"].fillna(-1).ne(rows["level"].fillna(-1).shift())
    found = []
    for _, group in rows.groupby(new.cumsum(), sort=False):
        worst = group.loc[group["excess"].idxmax()]
        first, last = (_text(group["time"].iloc[k]) for k in (0, -1))
        found.append({
            "variable": worst["variable"], "level": worst["level"], "first": first, "last": last,
            "times": len(group), "latitude": worst.get("latitude", np.nan),
            "longitude": worst.get("longitude", np.nan), "value": worst["value"],
            "allowed": worst["allowed"],
        })  # fmt: skip
    return pd.DataFrame(found)


def _text(time: object) -> str:
    return "" if pd.isna(time) else str(np.datetime64(time, "m"))


def _rows(
    table: pd.DataFrame, at: pd.Series, value: str, allowed: str, where: str | None = None
) -> Findings:
    """The rows at fault, with the value, its place, and how bad it is."""
    if not at.any():
        return
    rows = table[at]
    found = rows[["place", "time", "variable", "level"]].assign(
        value=rows[value].astype("float64"), excess=rows[value].abs().fillna(0), allowed=allowed
    )
    if where:
        found = found.assign(
            latitude=rows[f"{where}_latitude"], longitude=rows[f"{where}_longitude"]
        )
    yield found


def _whole(variable: str, value: float, allowed: str, level: object = pd.NA) -> pd.DataFrame:
    """A fault of a record as a whole, or of a variable at all times."""
    return pd.DataFrame({
        "place": [-1], "time": [pd.NaT], "variable": [variable], "value": [value],
        "level": pd.array([level], "Float64"), "excess": [0.0], "allowed": [allowed],
    })  # fmt: skip


def _at_times(times: np.ndarray, places: np.ndarray, allowed: str) -> Findings:
    if len(times):
        yield pd.DataFrame({
            "place": places, "time": times, "variable": "", "value": np.nan, "excess": 0.0,
            "level": pd.array([pd.NA] * len(times), "Float64"), "allowed": allowed,
        })  # fmt: skip


def _held(table: pd.DataFrame) -> np.ndarray:
    rows = table[table["place"] >= 0].drop_duplicates("place")
    return rows["time"].to_numpy("datetime64[ns]")


def _missing_times(table: pd.DataFrame, _: object, times: np.ndarray, __: Limits) -> Findings:
    places = np.flatnonzero(~np.isin(times, _held(table)))
    yield from _at_times(times[places], places, "every time of the period")


def _duplicate_times(table: pd.DataFrame, *_: object) -> Findings:
    held = _held(table)
    places = np.flatnonzero(held[1:] == held[:-1]) + 1
    yield from _at_times(held[places], places, "each time once")


def _missing_fields(table: pd.DataFrame, *_: object) -> Findings:
    at = table["bad"] == table["size"]
    yield from _rows(table, at, "bad", "fields with values")


def _missing_values(table: pd.DataFrame, *_: object) -> Findings:
    masked = table["variable"].isin([v.name for v in VARIABLES.values() if v.masked])
    at = (table["bad"] > 0) & (table["bad"] < table["size"]) & ~masked
    yield from _rows(table, at, "bad", "finite values, not so many points without one", "bad")


def _changed_mask(table: pd.DataFrame, *_: object) -> Findings:
    for _, rows in table.groupby("variable", sort=False):
        some = rows["bad"] < rows["size"]
        if VARIABLES.get(rows["variable"].iloc[0], STATIC["land_sea_mask"]).masked and some.any():
            usual = rows.loc[some, "mask"].mode()[0]
            yield from _rows(rows, some & rows["mask"].ne(usual), "bad", "the mask of most times")


def _out_of_range(table: pd.DataFrame, *_: object) -> Findings:
    for name, rows in table.groupby("variable", sort=False):
        about = ABOUT[str(name)]
        allowed = f"{about.minimum:g} to {about.maximum:g} {about.units}"
        yield from _rows(rows, rows["low"] > 0, "minimum", allowed, "minimum")
        yield from _rows(rows, rows["high"] > 0, "maximum", allowed, "maximum")


def _units(table: pd.DataFrame, record: Mapping[str, object], *_: object) -> Findings:
    for name, said in record["source_units"].items():
        plain = said.lower().replace("**", "").replace("^", "").replace(" ", "")
        for other, spellings, _, _ in OTHER_UNITS.get(ABOUT[name].units, []):
            if plain in spellings:
                yield _whole(name, np.nan, f"{ABOUT[name].units}, not {other} ({said!r})")
    timed = table[table["place"] >= 0]
    for (name, level), rows in timed.groupby(["variable", "level"], dropna=False, sort=False):
        mean = rows["mean"].mean()
        other = likely_unit(name, None if pd.isna(level) else int(level), mean)
        if other:
            allowed = f"{VARIABLES[name].units}; the mean looks like {other}"
            yield _whole(name, mean, allowed, level)


def _orientation(table: pd.DataFrame, _: object, __: object, limits: Limits) -> Findings:
    most, least = limits["divergent_share"], limits["fit"]
    high = table["level"].fillna(0).le(LOWEST)
    turned = "fields upside down, or a sign turned"
    yield from _rows(
        table, table["divergent_share"] > most, "divergent_share",
        f"a divergent share of at most {most:g}: {turned}",
    )  # fmt: skip
    yield from _rows(
        table, (table["wind_fit"] < least) & high, "wind_fit",
        f"a correlation with geostrophic winds of at least {least:g}: {turned}",
    )  # fmt: skip
    yield from _rows(
        table, table["vorticity_fit"] < least, "vorticity_fit",
        f"a correlation with the vorticity of the winds of at least {least:g}: {turned}",
    )  # fmt: skip
    # In every season pressure is lower around Antarctica than at the same latitudes in the north,
    # but not at every hour: deep lows in the north may outdo it for days.
    above, timed = limits["contrast_pa"], table[table["time"].notna()].sort_values("time")
    pressure = timed[timed["variable"].eq("mean_sea_level_pressure")]
    means = pressure.rolling("10D", on="time", center=True, min_periods=1)["contrast"].mean()
    yield from _rows(
        pressure.assign(contrast=means), means > above, "contrast",
        f"at most {above:g} Pa more at 55 to 70 S than at 55 to 70 N over ten days: upside down",
    )  # fmt: skip


def _pole_values(table: pd.DataFrame, _: object, __: object, limits: Limits) -> Findings:
    most = limits["pole_spread"]
    share = table["pole_spread"] / np.sqrt(table["variance"])
    rows = table.assign(share=share)
    at = ~table["variable"].isin(WINDS) & (share > most)
    yield from _rows(rows, at, "share", f"one value on a pole, to {most:g} standard deviations")


def _grid(_: object, record: Mapping[str, object], *__: object) -> Findings:
    lat, lon = (np.array(record[name]) for name in ("latitude", "longitude"))
    steps, gaps = -np.diff(lat), np.diff(lon)
    if not (steps > 0).all() or np.ptp(steps) > 0.2 * steps.mean():
        yield _whole("", float(steps.min()), "rows north to south, evenly spaced")
    if np.abs(lat + lat[::-1]).max() > 1e-3 or lat[0] + 0.8 * steps.mean() < 90:
        yield _whole("", float(lat[0]), "rows that mirror at the equator and reach the poles")
    if np.ptp(gaps) > 1e-3 or abs(gaps.mean() * len(lon) - 360) > 1e-2 * gaps.mean():
        yield _whole("", float(gaps.max()), "columns evenly spaced around the globe")


def _hydrostatic(table: pd.DataFrame, _: object, __: object, limits: Limits) -> Findings:
    most = limits["thickness_error"]
    allowed = f"thickness and temperature within {most:g} K, down to the next level"
    at = table["thickness_error"] > most
    yield from _rows(table, at, "thickness_error", allowed, "thickness_error")


def _preliminary(table: pd.DataFrame, *_: object) -> Findings:
    rows = table[(table["place"] >= 0) & (table["expver"] == PRELIMINARY)]
    rows = rows.drop_duplicates("place")
    allowed = "final ERA5; experiment version 5 is preliminary (ERA5T)"
    yield from _at_times(rows["time"].to_numpy(), rows["place"].to_numpy(), allowed)


def _seams(table: pd.DataFrame, _: object, times: np.ndarray, limits: Limits) -> Findings:
    if len(times) < 2:
        return
    hours = np.diff(times).min() / np.timedelta64(1, "h")
    n = round(limits["seam_days"] * 24 / hours)
    timed = table[table["place"] >= 0].drop_duplicates(["place", "variable", "level"])
    groups = list(timed.groupby(["variable", "level"], dropna=False, sort=False))
    for (name, level), rows in groups:
        for what in ("mean", "variance"):
            x = rows[what].to_numpy("float64")
            x = np.log(np.maximum(x, np.finfo(float).tiny)) if what == "variance" else x
            good = np.isfinite(x)
            when = rows["time"].to_numpy("datetime64[ns]")[good]
            phase = (when - when.astype("datetime64[D]")).astype("int64")
            tests = 2 * len(groups)
            for k, z, _ in find_jumps(x[good], phase, n, limits["seam_false_alarms"], tests):
                allowed = f"no jump of the global {what} (value: z)"
                yield _whole(name, z, allowed, level).assign(time=when[k])


def _roughness(table: pd.DataFrame, _: object, __: object, limits: Limits) -> Findings:
    most = limits["roughness"]
    allowed = f"a roughness of at most {most:g}: noise, or a field thinned without smoothing"
    timed = table["place"] >= 0
    yield from _rows(table, timed & (table["roughness"] > most), "roughness", allowed)


CHECKS: dict[str, Callable[..., Findings]] = {
    "missing_times": _missing_times,
    "duplicate_times": _duplicate_times,
    "missing_fields": _missing_fields,
    "missing_values": _missing_values,
    "changed_mask": _changed_mask,
    "out_of_range": _out_of_range,
    "units": _units,
    "orientation": _orientation,
    "pole_values": _pole_values,
    "grid": _grid,
    "hydrostatic": _hydrostatic,
    "preliminary": _preliminary,
    "seams": _seams,
    "roughness": _roughness,
}
