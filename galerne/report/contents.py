"""The parts of the page, gathered from files.

Depends on: pandas, and the other modules of this room.
"""

__all__ = [
    "audit_parts", "best_baseline", "first_picture", "judgement", "map_parts", "moments_tables",
    "read_figures", "read_sets", "score_panels", "score_parts", "training_figures",
]  # fmt: skip

import json

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from ..catalogue import VARIABLES
from ..products import open_product
from .audit import audit_figures, findings_tables
from .charts import plot_training, training_curves
from .evidence import Evidence
from .experiments import TAB, experiment_tables
from .explorer import MapSet, pack_maps
from .figures import plot_glance
from .legend import Legend
from .methods import methods_table
from .observed import observation_table
from .page import Figure, Panel
from .panels import score_tables, tabs
from .scorecard import against_best
from .style import label_channel, png, svg
from .tables import Table, compare
from .verdict import compared, gather_facts, limits, measure, tiles, verdict

MATTER = 3  # numbers on the first screen
KINDS = ("reanalysis", "filtering", "forecasting")


def read_sets(
    paths_maps: Sequence[Path], observations: Sequence[pd.DataFrame], choices: Sequence[dict],
    config: dict,
) -> list[MapSet]:  # fmt: skip
    """Opens the maps of every choice and window with the observations of the window.

    Fields are read where they are used.

    Arguments:
        paths_maps: Manifests of the maps products.
        observations: Tables of observations, as many.
        choices: Names of the choices and of the window, as many.
        config: The effective configuration.
    """
    return [
        MapSet(
            choice=choice,
            kind=config["tasks"][choice["task"]]["kind"],
            maps=open_product(path),
            observations=seen,
            step_hours=config["datasets"][choice["dataset"]]["step_hours"],
        )
        for choice, path, seen in zip(choices, paths_maps, observations, strict=True)
    ]


def judgement(
    scores: pd.DataFrame,
    comparisons: pd.DataFrame,
    choices: Sequence[dict[str, str]],
    config: dict,
    sources: dict[str, str],
    legend: Legend,
) -> dict[str, list]:
    """Writes the first screen: the verdict, the numbers that matter, and the limits.

    The first posterior of each kind of task speaks for the run.

    Arguments:
        scores: The pooled scores.
        comparisons: Comparisons of methods.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        config: The effective configuration.
        sources: What the data of each dataset say of their source.
        legend: Names of the methods.
    """
    first: dict[str, dict[str, str]] = {}
    spoken = [choice for choice in choices if not legend.classical(choice["method"])] or choices
    for choice in spoken:
        first.setdefault(config["tasks"][choice["task"]]["kind"], choice)
    numbers = {kind: measure(scores, choice) for kind, choice in first.items()}
    head = spoken[0]
    experiment = next(
        e
        for e in (config["experiments"][name] for name in config["run"])
        if e["dataset"] == head["dataset"] and head["network"] in e["networks"]
    )
    facts = gather_facts(
        config["datasets"][head["dataset"]],
        config["networks"][config["variants"].get(head["network"], {}).get("of", head["network"])],
        experiment,
        source=sources.get(head["dataset"], ""),
    )
    kind = next(kind for kind in KINDS if kind in numbers)
    said, tile = compared(against_best(comparisons, first[kind]), legend)
    summary = verdict(*(numbers.get(kind) for kind in KINDS))
    return {
        "verdict": [*summary[:1], *said, *summary[1:]],
        "tiles": [*tile, *tiles(numbers[kind])][:MATTER],
        "limits": limits(facts, list(numbers.values())),
    }


def map_parts(
    sets: Sequence[MapSet],
    comparisons: pd.DataFrame,
    choices: Sequence[dict[str, str]],
    config: dict,
    legend: Legend,
) -> dict[str, object]:
    """Gathers what the page shows of the maps: the first picture, and what packs all others.

    Arguments:
        sets: The maps, in order of interest.
        comparisons: Comparisons of methods.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        config: The effective configuration.
        legend: Names of the methods.
    """
    beside = best_baseline(comparisons, choices)
    return {
        "glance": first_picture(sets, config["report"]["maps"]),
        "explorer": partial(pack_maps, sets, legend, beside=beside),
    }


def first_picture(sets: Sequence[MapSet], channels: Sequence[str]) -> Figure | None:
    """Draws truth, observations and mean of one variable: in the middle of the first window.

    Arguments:
        sets: The maps, in order of interest.
        channels: Names of channels, in order of interest.
    """
    if not sets or sets[0].observations is None:
        return None
    one, names = sets[0], [str(name) for name in sets[0].maps["channel"].values]
    channel = next((names.index(name) for name in channels if name in names), 0)
    maps = one.maps[[n for n in ("truth", "mean", "land_sea_mask") if n in one.maps]].load()
    frame = maps.sizes["frame"] // 2
    time = str(maps["valid_time"].values[frame].astype("datetime64[h]")).replace("T", " ")
    label = label_channel(names[channel])
    title = f"{label} on {time} UTC: the truth, what was seen of it, what was made of that"
    alt = f"Three maps of {label}: truth, observations, mean of the ensemble."
    picture = plot_glance(maps, one.observations, channel, frame, step_hours=one.step_hours)
    return Figure(title, alt, png=png(picture))


def best_baseline(comparisons: pd.DataFrame, choices: Sequence[dict[str, str]]) -> str:
    """Names the best classical baseline beside the first choice that has one, or nothing.

    Arguments:
        comparisons: Comparisons of methods.
        choices: Names of dataset, autoencoder, prior, network, method and task.
    """
    found = (against_best(comparisons, choice) for choice in choices)
    return next((str(best["reference"]) for best in found if best), "")


def read_figures(folder: Path) -> dict[str, list[Figure]]:
    """Reads a folder of figures by its index, grouped by tab (empty where there is none)."""
    found: dict[str, list[Figure]] = {}
    for row in json.loads((folder / "index.json").read_text()):
        path = folder / row["file"]
        text = path.read_text() if path.suffix == ".svg" else ""
        picture = path.read_bytes() if path.suffix == ".png" else b""
        said = {name: row.get(name, "") for name in ("note", "group")}
        figure = Figure(row["title"], row["alt"], svg=text, png=picture, **said)
        found.setdefault(row.get("tab", ""), []).append(figure)
    return found


def score_parts(
    evidence: Evidence,
    choices: Sequence[dict[str, str]],
    charts: Path,
    folder: Path,
    legend: Legend,
) -> dict[str, object]:
    """Gathers what the sections of scores and experiments show.

    Arguments:
        evidence: The tables that charts are drawn from.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        charts: The charts, with their index.
        folder: The folder of all products.
        legend: Names of the methods.
    """
    drawn = read_figures(charts)
    tables = experiment_tables(evidence, choices, legend)
    return {
        "comparison": compare(evidence.scores, choices, legend),
        "methods": methods_table(folder, choices, legend),
        "panels": score_panels(evidence, choices, drawn, legend),
        "experiments": Panel(TAB, drawn.get(TAB, []), tables) if tables else None,
    }


def score_panels(
    evidence: Evidence,
    choices: Sequence[dict[str, str]],
    charts: dict[str, list[Figure]],
    legend: Legend,
) -> list[Panel]:
    """Puts the charts and tables of each choice and task behind a tab.

    Arguments:
        evidence: The tables that charts are drawn from.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        charts: The charts by tab.
        legend: Names of the methods.
    """
    found = []
    for tab, choice in tabs(choices, legend).items():
        tables = score_tables(evidence.scores, choice, legend)
        tables += [t for t in [observation_table(evidence.choose(choice), legend)] if t]
        found.append(Panel(tab, charts.get(tab, []), tables))
    return found


def training_figures(paths: Sequence[Path], folder: Path) -> list[Figure]:
    """Draws the curves of every training that recorded any.

    Arguments:
        paths: Training records.
        folder: The folder of all products, left out of the titles.
    """
    figures = []
    for path in paths:
        table = pd.read_csv(path)
        if table.empty or training_curves(table).empty or not table["step"].any():
            continue  # nothing was trained: a linear autoencoder, or the Gaussian alone
        inside = path.parent.relative_to(folder) if path.is_relative_to(folder) else path.parent
        last = training_curves(table).ffill().iloc[-1]
        words = ", ".join(f"{name} {value:.3g}" for name, value in last.items())
        title = f"Training of {' / '.join(inside.parts)}"
        figures.append(
            Figure(title, f"{title}. At the end: {words}.", svg=svg(plot_training(table)))
        )
    return figures


def audit_parts(paths: Sequence[Path], channels: Sequence[str]) -> dict[str, list]:
    """Gathers what the audit says of the data.

    Arguments:
        paths: The findings of every period, each beside its measures.
        channels: Channels to draw, by name.
    """
    measures = [path.with_name("measures.parquet") for path in paths]
    return {
        "audit": audit_figures(measures, paths, channels), "findings": findings_tables(paths),
    }  # fmt: skip


def moments_tables(paths: Sequence[Path]) -> list[Table]:
    """Tabulates mean and standard deviation of the training data of each dataset.

    Arguments:
        paths: The moments, each at ``{dataset}/stats/{record}/moments.csv``.
    """
    tables = []
    for path in paths:
        rows = [
            [str(row.variable), f"{row.level:g}" if row.level == row.level else "",
             f"{row.mean:.5g}", f"{row.std:.4g}", f"{row.difference_std:.4g}",
             VARIABLES[str(row.variable)].units]
            for row in pd.read_csv(path).itertuples()
        ]  # fmt: skip
        caption = f"Training data of {path.parents[2].name}: area-weighted moments"
        header = ["Variable", "Level [hPa]", "Mean", "Standard deviation", "Of a step", "Unit"]
        tables.append(Table(caption, [], header, rows))
    return tables
