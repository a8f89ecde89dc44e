"""Timings do not tell two runs apart; anything else does."""

import json
import re
import shutil

from pathlib import Path

import pytest

from galerne.report.canonical import canonical, differing, digest_products, main

PAGE = '<p>{}</p>\n<section id="r" data-volatile>\n<section>{}</section></section>\n<p>end</p>'


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The products of a small run, and what lies beside them."""
    root = tmp_path / "one"
    files = {
        "scores.csv": "rmse,3.62",
        "report.html": PAGE.format("RMSE 3.62", "took 4 s"),
        "world/grid/test/manifest.json": "{}",
        "world/grid/test/data.zarr/zarr.json": "{}",
        "world/grid/test/data.zarr/t/c/0": "chunk",
        "world/usage/model.safetensors": "weights",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def twin(run: Path) -> Path:
    """The same run elsewhere."""
    return shutil.copytree(run, run.with_name("two"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_marked_elements_are_emptied_to_their_own_end() -> None:
    one, two = (PAGE.format("a", cost) for cost in ("<b>1 s</b>", "2 s</section><section>"))
    assert canonical(one) == canonical(two)
    assert canonical(one) == '<p>a</p>\n<section id="r" data-volatile></section>\n<p>end</p>'


def test_marks_may_follow_each_other_and_have_values() -> None:
    page = '<td data-volatile>1</td><td>2</td><td title="t" data-volatile="">3</td>'
    assert re.findall(r"\d", canonical(page)) == ["2"]


def test_words_and_other_attributes_are_no_mark() -> None:
    page = '<p class="a">data-volatile</p><p xdata-volatile>1</p><p data-volatile-not>2</p>'
    assert canonical(page) == page


def test_an_element_that_is_never_closed_is_named() -> None:
    with pytest.raises(ValueError, match=re.escape('<p id="x" data-volatile>')):
        canonical('<p>a</p><p id="x" data-volatile><p>b</p>')


def test_products_are_listed_and_stores_counted_once(run: Path) -> None:
    assert list(digest_products(run)) == [
        "report.html",
        "scores.csv",
        "world/grid/test/data.zarr",
        "world/grid/test/manifest.json",
        "world/usage/model.safetensors",
    ]


def test_runs_that_share_all_but_timings_are_the_same(run: Path, twin: Path) -> None:
    change(twin / "report.html", "took 4 s", "took 400 s on another host")
    for aside in ("logs", "benchmarks", "usage", "locks", "receipts", "checkpoints"):
        (twin / aside / "world").mkdir(parents=True)
        (twin / aside / "world/x.json").write_text(json.dumps(aside))
    for name in (".report.html.part", "x.lock.holder", "world/.snakemake_timestamp"):
        (twin / name).write_text("passing")
    (twin / "world/grid/test/data.zarr.part").mkdir()
    (twin / "world/grid/test/data.zarr.part/0").write_text("half")
    assert differing(run, twin) == []
    assert digest_products(run) == digest_products(twin)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("scores.csv", "3.62", "3.63"),
        ("report.html", "RMSE 3.62", "RMSE 3.63"),
        ("world/grid/test/data.zarr/t/c/0", "chunk", "chunc"),
        ("world/usage/model.safetensors", "weights", "Weights"),
    ],
)
def test_a_change_of_a_product_shows(run: Path, twin: Path, name: str, old: str, new: str) -> None:
    change(twin / name, old, new)
    assert differing(run, twin) == [re.sub(r"(\.zarr)/.*", r"\1", name)]


def test_a_lost_chunk_and_a_moved_chunk_show(run: Path, twin: Path) -> None:
    chunk = twin / "world/grid/test/data.zarr/t/c/0"
    chunk.rename(chunk.with_name("1"))
    assert differing(run, twin) == ["world/grid/test/data.zarr"]
    chunk.with_name("1").unlink()
    assert differing(run, twin) == ["world/grid/test/data.zarr"]


def test_the_tool_prints_digests_and_differences(
    run: Path, twin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(run)]) == 0
    printed = dict(line.split(" ")[::-1] for line in capsys.readouterr().out.splitlines())
    assert printed == digest_products(run)
    assert main([str(run), str(twin)]) == 0
    assert capsys.readouterr().out == ""
    (twin / "scores.csv").unlink()
    assert main([str(run), str(twin)]) == 1
    assert capsys.readouterr().out == "scores.csv\n"
    assert main([str(twin), str(run)]) == 1
    assert capsys.readouterr().out == "scores.csv\n"


def test_a_folder_that_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "none")])
    assert f"{tmp_path / 'none'} is no folder of products" in capsys.readouterr().err
