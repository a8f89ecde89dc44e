"""Charts of experiments: what fewer or faulty observations do to each method.

Networks that are variants of one are shown beside it: shares of its observations as a curve, all
other changes as rows. What a change costs is also shown paired, the same method with and without
it on the same windows (``variants.csv``).

Depends on: pandas, and the plots of this room.
"""

__all__ = ["TAB", "experiment_charts", "experiment_tables"]

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from .evidence import Evidence
from .legend import REFERENCES, Legend, words
from .plots import Plot, plot_lines, plot_rows, said
from .scorecard import SIGNS
from .skill import BARS, NAMES, WHERE, ratios, spreads
from .tables import CHOICE, Table, number

TAB = "Experiments"
REST = [name for name in CHOICE if name != "network"] + ["task"]
SHOWN = (("crps", "grid"), ("rmse", "grid"), ("ssr", "grid"), ("crps", "withheld"))
Group = tuple[dict[str, str], list[str]]


def experiment_charts(
    evidence: Evidence, choices: Sequence[Mapping[str, str]], legend: Legend
) -> list[Plot]:
    """Draws curves and rows of every network that has variants, one set for each task.

    Arguments:
        evidence: All tables.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        legend: Names and looks of methods and variants.
    """
    drawn = []
    for k, (rest, networks) in enumerate(_groups(choices, legend)):
        found = _gather(evidence, rest, networks, legend)
        head = words(rest["task"])
        for plots in (
            _curves(found, networks, legend, head),
            _dots(found, networks, legend, head),
            _paired(evidence, rest, networks, legend, head),
        ):
            drawn += [Plot(f"{k:02d}_{p.name}", p.title, p.alt, p.note, p.figure, p.group)
                      for p in plots]  # fmt: skip
    return drawn


def shares(legend: Legend, network: str) -> float:
    """The share of observations that a thinned variant keeps of every instrument; or none."""
    variant = legend.variants.get(network)
    if variant is None:
        return 1.0
    values = set(variant["instruments"].values()) if variant["change"] == "thin" else set()
    return float(values.pop()) if len(values) == 1 and variant.get("every") else np.nan


def _groups(choices: Sequence[Mapping[str, str]], legend: Legend) -> list[Group]:
    """Networks that go together: each with its variants, by all other names but the method."""
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for choice in choices:
        key = (*(choice[n] for n in REST), legend.unchanged(choice["network"]))
        found.setdefault(key, {})[choice["network"]] = None
    groups = []
    for key, networks in found.items():
        own = sorted(networks, key=lambda n: n != key[-1])  # the one that is not changed first
        if any(n in legend.variants for n in own):
            groups.append((dict(zip(REST, key[:-1], strict=True)), own))
    return groups


def _gather(
    evidence: Evidence, rest: Mapping[str, str], networks: Sequence[str], legend: Legend
) -> dict[tuple[str, str], pd.DataFrame]:
    """``network method value lower upper`` over all channels, by metric and space."""
    found: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for network in networks:
        own = evidence.choose(rest | {"network": network})
        for space in WHERE:
            for metric in NAMES:
                rows = (spreads if metric == "ssr" else ratios)(own, metric, space)
                rows = rows[(rows["channel"] == "all") & rows["lead"].isna()]
                rows = rows[~rows["method"].isin(list(REFERENCES))]
                found.setdefault((metric, space), []).append(rows.assign(network=network))
    tables = {key: pd.concat(rows, ignore_index=True) for key, rows in found.items()}
    changed = {n for n in networks if n in legend.variants}
    both = {
        m for t in tables.values() for m in t.loc[t["network"].isin(changed), "method"].unique()
    }
    return {key: table[table["method"].isin(both)] for key, table in tables.items()}


def _panels(
    found: Mapping, networks: Sequence[str], row: tuple[str, Callable[[str], object]]
) -> dict[str, pd.DataFrame]:
    """One table for each score that is shown, with a column made from the name of the network."""
    panels = {}
    for metric, space in SHOWN:
        table = found[metric, space]
        table = table[table["network"].isin(list(networks))]
        if len(table):
            title = NAMES[metric] + ("" if metric == "ssr" else " ÷ climatology's")
            title = title if space == "grid" else f"{NAMES[metric]}, withheld"
            panels[title] = table.assign(**{row[0]: table["network"].map(row[1])})
    return panels


def _curves(found: Mapping, networks: Sequence[str], legend: Legend, head: str) -> list[Plot]:
    """Scores over the share of observations."""
    kept = {n: shares(legend, n) for n in networks}
    own = [n for n in networks if np.isfinite(kept[n])]
    if len(own) < 3:
        return []
    panels = _panels(found, own, ("x", lambda n: 100 * kept[n]))
    ticks = sorted({100 * kept[n] for n in own})
    figure = plot_lines(
        panels, legend, x="Share of the observations [%]", label="Over all variables and levels",
        log_x=True, ticks=ticks, columns=2, reference=1.0, zero=True,
    )  # fmt: skip
    title = f"{head}: what more observations are worth"
    told = [f"{p}, {legend.network(n)}: {said(t[t['network'] == n], legend)}."
            for p, t in panels.items() for n in own]  # fmt: skip
    note = "Falling to the right is their worth; bands are 95 % intervals over windows."
    return [Plot("density", title, f"{title}. {' '.join(told)}", note, figure)]


def _dots(found: Mapping, networks: Sequence[str], legend: Legend, head: str) -> list[Plot]:
    """Scores of each variant that is no share of observations, and of the network unchanged."""
    own = [n for n in networks if n not in legend.variants or np.isnan(shares(legend, n))]
    thinned = [n for n in networks if n not in own]
    if len(thinned) < 2:  # too few for a curve
        own = list(networks)
    if len(own) < 2:
        return []
    panels = _panels(found, own, ("row", lambda n: n))
    figure = plot_rows(
        panels, legend, rows={n: _label(legend, n) for n in own}, label="", columns=2,
        marks=[1.0] * len(panels),
    )  # fmt: skip
    title = f"{head}: scores with each change of the observations"
    told = [f"{p}, {_label(legend, n)}: {said(t[t['network'] == n], legend)}."
            for p, t in panels.items() for n in own]  # fmt: skip
    note = f"Errors: less is better, 1 is climatology; spread ÷ error: 1 is calibrated; {BARS}."
    return [Plot("changes", title, f"{title}. {' '.join(told)}", note, figure)]


def _label(legend: Legend, network: str) -> str:
    """The label of a network in a chart of variants."""
    return legend.network(network) if network in legend.variants else "Unchanged"


def _pairs(evidence: Evidence, rest: Mapping[str, str], networks: Sequence[str]) -> pd.DataFrame:
    """Each method with a change over itself without, over all channels and leads."""
    rows = evidence.choose(rest).variants
    rows = rows[(rows["region"] == "globe") & (rows["variable"] == "all")]
    rows = rows[rows["lead_hours"].isna() & rows["network"].isin(list(networks))]
    return rows[~rows["method"].isin(list(REFERENCES))].assign(value=rows["ratio"])


def _paired(
    evidence: Evidence, rest: Mapping[str, str], networks: Sequence[str], legend: Legend, head: str
) -> list[Plot]:
    """What each change costs, on the same windows."""
    rows = _pairs(evidence, rest, networks)
    panels, told = {}, []
    for metric, space in (("crps", "grid"), ("rmse", "grid"), ("crps", "withheld")):
        own = rows[(rows["metric"] == metric) & (rows["space"] == space)]
        if len(own):
            name = NAMES[metric] + ("" if space == "grid" else ", withheld")
            panels[name] = own.assign(row=own["network"])
            told += [f"{name}, {legend.network(str(n))}: {said(one, legend)}."
                     for n, one in own.groupby("network", sort=False)]  # fmt: skip
    if not panels:
        return []
    changed = [n for n in networks if n in set(rows["network"])]
    figure = plot_rows(
        panels, legend, rows={n: legend.network(n) for n in changed}, reference=1.0, log=True,
        label="÷ the same method with the observations unchanged",
    )  # fmt: skip
    title = f"{head}: what each change costs, on the same windows"
    note = f"Right of 1 is worse than unchanged; {BARS}, paired."
    return [Plot("paired", title, f"{title}. {' '.join(told)}", note, figure)]


def experiment_tables(
    evidence: Evidence, choices: Sequence[Mapping[str, str]], legend: Legend
) -> list[Table]:
    """Sets the same numbers as tables: one row for each network and method."""
    tables = []
    for rest, networks in _groups(choices, legend):
        found = _gather(evidence, rest, networks, legend)
        pairs = _pairs(evidence, rest, networks)
        methods = legend.order(m for table in found.values() for m in table["method"])
        rows = [
            [_label(legend, network), legend.label(method), *_cells(found, pairs, network, method)]
            for network in networks
            for method in methods
            if any(_of(table, network, method).size for table in found.values())
        ]
        columns = ["CRPS ÷ clim.", "RMSE ÷ clim.", "Spread ÷ error", "CRPS, withheld"]
        tables.append(Table(
            caption=f"{words(rest['task'])} with each change of the observations",
            groups=[],
            header=["Observations", "Method", *columns, "CRPS ÷ unchanged", "Verdict"],
            rows=rows,
            text_columns=2,
        ))  # fmt: skip
    return tables


def _cells(found: Mapping, pairs: pd.DataFrame, network: str, method: str) -> list[str]:
    cells = [_cell(found[key], network, method) for key in SHOWN]
    own = pairs[(pairs["metric"] == "crps") & (pairs["space"] == "grid")]
    own = _of(own, network, method)
    verdict = f"{own['verdict'].iloc[0]} {SIGNS[own['verdict'].iloc[0]][0]}" if len(own) else ""
    return [*cells, _cell(own, network, method), verdict]


def _of(table: pd.DataFrame, network: str, method: str) -> pd.DataFrame:
    return table[(table["network"] == network) & (table["method"] == method)]


def _cell(table: pd.DataFrame, network: str, method: str) -> str:
    own = _of(table, network, method)
    if own.empty:
        return "–"
    value, low, high = own[["value", "lower", "upper"]].iloc[0]
    return number(value) + (f" ({number(low)} to {number(high)})" if np.isfinite(low) else "")
