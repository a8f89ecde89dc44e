"""Charts of where and when methods are right: regions, distance to observations, time of day.

Depends on: pandas, and the plots of this room.
"""

__all__ = ["place_charts"]

import numpy as np

from .evidence import Evidence
from .legend import Legend
from .plots import Plot, plot_lines, plot_rows, said
from .skill import BARS, NAMES, budget

GROUP = "Regions and time of day"
REGIONS = {
    "globe": "Globe", "northern_extratropics": "North of 20° N", "tropics": "Tropics",
    "southern_extratropics": "South of 20° S", "land": "Land", "sea": "Sea",
}  # fmt: skip


def place_charts(evidence: Evidence, legend: Legend) -> list[Plot]:
    """Draws errors by region and by time of day of one tab, where the tables have any.

    Arguments:
        evidence: The tables of one tab.
        legend: Names and looks of the methods.
    """
    return [*_regions(evidence, legend), *_hours(evidence, legend)]


def named_region(name: str) -> str:
    """Names a region, or a class of the distance to the nearest observation.

    Example:
        >>> named_region("distance_500_to_1000_km"), named_region("distance_below_500_km")
        ('500 to 1000 km from obs.', 'Below 500 km from obs.')
    """
    if name in REGIONS:
        return REGIONS[name]
    if not name.startswith("distance_"):
        return name.replace("_", " ").capitalize()
    text = name.removeprefix("distance_").removesuffix("_km").replace("_", " ")
    return f"{text[:1].upper()}{text[1:]} km from obs."


def _order(names: list[str]) -> list[str]:
    """Regions first, then distances from near to far."""
    known = [name for name in REGIONS if name in names]
    far = [n for n in names if n.startswith("distance_")]
    rank = {"below": 0, "from": 2}
    far.sort(key=lambda n: (rank.get(n.split("_")[1], 1), _first_number(n)))
    return [*known, *far]


def _first_number(name: str) -> float:
    return min((float(part) for part in name.split("_") if part.isdigit()), default=0.0)


def _regions(evidence: Evidence, legend: Legend) -> list[Plot]:
    """Errors over the climatology's in the same region, over all channels and leads."""
    rows = evidence.regional
    rows = rows[(rows["reference"] == "climatology") & (rows["space"] == "grid")]
    rows = rows[(rows["variable"] == "all") & rows["lead_hours"].isna()]
    panels, words = {}, []
    for metric in ("rmse", "crps"):
        names = budget(evidence, legend, metric)
        own = rows[(rows["metric"] == metric) & rows["method"].isin(names)]
        if own["region"].nunique() > 1:
            panels[NAMES[metric]] = own.assign(row=own["region"], value=own["ratio"])
    if not panels:
        return []
    table = next(iter(reversed(panels.values())))
    names = _order(list(dict.fromkeys(table["row"])))
    for name in names:
        words.append(f"{named_region(name)}: {said(table[table['row'] == name], legend)}.")
    figure = plot_rows(
        panels, legend, rows={n: named_region(n) for n in names}, reference=1.0,
        label="÷ climatology's in the same region, geometric mean over variables and levels",
    )  # fmt: skip
    title = "Error by region, and by the distance to the nearest observation"
    note = f"Left of 1 is better than climatology there; {BARS}."
    text = f"{title}; CRPS divided by climatology's. {' '.join(words)}"
    return [Plot("regions", title, text, note, figure, GROUP)]


def _hours(evidence: Evidence, legend: Legend) -> list[Plot]:
    """Errors over the climatology's at the same time of day, mean over channels and leads."""
    rows = evidence.regions
    rows = rows[(rows["space"] == "grid") & (rows["region"] == "globe") & (rows["hour"] != "all")]
    panels, words = {}, []
    keys = ["hour", "channel", "lead_hours"]
    for metric in NAMES:
        wide = rows[rows["metric"] == metric].pivot_table(
            index=keys, columns="method", values="value", sort=False
        )
        if metric != "ssr":
            if "climatology" not in wide:
                continue
            wide = wide.div(wide["climatology"].where(wide["climatology"] > 0), axis=0)
        names = [
            n for n in budget(evidence, legend, metric if metric != "ssr" else "crps") if n in wide
        ]
        found = wide[names].groupby(level="hour").mean()
        tall = found.reset_index().melt("hour", var_name="method", value_name="value")
        tall = tall.assign(x=tall["hour"].astype(float), lower=np.nan, upper=np.nan)
        if tall["x"].nunique() > 1:
            panels[NAMES[metric] + ("" if metric == "ssr" else " ÷ climatology's")] = tall
            words += [f"{NAMES[metric]} at {h:g} h: {said(tall[tall['x'] == h], legend)}."
                      for h in sorted(tall["x"].unique())]  # fmt: skip
    if not panels:
        return []
    ticks = sorted({x for table in panels.values() for x in table["x"]})
    figure = plot_lines(
        panels, legend, x="Valid time [h UTC]", label="Mean over channels", reference=1.0,
        zero=True, ticks=ticks if len(ticks) < 9 else (0.0, 6.0, 12.0, 18.0),
    )  # fmt: skip
    title = "Error and spread by time of day"
    note = (
        "Flat means that no time of day is harder; instruments that report twice a day show here."
    )
    return [Plot("hours", title, f"{title}. {' '.join(words)}", note, figure, GROUP)]
