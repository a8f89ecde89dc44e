"""Plot the scores of every choice and task as charts."""

import json
import logging

from pathlib import Path

from galerne.jobs.job import Job
from galerne.report.panels import score_charts
from galerne.report.style import svg
from galerne.report.tables import read_scores

log = logging.getLogger(__name__)


def plot_scores(
    path_scores: Path, path_figures: Path, *, choices: list[dict[str, str]], channels: list[str]
) -> None:
    """Draw error, spread and CRPS by channel, and by lead where there are leads."""
    path_figures.mkdir(parents=True, exist_ok=True)
    index = []
    for chart in score_charts(read_scores(path_scores), choices, channels):
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
        path_figures=Path(snakemake.output.figures),
        choices=snakemake.params.choices,
        channels=snakemake.params.channels,
    )
