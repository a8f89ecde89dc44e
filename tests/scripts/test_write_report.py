"""The report of a small run, from its files to one page."""

from pathlib import Path

import pandas as pd
import pytest

from galerne.jobs.usage import Meter
from galerne.products import write_product
from galerne.report.canonical import canonical, digest_products
from galerne.report.rulegraph import note_rules
from tests.report.conftest import (
    CHANNELS,
    CHOICE,
    CONFIG,
    NAMES,
    make_maps,
    make_observations,
)
from tests.report.made import write_tables
from workflow.scripts.plot_scores import plot_scores
from workflow.scripts.write_report import write_report


@pytest.fixture
def write(tmp_path: Path):  # noqa: ANN201
    """Writes the report of a run whose posterior has this error and spread."""
    maps, seen = tmp_path / "maps/manifest.json", tmp_path / "observations.parquet"
    write_product(make_maps(), maps)
    make_observations().to_parquet(seen)
    training = tmp_path / "world/small/training.csv"
    training.parent.mkdir(parents=True)
    training.write_text("step,loss\n0,2.0\n10,1.0\n")
    moments = tmp_path / "world/stats/record/moments.csv"
    moments.parent.mkdir(parents=True)
    moments.write_text(
        "variable,level,mean,std,difference_mean,difference_std\n"
        "geopotential,500,55000.0,900.0,0.1,300.0\n"
    )
    audit = tmp_path / "world/audit/train"
    audit.mkdir(parents=True)
    header = "check,severity,variable,level,first,last,times,latitude,longitude,value,allowed\n"
    row = "preliminary,warning,,,2001-01-01T00:00,2001-01-02T00:00,5,,,,final ERA5\n"
    (audit / "findings.csv").write_text(header + row)
    times = pd.date_range("2001-01-01", periods=9, freq="6h")
    rows = {"place": range(9), "time": times, "variable": "geopotential", "level": 500.0}
    measures = pd.DataFrame(rows | {"mean": 5.5e4, "variance": 1e6})
    measures.to_parquet(audit / "measures.parquet")
    stills = tmp_path / "stills"
    stills.mkdir()
    (stills / "index.json").write_text('[{"file": "a.png", "title": "A", "alt": "a"}]')
    (stills / "a.png").write_bytes(b"png")
    config = CONFIG | {"results": str(tmp_path)}

    def run(name: str, ratio: float, ssr: float) -> str:
        tables = write_tables(tmp_path / "tables", ratio=ratio, ssr=ssr)
        charts = tmp_path / "charts"
        if not charts.exists():  # the page takes them as they are
            plot_scores(tables, charts, choices=[CHOICE], channels=CHANNELS, names=NAMES)
        write_report(
            tables, [maps], [seen], [training], [moments], [stills],
            [audit / "findings.csv"], tmp_path / "charts",
            tmp_path / name, tmp_path / "summary.md",
            config=config, default=CONFIG | {"seed": 0}, choices=[CHOICE],
            mapped=[CHOICE | {"window": "20040114T00_12h"}], names=NAMES,
        )  # fmt: skip
        return (tmp_path / name).read_text()

    return run


def test_report_is_the_same_for_the_same_files(write) -> None:
    one, two = write("one.html", 0.4, 1.0), write("two.html", 0.4, 1.0)
    assert canonical(one) == canonical(two)
    assert len(canonical(one)) < len(one)


def test_costs_are_shown_and_change_no_product(write, tmp_path: Path) -> None:
    write("report.html", 0.4, 1.0)
    before = digest_products(tmp_path)
    meter = Meter(tmp_path / "usage/world/train_prior.jsonl", "train_prior", 1)
    meter.start()
    meter.stop("done")
    page = write("report.html", 0.4, 1.0)
    assert '<th scope="row">train_prior</th><td class="n">1</td>' in page
    assert digest_products(tmp_path) == before
    write("report.html", 0.41, 1.0)
    assert digest_products(tmp_path)["report.html"] != before["report.html"]


def test_report_follows_the_scores(write) -> None:
    good, bad = write("good.html", 0.3, 1.0), write("bad.html", 1.3, 0.5)
    assert "far closer" in good
    assert "well calibrated" in good
    assert "no better than climatology" in bad
    assert "under-dispersed" in bad


def test_report_shows_what_was_run(write) -> None:
    page = write("report.html", 0.4, 1.0)
    assert "Training of world / small" in page
    assert "<code>seed</code></th><td><code>0</code></td><td><code>3</code>" in page
    assert 'id="explorer-data"' in page
    assert "Audit of world: 1 findings in 1 periods" in page
    assert "Global mean of world, its spread" in page
    assert "write_report" in page


def test_report_says_which_windows_nobody_observed(write, tmp_path: Path) -> None:
    assert "drawn from the prior alone" not in write("report.html", 0.4, 1.0)
    folder = tmp_path / "/".join(["world", *list(CHOICE.values())[1:]]) / "w/members_0"
    product = make_maps().assign_attrs(unobserved="2001-01-01T06:00")
    write_product(product, folder / "manifest.json")
    page = write("report.html", 0.4, 1.0)
    assert "No observation up to 2001-01-01T06:00 could be used" in page


def test_a_summary_stands_beside_the_report(write, tmp_path: Path) -> None:
    one = (write("report.html", 0.4, 1.0), (tmp_path / "summary.md").read_text())[1]
    assert one.startswith("# A &lt;b&gt;world&lt;/b&gt;")
    assert "far closer" not in one
    assert "1.50 (1.20–1.90) ▲ worse, OI" in one
    assert "`seed`: `0` → `3`" in one
    before = digest_products(tmp_path)["summary.md"]
    write("report.html", 0.3, 1.0)
    assert "far closer" in (tmp_path / "summary.md").read_text()
    assert digest_products(tmp_path)["summary.md"] != before


def test_the_page_draws_the_rules_that_the_controller_noted(write, tmp_path: Path) -> None:
    assert "The rules of this run" not in write("report.html", 0.4, 1.0)
    note_rules([("train_prior", "prior", [])], tmp_path)
    page = write("report.html", 0.4, 1.0)
    assert ">train_prior</text>" in page
    assert "T2M on" in page or "Z500 on" in page
