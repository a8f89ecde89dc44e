"""The rules of a run as a picture: one row for each stage, an arrow for each input.

What is drawn is the plan of the run that the page belongs to, which its controller notes before
the first job starts (:func:`note_rules`). Arrows that follow from others are left out.

Depends on: the stages, and the ink of this room.
"""

__all__ = ["FILE", "draw_rules", "note_rules", "read_rules"]

import json

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from ..products import replacing
from ..stages import STAGES
from .style import INK

FILE = ("usage", "rules.json")  # below the folder of all products
WIDE, HIGH, ACROSS, DOWN, LEFT = 134, 32, 146, 62, 78  # of a box and of the steps between [px]
Plan = Mapping[str, Mapping]


def note_rules(jobs: Iterable[tuple[str, str, Iterable[str]]], root: Path) -> None:
    """Writes down the rules of a plan.

    Arguments:
        jobs: Of each job its rule, the stage that its rule is of, and the rules of the jobs that
            it waits for.
        root: The folder of all products.
    """
    rules: dict[str, dict] = {}
    for rule, stage, needed in jobs:
        if stage not in STAGES:
            continue
        about = rules.setdefault(rule, {"stage": stage, "jobs": 0, "after": set()})
        about["jobs"] += 1
        about["after"] |= set(needed)
    plan = {
        rule: about | {"after": sorted(about["after"] & set(rules) - {rule})}
        for rule, about in sorted(rules.items())
    }
    path = root.joinpath(*FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as half:
        half.write_text(json.dumps(plan, indent=1) + "\n")


def read_rules(root: Path) -> Plan:
    """Reads what :func:`note_rules` wrote; nothing where no controller wrote any."""
    path = root.joinpath(*FILE)
    return json.loads(path.read_text()) if path.is_file() else {}


def draw_rules(plan: Plan) -> str:
    """Draws a plan as the text of an SVG file; nothing if there is none.

    Arguments:
        plan: The stage of each rule, the number of its jobs, and the rules it comes ``after``.
    """
    if not plan:
        return ""
    rows = [[r for r in _ordered(plan) if plan[r]["stage"] == stage] for stage in STAGES]
    rows = [row for row in rows if row]
    place = {
        rule: (LEFT + x * ACROSS, 6 + y * DOWN)
        for y, row in enumerate(rows)
        for x, rule in enumerate(row)
    }
    width = LEFT + max((len(row) for row in rows), default=1) * ACROSS
    height = 6 + (len(rows) - 1) * DOWN + HIGH + 18
    arrows = [
        _arrow(place[before], place[rule]) for rule in place for before in _reduced(plan, rule)
    ]
    boxes = [_box(rule, plan[rule]["jobs"], *place[rule]) for rule in place]
    stages = [
        f'<text x="0" y="{place[row[0]][1] + 20}" font-weight="bold" fill="{INK}">'
        f"{plan[row[0]]['stage']}</text>"
        for row in rows
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="DejaVu Sans, sans-serif" font-size="11">'
        f"{''.join([*arrows, *boxes, *stages])}</svg>"
    )


def _ordered(plan: Plan) -> list[str]:
    """Rules after all that they come after, by name where that leaves a choice."""
    found: list[str] = []
    while left := [rule for rule in sorted(plan) if rule not in found]:
        ready = [rule for rule in left if set(plan[rule]["after"]) <= set(found)]
        found.append((ready or left)[0])
    return found


def _before(plan: Plan, rule: str, known: dict[str, set[str]]) -> set[str]:
    """Everything that a rule comes after, directly or not."""
    if rule not in known:
        known[rule] = set()
        for one in plan[rule]["after"]:
            known[rule] |= {one} | _before(plan, one, known)
    return known[rule]


def _reduced(plan: Plan, rule: str) -> Sequence[str]:
    """What a rule comes after, without what follows from the others."""
    known: dict[str, set[str]] = {}
    after = plan[rule]["after"]
    return [one for one in after if not any(one in _before(plan, o, known) for o in after)]


def _box(rule: str, jobs: int, x: int, y: int) -> str:
    middle = x + WIDE // 2
    return (
        f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="4" '
        f'fill="var(--card, #fff)" stroke="{INK}"/>'
        f'<text x="{middle}" y="{y + 14}" text-anchor="middle" fill="{INK}">{escape(rule)}</text>'
        f'<text x="{middle}" y="{y + 27}" text-anchor="middle" font-size="9.5" fill="{INK}">'
        f"{jobs:,} job{'s' * (jobs != 1)}</text>"
    )


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """A curve from the foot of a box to the head of another, or between neighbours of a row."""
    style = f'fill="none" stroke="{INK}" stroke-opacity=".45"'
    (x, y), (u, v) = start, end
    if y == v:  # neighbours are joined straight, others below the row
        far = abs(u - x) > ACROSS
        dip = y + HIGH + 14 if far else y + HIGH // 2
        a, b = (x + WIDE // 2, u + WIDE // 2) if far else (x + WIDE, u)
        level = y + HIGH if far else dip
        return f'<path d="M{a} {level}C{a} {dip} {b} {dip} {b} {level}" {style}/>'
    a, b, half = x + WIDE // 2, u + WIDE // 2, (v - y - HIGH) // 2
    return f'<path d="M{a} {y + HIGH}C{a} {y + HIGH + half} {b} {v - half} {b} {v}" {style}/>'
