"""Plot the scores of every choice and task as charts."""

import json
import logging

from pathlib import Path

from galerne.jobs.job import Job
from galerne.report.evidence import Evidence
from galerne.report.legend import Legend
from galerne.report.panels import score_charts
from galerne.report.style import svg

log = logging.getLogger(__name__)


def plot_scores(
    paths_tables: dict[str, Path],
    path_figures: Path,
    *,
    choices: list[dict[str, str]],
    channels: list[str],
    names: dict[str, dict],
) -> None:
    """Draw every chart that the tables allow, with an index of tabs, headings and words."""
    path_figures.mkdir(parents=True, exist_ok=True)
    index = []
    for chart in score_charts(Evidence.read(paths_tables), choices, channels, Legend(**names)):
        (path_figures / chart.file).write_text(svg(chart.figure))
        index.append({name: value for name, value in vars(chart).items() if name != "figure"})
    (path_figures / "index.json").write_text(json.dumps(index, indent=1) + "\n")
    log.info("drew %d charts", len(index))


if __name__ == "__main__":
    Job(snakemake).run(
        plot_scores,
        paths_tables={name: Path(path) for name, path in snakemake.input.items()},
        path_figures=Path(snakemake.output.figures),
        choices=snakemake.params.choices,
        channels=snakemake.params.channels,
        names=snakemake.params.names,
    )
