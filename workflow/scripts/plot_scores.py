"""Plot the scores of every choice and task as charts."""

import json
import logging

from pathlib import Path

from galerne.jobs.job import Job
from galerne.report.legend import Legend
from galerne.report.panels import score_charts
from galerne.report.scorecard import read_comparisons
from galerne.report.style import svg
from galerne.report.tables import read_scores

log = logging.getLogger(__name__)


def plot_scores(
    path_scores: Path,
    path_comparisons: Path,
    path_figures: Path,
    *,
    choices: list[dict[str, str]],
    channels: list[str],
    names: dict[str, dict],
) -> None:
    """Draw comparisons, and error, spread and CRPS by channel, and by lead where there are any."""
    path_figures.mkdir(parents=True, exist_ok=True)
    index = []
    tables = read_scores(path_scores), read_comparisons(path_comparisons)
    for chart in score_charts(*tables, choices, channels, Legend(**names)):
        (path_figures / chart.file).write_text(svg(chart.figure))
        index.append(
            {"file": chart.file, "tab": chart.tab, "title": chart.title, "alt": chart.alt}
        )
    (path_figures / "index.json").write_text(json.dumps(index, indent=1) + "\n")
    log.info("drew %d charts", len(index))


if __name__ == "__main__":
    Job(snakemake).run(
        plot_scores,
        path_scores=Path(snakemake.input.scores),
        path_comparisons=Path(snakemake.input.comparisons),
        path_figures=Path(snakemake.output.figures),
        choices=snakemake.params.choices,
        channels=snakemake.params.channels,
        names=snakemake.params.names,
    )
