"""The report opens from disk alone, and says what it is about."""

import html
import re

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galerne.config.models import Config

from .conftest import CONFIG


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text()


def test_report_needs_no_other_file(page: str) -> None:
    loaded = re.findall(
        r"<(?:img|script|iframe|source|video|embed)\b[^>]*\bsrc=[\"']?(.{5})", page
    )
    loaded += re.findall(r"url\([\"']?(.{5})", page)
    assert [start for start in loaded if start != "data:" and not start.startswith("#")] == []
    assert not re.search(r"<link\b[^>]*\bhref=(?![\"']?data:)", page)
    assert not re.search(r"@import|\bfetch\(|XMLHttpRequest", page)
    assert len(page) < 15e6


def test_report_says_what_was_run_and_what_it_is_not(page: str, config: Config) -> None:
    assert config.report.title in page
    used = {name for run in config.run for name in config.experiments[run].methods}
    words = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL).lower()
    for word in ("simulated", "era5", "climatology", "withheld", "spread", *used):
        assert word in words


def test_summary_is_short_and_says_the_same(folder: Path, page: str) -> None:
    text = (folder / "summary.md").read_text()
    assert len(text.encode()) < 5_000
    verdict = re.search(r'<p class="lead">(.*?)</p>', page, re.DOTALL)[1]
    assert html.unescape(verdict).split(":")[0] in html.unescape(text)
    assert "▼ better" in text
    assert text.count("data-volatile") == 2


def test_report_draws_the_rules_that_ran(page: str) -> None:
    for rule in ("fetch_period", "train_prior", "draw_posterior", "compute_maps", "write_report"):
        assert f">{rule}</text>" in page
    assert ">14 jobs</text>" in page


def test_snakemake_writes_its_own_report(
    folder: Path, snakemake: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "workflow.html"
    done = snakemake("--configfile", CONFIG, "--report", str(path))
    assert done.returncode == 0, done.stderr
    assert path.stat().st_size > 100_000
