"""The bill: what a run cost, as a table, a chart and a few sentences.

Depends on: pandas, and the other modules of this room.
"""

__all__ = ["write_bill"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from .charts import plot_costs
from .costs import ENDS, Account, pool_costs
from .page import Bill, Figure
from .style import amount, svg
from .tables import Table

ALL = "All rules"
SOURCES = {
    "sacct": "Slurm's accounting",
    "record": "the jobs' own records",
    "benchmark": "Snakemake's benchmarks (last attempt only)",
}


def write_bill(account: Account, energy: Mapping[str, float]) -> Bill:
    """Writes the bill of a run.

    Arguments:
        account: The attempts of the run.
        energy: ``watts_per_core``, ``watts_per_gpu`` [W] and ``pue`` [1].
    """
    if account.attempts.empty:
        return Bill("What this run cost is not known: no job left a record.")
    total = pool_costs(account.attempts.assign(rule=ALL), energy)
    units = _Units.of(total.iloc[0])
    costs = units.convert(pool_costs(account.attempts, energy))
    total = units.convert(total)
    summary = _summary(total.iloc[0], units)
    caption = "Time, memory and energy by rule"
    return Bill(
        summary,
        _notes(account, total.iloc[0], units, energy),
        _table(pd.concat([costs, total]), caption, units),
        Figure(caption, f"Bars by rule. {summary}", svg=svg(plot_costs(_panels(costs, units)))),
    )


@dataclass(frozen=True)
class _Units:
    """Units that suit a run: hours and kWh, or seconds and Wh."""

    time: str
    seconds: float
    energy: str
    kwh: float

    @classmethod
    def of(cls, total: pd.Series) -> "_Units":
        long, much = total["wall_s"] >= 3600, total["kwh"] >= 1
        return cls(*(("hour", 3600.0) if long else ("second", 1.0)),
                   *(("kWh", 1.0) if much else ("Wh", 1e-3)))  # fmt: skip

    def convert(self, costs: pd.DataFrame) -> pd.DataFrame:
        """Divides by the units, and drops them from the names."""
        names = {name: name.removesuffix("_s") for name in costs if name.endswith("_s")}
        parts = {name: costs[name] / self.seconds for name in names}
        parts |= {name: costs[name] / self.kwh for name in ("kwh", "measured_kwh")}
        names |= {"kwh": "energy", "measured_kwh": "measured"}
        return costs.assign(**parts).rename(columns=names)


def _summary(total: pd.Series, units: _Units) -> str:
    said = f"{_count(total['jobs'], 'job')} in {_count(total['attempts'], 'attempt')}, "
    said += (
        f"{amount(total['wall'])} {units.time}s in all: {amount(total['cpu'])} CPU-{units.time}s"
    )
    if total["efficiency"] == total["efficiency"]:
        said += f", {total['efficiency']:.0%} of those asked for"
    if total["gpu"]:
        said += f", and {amount(total['gpu'])} GPU-{units.time}s"
    if total["rss_mb"] == total["rss_mb"]:
        said += f". The largest used {amount(total['rss_mb'])} MB"
    return f"{said}. About {amount(total['energy'])} {units.energy} of energy, by estimate."


def _notes(
    account: Account, total: pd.Series, units: _Units, energy: Mapping[str, float]
) -> list[str]:
    attempts, notes = account.attempts, []
    early = {end: float(total[end]) for end in ("interrupted", "failed", "killed") if total[end]}
    if early:
        notes.append(
            f"Attempts that made no product: {_listed(early)}. They took "
            f"{amount(total['unfinished'])} {units.time}s of this; those that were interrupted "
            "had saved their progress."
        )
        lost = int(attempts.loc[attempts["status"] == "killed", "wall_s"].isna().sum())
        if lost:
            notes.append(f"How long {_count(lost, 'killed attempt')} took is on no record.")
    if total["adopted"]:
        notes.append("Adopted: finished while no controller watched, and taken over as it was.")
    if account.slurm_ends:
        notes.append(f"Slurm's word for allocations that it ended: {_listed(account.slurm_ends)}.")
    counts = attempts["source"].value_counts().to_dict()
    sources = [f"{words} ({counts[name]:,})" for name, words in SOURCES.items() if name in counts]
    notes.append(f"Sources, by number of attempts: {', '.join(sources)}.")
    if account.silence:
        notes[-1] += f" Slurm's accounting is missing: {account.silence}."
    models = sorted({model for model in attempts["gpu_model"] if model})
    if models:
        notes.append(f"GPUs: {', '.join(models)}.")
    notes.append(
        f"Energy is an estimate: {energy['watts_per_core']:g} W for each core in use and "
        f"{energy['watts_per_gpu']:g} W for each GPU held, times {energy['pue']:g} for cooling "
        "and supply; memory, disks, network and idle cores are left out. Its numbers are set "
        "under report.energy."
    )
    if total["measured"] > 0:
        notes.append("Measured is what Slurm read at the nodes, without cooling and supply.")
    notes.append(
        "Every attempt on record in this folder of results counts, those of earlier runs too; "
        "writing this page does not."
    )
    return notes


def _count(number: float | int, noun: str) -> str:
    return f"{number:,.0f} {noun}{'s' if number != 1 else ''}"


def _listed(counts: Mapping[str, float] | Mapping[str, int]) -> str:
    return ", ".join(f"{count:,.0f} {name}" for name, count in counts.items())


def _table(costs: pd.DataFrame, caption: str, units: _Units) -> Table:
    """One row per rule and one for all; columns without any figure are left out."""
    total = costs.iloc[-1]
    ends = [(end, end) for end in ENDS if end != "done" and total[end]]
    early, gpu = [("unfinished", "no product")], [("gpu", "GPU held")]
    share = [("efficiency", "of asked")]
    parts = [
        ("Count", [("jobs", "jobs"), ("attempts", "attempts"), *ends], "{:,.0f}".format),
        (
            f"Time [{units.time[0]}]",
            [("wall", "wall"), *early * bool(total["unfinished"] > 0)]
            + gpu * bool(total["gpu"] > 0)
            + [("cpu", "CPU used")],
            amount,
        ),
        ("", share * bool(total["asked"] > 0), "{:.0%}".format),
        ("Memory [MB]", [("rss_mb", "peak")], amount),
        (
            f"Energy [{units.energy}]",
            [("energy", "estimate")] + [("measured", "measured")] * bool(total["measured"] > 0),
            amount,
        ),
    ]
    parts = [part for part in parts if part[1]]
    rows = [
        [str(rule), *(_cell(row[key], form) for _, names, form in parts for key, _ in names)]
        for rule, row in costs.iterrows()
    ]
    groups = [("", 1)] + [(group, len(names)) for group, names, _ in parts]
    header = ["Rule", *(name for _, names, _ in parts for _, name in names)]
    return Table(caption, groups, header, rows, total=True)


def _cell(value: float, form: Callable[[float], str]) -> str:
    """A dash for what is not known, and nothing for nothing."""
    if pd.isna(value):
        return "–"
    return form(value) if value else ""


def _panels(costs: pd.DataFrame, units: _Units) -> dict[str, pd.DataFrame]:
    used = costs[["cpu", "asked"]].rename(columns={"cpu": "used", "asked": "asked for"})
    panels = {f"CPU-{units.time}s": used if used["asked for"].any() else used[["used"]]}
    if costs["gpu"].any():
        panels[f"GPU-{units.time}s held"] = costs[["gpu"]]
    return panels | {
        "peak memory of a job [MB]": costs[["rss_mb"]],
        f"energy, estimated [{units.energy}]": costs[["energy"]],
    }
