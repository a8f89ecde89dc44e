"""Run every comparison, print one line for each, and write them all to bench.json.

Usage: python -m bench [RESULTS]
"""

import json
import sys

from collections.abc import Callable, Iterable
from pathlib import Path

from .campaign import measure_planning
from .comparison import Comparison
from .download import measure_download
from .engine import measure_engine
from .grid import measure_regridding, measure_regridding_memory
from .growth import measure_growth
from .lorenz import measure_lorenz
from .lorenz96 import measure_lorenz96
from .moments import measure_moments
from .scoring import measure_scoring
from .stages import measure_stages
from .submission import measure_submission
from .truth import measure_truth
from .windows import measure_windows

# A comparison is a function of the folder of results; a new one is one more entry here.
COMPARISONS: tuple[Callable[[Path], Iterable[Comparison]], ...] = (
    measure_stages,
    measure_moments,
    measure_planning,
    measure_submission,
    measure_download,
    measure_regridding,
    measure_windows,
    measure_regridding_memory,
    measure_truth,
    measure_lorenz,
    measure_lorenz96,
    measure_engine,
    measure_scoring,
    measure_growth,
)


def compare(results: Path) -> None:
    """Writes ``bench.json`` into the folder of results."""
    rows = []
    for comparisons in COMPARISONS:
        for comparison in comparisons(results):
            print(comparison, flush=True)
            rows.append(comparison.row())
    (results / "bench.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    try:
        compare(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
    except (FileNotFoundError, RuntimeError) as error:
        sys.exit(str(error))
