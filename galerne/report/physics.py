"""Charts of physics: spectra and balances of members beside those of the truth.

Depends on: pandas, and the plots of this room.
"""

__all__ = ["physics_charts"]

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .evidence import Evidence
from .legend import Legend
from .plots import EXTRA, Plot, plain_ticks, plot_lines, plot_rows, said
from .skill import budget
from .style import INK, label_channel

GROUP = "Spectra and balance"
TRUTH = {"truth": ("Truth", "-", INK, 2.4)}


def physics_charts(evidence: Evidence, channels: Sequence[str], legend: Legend) -> list[Plot]:
    """Draws spectra of both kinds and all balances of one tab, where the tables have any.

    Arguments:
        evidence: The tables of one tab.
        channels: The channels whose spectra are shown.
        legend: Names and looks of the methods.
    """
    names = budget(evidence, legend, "crps")
    spectra = evidence.spectra[evidence.spectra["method"].isin(names)]
    drawn = [p for kind in ("spherical", "zonal") for p in _power(spectra, kind, channels, legend)]
    return [*drawn, *_balance(evidence.balance, names, legend)]


def _power(table: pd.DataFrame, kind: str, channels: Sequence[str], legend: Legend) -> list[Plot]:
    """Power by wavenumber, and under each the same over that of the truth."""
    rows = table[(table["kind"] == kind) & (table["wavenumber"] > 0)]
    rows = rows[rows["truth"] > 1e-9 * rows.groupby("channel")["truth"].transform("max")]
    shown = [c for c in channels if (rows["channel"] == c).any()][:4]
    if not shown:
        return []
    rows = rows[rows["channel"].isin(shown)]
    keys = ["channel", "method", "wavenumber"]
    power = rows.groupby(keys, as_index=False, sort=False)[["members", "mean", "truth"]].mean()
    upper, lower, words = {}, {}, []
    for channel in shown:
        own = power[power["channel"] == channel]
        lines, shares = _lines(own, legend)
        upper[label_channel(channel)] = lines
        lower[f"{label_channel(channel)}, ÷ truth's"] = shares
        last = shares[shares["x"] == shares["x"].max()]
        known = last[last["method"].isin(legend.order(own["method"]))]
        words.append(f"{label_channel(channel)} at wavenumber {last['x'].max():g}, over the "
                     f"truth's: {said(known, legend)}.")  # fmt: skip
    means = {m: (f"{legend.label(m)}, mean", (0, (1, 1.2)), EXTRA[k % 3], 1.3)
             for k, m in enumerate(legend.posteriors(power["method"]))}  # fmt: skip
    others = TRUTH | {f"{m} mean": look for m, look in means.items()}
    figure = plot_lines(
        upper | lower, legend, x="Wavenumber", label="Power [unit²]; power ÷ truth's", log_x=True,
        log_y=True, columns=len(shown), others=others, markers=False,
        labels=("Power [unit²]", "÷ truth's"),
    )  # fmt: skip
    for ax in figure.axes[len(shown) :]:
        ax.axhline(1, color=INK, linewidth=0.9, zorder=1)
        ax.set_ylim(0.05, 5.0)
        plain_ticks(ax, 0.05, 5.0, y=True)
    form = "spherical harmonics" if kind == "spherical" else "waves along circles of latitude"
    title = f"How much of each scale the fields have, by {form}"
    note = "Under 1 fields are too smooth, over 1 too rough; a mean is smoother than its members."
    return [Plot(f"spectra_{kind}", title, f"{title}. {' '.join(words)}", note, figure, GROUP)]


def _lines(own: pd.DataFrame, legend: Legend) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Power of the truth, of members and of means, and that of all but the truth over it."""
    parts = [own.assign(value=own["members"])]
    guided = own[own["method"].isin(legend.posteriors(own["method"]))]
    parts.append(guided.assign(value=guided["mean"], method=guided["method"] + " mean"))
    first = own[own["method"] == own["method"].iloc[0]]
    whole = pd.concat([first.assign(value=first["truth"], method="truth"), *parts])
    whole = whole.assign(x=whole["wavenumber"], lower=np.nan, upper=np.nan)
    shares = whole[whole["method"] != "truth"]
    return whole, shares.assign(value=shares["value"] / shares["truth"])


def _balance(table: pd.DataFrame, names: Sequence[str], legend: Legend) -> list[Plot]:
    """Imbalances by level over those of the truth, and the mass that is gained or lost."""
    rows = table[table["method"].isin(names)]
    squares = rows.assign(members=rows["members"] ** 2, truth=rows["truth"] ** 2)
    keys = ["measure", "level", "method"]
    grouped = squares.groupby(keys, sort=False, dropna=False)[["members", "truth"]].mean()
    rows = np.sqrt(grouped).reset_index().assign(lower=np.nan, upper=np.nan)
    return [*_levels(rows, legend), *_mass(rows, legend)]


def _levels(rows: pd.DataFrame, legend: Legend) -> list[Plot]:
    """Imbalances that the truth has too, over its own."""
    panels, told = {}, []
    for measure, name in {"geostrophic": "Winds", "hydrostatic": "Thickness"}.items():
        own = rows[(rows["measure"] == measure) & (rows["truth"] > 0)]
        own = own.assign(row=own["level"], value=own["members"] / own["truth"])
        if len(own):
            panels[name] = own
            told.append(f"{name}: {said(own, legend)}.")
    if not panels:
        return []
    levels = sorted({level for own in panels.values() for level in own["row"]})
    figure = plot_rows(
        panels, legend, rows={level: f"{level:g} hPa" for level in levels}, reference=1.0,
        label="Imbalance ÷ that of the truth on this grid",
    )  # fmt: skip
    title = "Balance: winds by the pressure field, thickness by temperature"
    note = "1 is as balanced as the truth; right of it is noise, left of it too smooth."
    text = f"{title}, over the truth's. {' '.join(told)}"
    return [Plot("balance", title, text, note, figure, GROUP)]


def _mass(rows: pd.DataFrame, legend: Legend) -> list[Plot]:
    """Mass that members have more or less than the truth."""
    panels, told = {}, []
    for measure, name in {"mass": "Difference", "drift": "Drift over a window"}.items():
        own = rows[rows["measure"] == measure]
        own = own.assign(row=own["method"], value=own["members"])
        if len(own):
            panels[name] = own
            told.append(f"{name} [Pa]: {said(own, legend)}.")
    if not panels:
        return []
    methods = legend.order(m for own in panels.values() for m in own["method"])
    figure = plot_rows(
        panels, legend, rows={m: legend.label(m) for m in methods}, own=True,
        label="Root mean square, from the truth's global mean [Pa]",
    )  # fmt: skip
    title = "Mass of the atmosphere, from the truth's"
    note = "Zero is right: no method is told that mass is conserved."
    return [Plot("mass", title, f"{title}. {' '.join(told)}", note, figure, GROUP)]
