"""Plot the maps of one choice as still pictures, for readers without scripts."""

import json
import logging

from pathlib import Path

from galerne.jobs.job import Job
from galerne.observe.table import read_observations
from galerne.products import open_product
from galerne.report.figures import plot_members, plot_overview
from galerne.report.style import png

log = logging.getLogger(__name__)


def plot_maps(
    paths_maps: list[Path],
    paths_observations: list[Path],
    path_figures: Path,
    *,
    windows: list[str],
    task: str,
    step_hours: int,
) -> None:
    """Draw one time of each window: the middle of a window, or its last lead."""
    path_figures.mkdir(parents=True, exist_ok=True)
    index = []
    for window, path, seen in zip(windows, paths_maps, paths_observations, strict=True):
        maps = open_product(path).load()
        frames = maps.sizes["frame"]
        frame = frames - 1 if float(maps["lead_hours"].max()) > 0 else frames // 2
        observations = read_observations(seen)
        overview = plot_overview(maps, observations, frame, step_hours=step_hours)
        (path_figures / f"{window}_overview.png").write_bytes(png(overview))
        (path_figures / f"{window}_members.png").write_bytes(png(plot_members(maps, frame)))
        about = f"{task}, window {window}"
        index += [
            {
                "file": f"{window}_overview.png",
                "title": f"Truth, observations, posterior mean, spread and error: {about}",
                "alt": f"One row of maps per variable at one time; {about}.",
            },
            {
                "file": f"{window}_members.png",
                "title": f"Members side by side: {about}",
                "alt": f"Truth, members of the posterior and a draw of the prior; {about}.",
            },
        ]
        log.info("drew %s", window)
    (path_figures / "index.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    Job(snakemake).run(
        plot_maps,
        paths_maps=[Path(path) for path in snakemake.input.maps],
        paths_observations=[Path(path) for path in snakemake.input.observations],
        path_figures=Path(snakemake.output.figures),
        windows=snakemake.params.windows,
        task=snakemake.wildcards.task,
        step_hours=snakemake.params.step_hours,
    )
