"""What the audit says of the data: its findings, and the global mean and spread over time.

Depends on: matplotlib, pandas.
"""

__all__ = ["audit_figures", "findings_tables"]

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from matplotlib.figure import Figure as Drawing

from .page import Figure
from .style import INK, display_unit, label_channel, styled, svg
from .tables import Table

MOST = 200  # findings set in a table
COLOURS = {"error": "#d55e00", "warning": "#d58a00"}


def _by_dataset(paths: Sequence[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(path.parents[2].name, []).append(path)
    return found


def findings_tables(paths: Sequence[Path]) -> list[Table]:
    """Tabulates the findings of each dataset, errors first.

    Arguments:
        paths: The findings, each at ``{dataset}/audit/{period}/findings.csv``.
    """
    tables = []
    for dataset, ours in _by_dataset(paths).items():
        rows = []
        for path in ours:
            for found in pd.read_csv(path).fillna("").itertuples():
                level = f" {found.level:g} hPa" if found.level != "" else ""
                where = (
                    f"{found.latitude:g} N {found.longitude:g} E" if found.latitude != "" else ""
                )
                value = f"{found.value:.5g}" if found.value != "" else ""
                rows.append([
                    found.severity, found.check, path.parent.name, f"{found.variable}{level}",
                    found.first, found.last, str(found.times), where, value, found.allowed,
                ])  # fmt: skip
        rows.sort(key=lambda row: row[0] != "error")
        caption = f"Audit of {dataset}: {len(rows) or 'no'} findings in {len(ours)} periods"
        if len(rows) > MOST:
            caption += f", of which the first {MOST}"
        header = [
            "Severity", "Check", "Period", "Field", "From", "To", "Times", "Where", "Value",
            "Allowed",
        ]  # fmt: skip
        tables.append(Table(caption, [], header, rows[:MOST], text_columns=len(header)))
    return tables


def audit_figures(
    paths_measures: Sequence[Path], paths_findings: Sequence[Path], channels: Sequence[str]
) -> list[Figure]:
    """Draws the global mean and standard deviation over time, findings marked.

    Arguments:
        paths_measures: The measures, each at ``{dataset}/audit/{period}/measures.parquet``.
        paths_findings: The findings, as many.
        channels: Channels to draw, by name; a dataset without any of them has no figure.
    """
    figures, findings = [], _by_dataset(paths_findings)
    columns = ["place", "time", "variable", "level", "mean", "variance"]
    for dataset, ours in _by_dataset(paths_measures).items():
        tables = [pd.read_parquet(path, columns=columns) for path in ours]
        series = {name: [_series(table, name) for table in tables] for name in channels}
        series = {name: parts for name, parts in series.items() if any(map(len, parts))}
        if not series:
            continue
        marks = pd.concat([pd.read_csv(path) for path in findings[dataset]], ignore_index=True)
        title = f"Global mean of {dataset}, its spread, and what the audit found"
        said = f"{len(marks)} findings in {len(ours)} periods."
        drawing = _draw(series, marks[marks["first"].notna()])
        figures.append(Figure(title, f"{title}. {said}", svg=svg(drawing)))
    return figures


def _series(table: pd.DataFrame, channel: str) -> pd.DataFrame:
    names = table["variable"] + table["level"].map(
        lambda level: "" if pd.isna(level) else f"_{level:g}"
    )
    return table[(names == channel) & (table["place"] >= 0)]


def _draw(series: dict[str, list[pd.DataFrame]], marks: pd.DataFrame) -> Drawing:
    with styled():
        figure = Drawing(figsize=(5.8, 1.3 * len(series) + 0.5), layout="constrained")
        axes = figure.subplots(len(series), 1, squeeze=False, sharex=True)[:, 0]
        for ax, (channel, parts) in zip(axes, series.items(), strict=True):
            factor, unit = display_unit(parts[0]["variable"].iloc[0])
            for part in parts:
                mean, spread = factor * part["mean"], factor * np.sqrt(part["variance"])
                ax.plot(part["time"], mean, color=INK, linewidth=0.8)
                ax.fill_between(
                    part["time"], mean - spread, mean + spread, color=INK, alpha=0.12, linewidth=0
                )
            for mark in marks.itertuples():
                own = pd.isna(mark.variable) or channel.startswith(str(mark.variable))
                if own:
                    ends = (pd.Timestamp(mark.first), pd.Timestamp(mark.last))
                    colour = COLOURS[mark.severity]
                    ax.axvspan(*ends, color=colour, alpha=0.25, linewidth=0.8)
            ax.set_title(label_channel(channel), fontsize=9)
            ax.set_ylabel(unit, fontsize=8)
            ax.grid(True)
        axes[-1].tick_params(axis="x", labelsize=7.5)
    return figure
