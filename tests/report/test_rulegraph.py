"""The rules of a plan are drawn once each, by stage, with the arrows that say something new."""

import re

from pathlib import Path
from xml.etree import ElementTree

from galerne.report.rulegraph import draw_rules, note_rules, read_rules

JOBS = [
    ("all", "Snakefile", ["write_report"]),
    ("write_report", "report", ["pool_scores", "fetch_period"]),
    ("pool_scores", "evaluate", ["score_members"]),
    ("score_members", "evaluate", ["fetch_period"]),
    ("score_members", "evaluate", ["fetch_period", "score_members"]),
    ("fetch_period", "source", []),
]


def test_a_plan_is_noted_by_rule(tmp_path: Path) -> None:
    assert read_rules(tmp_path) == {}
    note_rules(JOBS, tmp_path)
    plan = read_rules(tmp_path)
    assert list(plan) == sorted(plan)
    assert plan["score_members"] == {"stage": "evaluate", "jobs": 2, "after": ["fetch_period"]}
    assert "all" not in plan
    before = tmp_path.joinpath("usage", "rules.json").read_bytes()
    note_rules(reversed(JOBS), tmp_path)
    assert tmp_path.joinpath("usage", "rules.json").read_bytes() == before


def drawn(tmp_path: Path) -> ElementTree.Element:
    note_rules(JOBS, tmp_path)
    return ElementTree.fromstring(draw_rules(read_rules(tmp_path)))


def test_each_rule_has_a_box_with_its_jobs_in_the_row_of_its_stage(tmp_path: Path) -> None:
    svg = drawn(tmp_path)
    names = "{http://www.w3.org/2000/svg}"
    texts = [node.text for node in svg.iter(f"{names}text")]
    assert texts.count("2 jobs") == 1
    assert texts.count("1 job") == 3
    boxes = [node.attrib for node in svg.iter(f"{names}rect")]
    assert len(boxes) == 4
    assert sorted(texts[-3:]) == ["evaluate", "report", "source"]
    assert len({box["y"] for box in boxes}) == 3
    assert len({(box["x"], box["y"]) for box in boxes}) == 4
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    for box in boxes:
        assert float(box["x"]) + float(box["width"]) <= width
        assert float(box["y"]) + float(box["height"]) <= height


def test_arrows_that_follow_from_others_are_left_out(tmp_path: Path) -> None:
    svg = drawn(tmp_path)
    arrows = [n.attrib["d"] for n in svg.iter("{http://www.w3.org/2000/svg}path")]
    # fetch to score, score to pool, pool to report; fetch to report follows from them.
    assert len(arrows) == 3
    assert all(re.match(r"M[\d.]+ [\d.]+C", arrow) for arrow in arrows)


def test_no_plan_is_no_picture() -> None:
    assert draw_rules({}) == ""
