"""Puts what was measured into a page, between two marks."""

__all__ = ["put"]

import re

from collections.abc import Sequence
from pathlib import Path


def put(page: Path, marks: tuple[str, str], lines: Sequence[str]) -> None:
    """Replaces what stands between the marks of a page.

    Arguments:
        page: The page.
        marks: What stands before and after.
        lines: What is put between.

    Raises:
        ValueError: If the page has no such marks.
    """
    text, between = page.read_text(), "\n".join(["", *lines, ""])
    pattern = re.compile(f"({re.escape(marks[0])}).*?({re.escape(marks[1])})", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{page} has no marks {marks[0]} and {marks[1]}")
    page.write_text(pattern.sub(lambda m: f"{m[1]}\n{between}\n{m[2]}", text))
