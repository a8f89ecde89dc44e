"""The workflow as its users meet it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ("sed: 1", "sed: unknown key"),
        ("evaluation: {cprs: fair}", "evaluation.cprs: unknown key"),
        (
            "networks: {sparse: {instruments: {stations: {sites: {cuont: 3}}}}}",
            "networks.sparse.instruments.stations.stations.sites.cuont: unknown key",
        ),
        ("run: [nothing]", "run: no 'nothing' under experiments; defined: demo"),
    ],
    ids=["top", "nested", "deep", "reference"],
)
def test_a_faulty_configuration_is_refused_by_the_path_of_its_key(
    overlay: str, message: str, snakemake: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(overlay)
    done = snakemake("--dry-run", "--configfile", str(path))
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
