"""Which charts and tables are shown for each choice and task.

A tab is a choice of everything but the method: methods stand side by side within it. Networks
that are variants of another have the tables of scores and comparisons; how they calibrate, and
where, is shown of the network that they are of.

Depends on: pandas, and the charts and tables of this room.
"""

__all__ = ["Chart", "score_charts", "score_tables", "tabs"]

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from matplotlib.figure import Figure

from .calibration import calibration_charts
from .evidence import Evidence
from .experiments import TAB, experiment_charts
from .legend import Legend, words
from .observed import observation_charts
from .physics import physics_charts
from .places import place_charts
from .plots import Plot
from .scorecard import scorecard_charts
from .skill import skill_charts
from .tables import CHOICE, Table, score_table


@dataclass(frozen=True)
class Chart:
    """A chart, its place and its words.

    Arguments:
        file: Name of its file.
        tab: Name of its tab.
        group: The heading that it stands under.
        title: What it shows.
        alt: What a reader who cannot see it should know.
        note: How to read it.
        figure: The chart.
    """

    file: str
    tab: str
    group: str
    title: str
    alt: str
    note: str
    figure: Figure


def tabs(choices: Sequence[dict[str, str]], legend: Legend) -> dict[str, dict[str, str]]:
    """Names the tabs: the task, and what else differs between choices.

    Example:
        >>> a = dict(dataset="d", autoencoder="a", prior="p", network="n", task="t", method="m")
        >>> list(tabs([a, a | {"task": "u"}], Legend({})))
        ['T', 'U']
    """
    varied = [k for k in CHOICE if len({c[k] for c in choices}) > 1]
    found: dict[str, dict[str, str]] = {}
    for choice in choices:
        said = [words(choice["task"])]
        said += [legend.network(choice[k]) if k == "network" else choice[k] for k in varied]
        found[" · ".join(said)] = {k: choice[k] for k in (*CHOICE, "task")}
    return found


def score_charts(
    evidence: Evidence,
    choices: Sequence[dict[str, str]],
    channels: Sequence[str],
    legend: Legend,
) -> list[Chart]:
    """Draws every chart that the tables allow.

    Arguments:
        evidence: All tables.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        channels: The channels that are shown by lead, and whose spectra are.
        legend: Names and looks of the methods.
    """
    charts = []
    for k, (tab, choice) in enumerate(tabs(choices, legend).items()):
        own, variant = evidence.choose(choice), choice["network"] in legend.variants
        plots = [*scorecard_charts(own.comparisons, legend), *skill_charts(own, channels, legend)]
        if not variant:
            plots += calibration_charts(own, legend)
            plots += physics_charts(own, channels, legend)
            plots += place_charts(own, legend)
        plots += observation_charts(own, legend)
        charts += [_placed(plot, f"{k:02d}_{choice['task']}", tab) for plot in plots]
    return charts + [
        _placed(p, "experiments", TAB) for p in experiment_charts(evidence, choices, legend)
    ]


def _placed(plot: Plot, prefix: str, tab: str) -> Chart:
    file = f"{prefix}_{plot.name}.svg"
    return Chart(file, tab, plot.group, plot.title, plot.alt, plot.note, plot.figure)


def score_tables(scores: pd.DataFrame, choice: dict[str, str], legend: Legend) -> list[Table]:
    """Sets the tables of a tab: on the grid, and at withheld observations."""
    tables = [score_table(scores, choice, legend, space=space) for space in ("grid", "withheld")]
    return [table for table in tables if table is not None]
