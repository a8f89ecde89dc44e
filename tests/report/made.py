"""Tables of a small run made up, on disk as a run leaves them."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from galerne.report.evidence import Evidence

from .conftest import CHOICE, make_comparisons, make_scores

METHODS = ("mmps", "oi", "prior")
BOTH = (("geopotential", 500), ("2m_temperature", None))
VALUES = {"mmps": 0.95, "oi": 0.8, "prior": 1.2}


def make_intervals(leads: tuple[int, ...] = (0,), **choice: str) -> pd.DataFrame:
    """Spread-skill ratios are those of VALUES; coverage is 0.52 and 0.88 of every method."""
    scores = {"ssr": None, "coverage_50": 0.52, "coverage_90": 0.88}
    keys = [("all", None, None), *(("all", None, lead) for lead in leads)]
    if len(leads) > 1:
        keys += [(variable, level, None) for variable, level in BOTH]
    keys += [(*channel, lead) for channel, lead in product(BOTH, leads)]
    rows = [
        {
            **CHOICE, **choice, "space": space, "region": "globe", "variable": variable,
            "level": level, "lead_hours": lead, "metric": metric, "method": method,
            "value": value or VALUES[method], "lower": 0.9 * (value or VALUES[method]),
            "upper": 1.1 * (value or VALUES[method]),
        }
        for space in ("grid", "withheld")
        for variable, level, lead in keys
        for metric, value in scores.items()
        for method in METHODS
    ]  # fmt: skip
    return pd.DataFrame(rows)


def make_variants(**choice: str) -> pd.DataFrame:
    """Half of the observations cost a fifth, which is real of the posterior alone."""
    keys = ("space", "region", "variable", "level", "lead_hours", "metric")
    rows = [
        {name: value for name, value in CHOICE.items() if name not in ("network", "method")}
        | {"method": method, "network": "half", "unchanged": "sparse", "ratio": 1.2}
        | dict(zip(keys, (space, "globe", "all", None, None, metric), strict=True))
        | {"lower": low, "upper": 1.4, "verdict": verdict, "windows": 2}
        for method, low, verdict in (("mmps", 1.1, "worse"), ("oi", 0.9, "no evidence"))
        for space in ("grid", "withheld")
        for metric in ("rmse", "crps")
    ]
    return pd.DataFrame(rows).assign(**choice)


def make_diagnostics(leads: tuple[int, ...] = (0,), **choice: str) -> dict[str, pd.DataFrame]:
    """Two hours of the day, a histogram with one high end, a spectrum that is too smooth."""
    about, lead = CHOICE | choice, leads[0]
    regions = [
        {"space": "grid", "region": "globe", "hour": hour, "variable": v, "level": level,
         "lead_hours": lead, "metric": metric, "method": method, "value": value, "count": 1.0}
        for (v, level), hour in product(BOTH, ("all", "00", "12"))
        for metric in ("rmse", "crps", "ssr")
        for method, value in (*VALUES.items(), ("climatology", 2.0))
    ]  # fmt: skip
    ranks = [
        {"space": space, "variable": "all", "level": None, "lead_hours": None, "method": method,
         "members": 3, "rank": k, "share": share, "lower": share - 0.04, "upper": share + 0.04}
        for space, method in product(("grid", "withheld"), METHODS)
        for k, share in enumerate((0.4, 0.22, 0.2, 0.18))
    ]  # fmt: skip
    events = [
        {"variable": "2m_temperature", "level": None, "lead_hours": lead, "threshold": 273.15,
         "class": k, "share": 1 / 3, "probability": k / 2, "frequency": 0.1 + 0.4 * k,
         "brier": 0.1, "method": method}
        for k, method in product(range(3), METHODS)
    ]  # fmt: skip
    consistency = [
        {"platform": "stations", "variable": "2m_temperature", "level": None, "lead_hours": lead,
         "withheld": withheld, "assimilated": not withheld, "metric": metric, "value": value,
         "count": 40.0, "method": method}
        for method in ("mmps", "oi")
        for withheld, metric, value in (
            (False, "chi_square", 1.5), (True, "chi_square", 1.1), (False, "error_ratio", 0.9),
            (False, "signal", 20.0), (False, "signal_share", 0.5),
        )
    ]  # fmt: skip
    spectra = [
        {"kind": kind, "variable": v, "level": level, "lead_hours": lead, "wavenumber": k,
         "members": 10.0**-k * 0.5, "mean": 10.0**-k * 0.25, "truth": 10.0**-k, "method": method}
        for kind, (v, level) in product(("zonal", "spherical"), BOTH)
        for k, method in product(range(4), (*METHODS, "reconstruction"))
    ]  # fmt: skip
    balance = [
        {"measure": measure, "units": "1", "level": level, "lead_hours": lead, "members": members,
         "truth": truth, "method": method}
        for measure, level, members, truth in (
            ("geostrophic", 500, 0.6, 0.3), ("hydrostatic", 500, 1.0, 0.5),
            ("mass", None, 12.0, 0.0), ("drift", None, 5.0, 0.0),
        )
        for method in METHODS
    ]  # fmt: skip
    tables = {"regions": regions, "ranks": ranks, "events": events, "consistency": consistency}
    tables |= {"spectra": spectra, "balance": balance}
    return {name: pd.DataFrame(rows).assign(**_but_method(about)) for name, rows in tables.items()}


def _but_method(about: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in about.items() if name != "method"}


def write_tables(
    folder: Path, *, leads: tuple[int, ...] = (0,), networks: tuple[str, ...] = ("sparse",),
    ratio: float = 0.4, ssr: float = 1.0, **choice: str,
) -> dict[str, Path]:  # fmt: skip
    """Writes every table of some networks, and returns where each lies."""
    found: dict[str, list[pd.DataFrame]] = {}
    for network in networks:
        about = choice | {"network": network}
        tables = make_diagnostics(leads, **about) | {
            "scores": make_scores(ratio, ssr, leads=leads, **about).drop(columns="channel"),
            "comparisons": make_comparisons(leads=leads, **about),
            "intervals": make_intervals(leads, **about),
        }
        for name, table in tables.items():
            found.setdefault(name, []).append(table)
    found["variants"] = [make_variants(**choice)] if len(networks) > 1 else []
    paths = {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, tables in found.items():
        table = pd.concat(tables) if tables else make_variants().iloc[:0]
        paths[name] = folder / f"{name}.csv"
        table.to_csv(paths[name], index=False)
    return paths


def make_evidence(folder: Path, **settings: object) -> Evidence:
    """The same tables, read."""
    return Evidence.read(write_tables(folder, **settings))


def texts(figure) -> list[str]:
    """Every word of a chart."""
    found = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    for axes in (ax for ax in figure.axes if ax.axison):
        labels = [*axes.get_yticklabels(), *axes.texts, axes.title]
        found += [text.get_text() for text in labels] + [axes.get_title(loc="left")]
    return [text for text in found if text]


def markers(figure, label: str) -> list[np.ndarray]:
    """Where a method is drawn in each chart of a figure, along the axis of values."""
    lines = [line for axes in figure.axes for line in axes.lines if line.get_label() == label]
    return [np.asarray(line.get_xdata(), float) for line in lines]
