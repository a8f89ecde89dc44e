"""Pages take what was measured between their marks, and only there."""

from pathlib import Path

import pytest

from bench.page import put

MARKS = ("<!-- begin -->", "<!-- end -->")


def test_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin -->\nold\n<!-- end -->\nafter <!-- end -->\n")
    put(page, MARKS, [r"| \1 | new |"])
    put(page, MARKS, [r"| \1 | new |"])
    expected = "before\n<!-- begin -->\n\n| \\1 | new |\n\n<!-- end -->\nafter <!-- end -->\n"
    assert page.read_text() == expected


def test_a_page_without_marks_is_refused_and_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="has no marks"):
        put(page, MARKS, ["row"])
    assert page.read_text() == "no marks"
