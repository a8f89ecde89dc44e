"""A run in a few lines of Markdown, to be pasted into a pull request.

Its sentences are those of the page; numbers are ratios of ``comparisons.csv`` with intervals.
The text is short whatever was run: what would make it longer than :data:`LONGEST` is counted
instead of listed. Equal runs give equal text, but for what stands in elements with the attribute
``data-volatile`` (:mod:`.canonical`).

Depends on: pandas, and the tables and legend of this room.
"""

__all__ = ["LONGEST", "summarize", "write_summary"]

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..products import replacing
from .legend import Legend, words
from .page import Page
from .tables import number

LONGEST = 5_000  # bytes
MARKS = {"better": "▼ better", "worse": "▲ worse", "no evidence": "no evidence"}
SCORES = (("crps", "grid"), ("rmse", "grid"), ("crps", "withheld"))
WHERE = {"grid": "on the grid", "withheld": "at withheld sites"}
MOST = 12  # lines of a list
NONE = "–"  # a key that is not there
WIDE = 60  # characters of a value
Choice = Mapping[str, str]


def summarize(
    page: Page, comparisons: pd.DataFrame, choices: Sequence[Choice], legend: Legend
) -> str:
    """Writes the summary of a run.

    Arguments:
        page: The page of the run.
        comparisons: Comparisons of methods over the globe.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        legend: Names of the methods.
    """
    spoken = [c for c in choices if not legend.classical(c["method"])] or list(choices)
    head = spoken[0]
    for most in range(MOST, -1, -1):
        parts = [
            f"# {_escaped(page.title)}",
            " ".join(map(_escaped, page.verdict)),
            *_numbers(comparisons, spoken, head, legend),
            *_scorecard(comparisons, spoken, head, legend),
            *_lines(comparisons, spoken, legend, most),
            "**What this does not show**",
            "\n".join(f"- {_escaped(sentence)}" for sentence in page.limits),
            "**What was run**",
            "\n".join(_what_was_run(page, most)),
        ]
        text = "\n\n".join(part for part in parts if part) + "\n"
        if len(text.encode()) < LONGEST:
            break
    return text


def _of(rows: pd.DataFrame, choice: Choice, **values: object) -> pd.DataFrame:
    for name, value in {**choice, **values}.items():
        rows = rows[rows[name] == value]
    return rows


def _whole(rows: pd.DataFrame) -> pd.DataFrame:
    """Over all variables and leads."""
    return rows[(rows["variable"] == "all") & rows["lead_hours"].isna()]


def _tasks(choices: Sequence[Choice], head: Choice) -> tuple[dict[str, str], list[str]]:
    """All names of a choice but the task, and the tasks that are done with them."""
    rest = {key: value for key, value in head.items() if key != "task"}
    return rest, [c["task"] for c in choices if rest.items() <= c.items()]


def _numbers(
    comparisons: pd.DataFrame, choices: Sequence[Choice], head: Choice, legend: Legend
) -> list[str]:
    """The first method by the best classical baseline: a row for each score, a column a task."""
    rest, tasks = _tasks(choices, head)
    best = _whole(_of(comparisons, rest, best_baseline=True))
    if best.empty:
        return []
    rows = []
    for metric, space in SCORES:
        cells = [_of(best, {"task": t, "metric": metric, "space": space}) for t in tasks]
        said = [
            f"{_ratio(one.iloc[0])}, {legend.short(str(one['reference'].iloc[0]))}"
            if len(one) else "–"
            for one in cells
        ]  # fmt: skip
        rows.append([f"{metric.upper()} {WHERE[space]}", *said])
    about = (
        f"{legend.label(head['method'])} ÷ the best classical baseline on the same observations"
    )
    return [f"{about}, all variables, 95 % interval:", _table(["", *map(words, tasks)], rows)]


def _scorecard(
    comparisons: pd.DataFrame, choices: Sequence[Choice], head: Choice, legend: Legend
) -> list[str]:
    """The first method by each reference: one column a task, counts over variables and leads."""
    rest, tasks = _tasks(choices, head)
    found = _of(comparisons, rest, metric="crps", space="grid")
    known = set(found["reference"])
    references = [name for name in legend.order(known) if name in known]
    if not references:
        return []
    rows = [
        [
            legend.label(name),
            *(_cell(_of(found, {"task": task}, reference=name)) for task in tasks),
        ]
        for name in references
    ]
    return [
        f"CRPS of {legend.label(head['method'])} ÷ that of others on the grid; in brackets, at "
        "how many variables and leads it is better, worse, and without evidence of either:",
        _table(["÷", *map(words, tasks)], rows),
    ]


def _cell(rows: pd.DataFrame) -> str:
    whole = _whole(rows)
    if whole.empty:
        return "–"
    each = rows[(rows["variable"] != "all") & rows["lead_hours"].notna()]["verdict"]
    counts = "/".join(str(int((each == mark).sum())) for mark in MARKS)
    return f"{_ratio(whole.iloc[0])} [{counts}]"


def _ratio(row: pd.Series) -> str:
    ends = f"{number(float(row['lower']))}–{number(float(row['upper']))}"
    return f"{number(float(row['ratio']))} ({ends}) {MARKS[str(row['verdict'])]}"


def _lines(
    comparisons: pd.DataFrame, choices: Sequence[Choice], legend: Legend, most: int
) -> list[str]:
    """One line for each choice beside the best classical baseline, if there are several runs."""
    if len({(c["network"], c["method"], c["prior"], c["autoencoder"]) for c in choices}) < 2:
        return []
    rows = []
    for choice in choices:
        best = _whole(_of(comparisons, choice, best_baseline=True, space="grid"))
        scores = [_of(best, {"metric": metric}) for metric in ("crps", "rmse")]
        name = legend.label(str(best["reference"].iloc[0])) if len(best) else "–"
        cells = [_ratio(one.iloc[0]) if len(one) else "–" for one in scores]
        named = [legend.network(choice["network"]), words(choice["task"])]
        rows.append([*named, legend.label(choice["method"]), name, *cells])
    header = ["Network", "Task", "Method", "Best baseline", "CRPS ÷ its", "RMSE ÷ its"]
    more = [f"… and {len(rows) - most} more lines in the report."] if len(rows) > most else []
    return ["**Each experiment**", _table(header, rows[:most]) if most else "", *more]


def _what_was_run(page: Page, most: int) -> list[str]:
    changed = [row for row in page.differences if row[1] != NONE]
    named = dict.fromkeys(_block(k) for k, default, _ in page.differences if default == NONE)
    lines = [f"- `{key}`: {_short(old)} → {_short(new)}" for key, old, new in changed]
    lines += [f"- `{name}`: not in the default configuration" for name in named]
    some = lines[:most]
    if len(lines) > most:
        some.append(f"- … and {len(lines) - most} more differences from the default configuration")
    if not lines:
        some.append("- the default configuration")
    return [
        *some,
        f"- seed {page.seed}",
        f"- commit <span data-volatile>{_escaped(dict(page.record).get('commit', ''))}</span>, "
        f"products in <span data-volatile>{_escaped(str(page.config['results']))}</span>",
    ]


def _block(key: str) -> str:
    """A named block of the configuration, by the path of one of its keys."""
    return ".".join(key.split(".")[:2])


def _short(value: str) -> str:
    text = value if len(value) <= WIDE else value[: WIDE - 1] + "…"
    return f"`{text.replace('`', ' ')}`"


def _escaped(text: str) -> str:
    for sign in "&<>":
        text = text.replace(sign, {"&": "&amp;", "<": "&lt;", ">": "&gt;"}[sign])
    return text.replace("|", "\\|").replace("\n", " ")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [
        header,
        ["---"] * len(header),
        *([cell.replace("|", "\\|") for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_summary(
    page: Page, comparisons: pd.DataFrame, choices: Sequence[Choice], legend: Legend, path: Path
) -> None:
    """Writes the summary (:func:`summarize`) as a file, whole or not at all."""
    with replacing(path) as half:
        half.write_text(summarize(page, comparisons, choices, legend), encoding="utf-8")
