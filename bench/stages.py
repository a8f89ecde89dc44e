"""Seconds and peak memory of each stage of a run, from the benchmarks of its jobs."""

__all__ = ["measure_stages"]

import csv
import re

from collections.abc import Iterator
from pathlib import Path

from galerne.stages import STAGES

from .comparison import Comparison, processor

RULES = Path(__file__).resolve().parents[1] / "rules"


def measure_stages(results: Path) -> Iterator[Comparison]:
    """Sums the seconds of the jobs of each stage, and takes the largest memory of a job.

    Arguments:
        results: The folder of the products of a finished run.

    Yields:
        Seconds [s] and peak memory [MB] of each stage that ran, in the order of the stages.

    Raises:
        FileNotFoundError: If the run left no benchmark.
    """
    stages = _stages_of_rules()
    seconds: dict[str, float] = {}
    memory: dict[str, float] = {}
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        parts = (*path.relative_to(results).parent.parts, path.stem)
        stage = next((stages[part] for part in parts if part in stages), None)
        if stage is None:
            continue
        for row in csv.DictReader(path.open(), delimiter="\t"):
            seconds[stage] = seconds.get(stage, 0.0) + float(row["s"])
            memory[stage] = max(memory.get(stage, 0.0), _megabytes(row["max_rss"]))
    if not seconds:
        raise FileNotFoundError(f"{results} holds no benchmark: run the pipeline first")
    for stage in (name for name in STAGES if name in seconds):
        yield Comparison(f"{stage}: all jobs", seconds[stage], None, "s", processor())
        if memory[stage]:  # jobs that end at once have none
            yield Comparison(f"{stage}: largest job", memory[stage], None, "MB", processor())


def _stages_of_rules() -> dict[str, str]:
    return {
        rule: path.stem
        for path in RULES.glob("*.smk")
        for rule in re.findall(r"^(?:rule|checkpoint) (\w+):", path.read_text(), re.MULTILINE)
    }


def _megabytes(text: str) -> float:
    return float(text) if re.fullmatch(r"[\d.]+", text) else 0.0
