"""Paths stay inside their roots, names are names, and what is refused is not repeated."""

import re

from pathlib import Path
from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from galerne.config.choices import BASELINES
from galerne.config.paths import (
    RESERVED,
    DataRoot,
    InputPath,
    Line,
    Name,
    ResultsFolder,
    SourcePath,
)

RULES = Path(__file__).parents[2] / "rules"
CONTROL = ("", " ", "a\nb", "a\tb", "a\0b", "a\x1b[2J", "\u2028")


def accepted(kind: Any, text: str) -> bool:
    """Whether a text is taken as it is; a refusal is one error that does not repeat the text."""
    try:
        return TypeAdapter(kind).validate_python(text) == text
    except ValidationError as error:
        (fault,) = error.errors()
        assert fault["type"] in ("value_error", "string_pattern_mismatch", "string_too_long")
        assert len(text) < 6 or text in RESERVED or text not in fault["msg"]
        return False


@pytest.mark.parametrize("text", ["results", "out/era5-1.5", "/scratch/me/run_2", "Ausgabe/é"])
def test_a_folder_of_results_lies_below_or_elsewhere(text: str) -> None:
    assert accepted(ResultsFolder, text)


@pytest.mark.parametrize(
    "text",
    [
        *("..", "../x", "a/../../x", "/a/../b", ".", "./a", "a/./b", "a/", "/", "a//b", "//a"),
        *("-rf", "a/-b", ".git", "a b", "a'b", 'a"b', "$(id)", "`id`", "a;b", "a|b", "a&b"),
        *("{dataset}", "~", "*", "https://me:secret@host/x", "a\\b", *CONTROL),
    ],
)
def test_a_folder_of_results_that_climbs_or_needs_quoting_is_refused(text: str) -> None:
    assert not accepted(ResultsFolder, text)


@given(st.text())
def test_no_text_makes_a_folder_of_results_that_a_shell_would_read(text: str) -> None:
    if accepted(ResultsFolder, text):
        assert not re.search(r"[^\w./-]", text)
        assert not text.startswith("-")
        assert ".." not in text.split("/")


@pytest.mark.parametrize(
    "text", ["era5/x.zarr", "/archive/ERA 5", "a_b-c+d=e,f@g:h%20.nc", "Météo/é.csv", "..a/b.."]
)
def test_an_input_may_have_an_ordinary_name(text: str) -> None:
    assert accepted(InputPath, text)
    assert accepted(SourcePath, text)
    assert accepted(DataRoot, text)


@pytest.mark.parametrize(
    "text",
    [
        *("it's.nc", 'a"b', "$(id)", "$HOME", "`id`", "a;b", "a|b", "a&b", "a>b", "a\\b", "a*"),
        *("(a)", "a!b", "a#b", "~/a", "-rf", "{dataset}.nc", "a}", "{{a}}"),
    ],
)
def test_a_path_that_a_shell_or_snakemake_would_read_is_refused(text: str) -> None:
    for kind in (InputPath, SourcePath, DataRoot):
        assert not accepted(kind, text)


@given(st.text())
def test_no_path_breaks_out_of_quotes(text: str) -> None:
    if accepted(SourcePath, text):
        assert not set(text) & set("$`\\'\"\n\r\0")
        assert not text.startswith("-")


@pytest.mark.parametrize("text", ["..", "../x", "a/../../b", "/a/../b", "a/.."])
def test_an_input_does_not_climb_out_of_its_root(text: str) -> None:
    assert not accepted(InputPath, text)
    assert not accepted(SourcePath, text)
    assert accepted(DataRoot, text)


@pytest.mark.parametrize("text", CONTROL)
def test_no_path_or_title_breaks_the_line(text: str) -> None:
    for kind in (InputPath, SourcePath, DataRoot, Line):
        assert not accepted(kind, text)


@pytest.mark.parametrize("text", ["gs://bucket/era5.zarr", "s3://b/k", "https://host:80/a/b.zarr"])
def test_a_source_may_be_remote(text: str) -> None:
    assert accepted(SourcePath, text)
    assert not accepted(InputPath, text)
    assert not accepted(DataRoot, text)


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hunter2@host/a.zarr",
        "https://token@host/a.zarr",
        "HTTPS://me:hunter2@host/a.zarr",
        "s3://key:hunter2@bucket/a.zarr",
        "https://host/a.zarr?X-Amz-Signature=hunter2",
        "https://host/a.zarr?sig=hunter2",
        "https://host/a.zarr#hunter2",
        "simplecache::https://me:hunter2@host/a.zarr",
        "ftp://me:hunter2@host/a",
        "file:///etc",
        "reference::file:///etc/x.json",
        "gs://",
    ],
)
def test_a_url_with_credentials_or_of_an_unknown_kind_is_refused(text: str) -> None:
    assert not accepted(SourcePath, text)
    assert not accepted(InputPath, text)


def test_the_refusal_of_credentials_says_where_they_belong() -> None:
    with pytest.raises(ValidationError, match="give them in the environment"):
        TypeAdapter(SourcePath).validate_python("https://me:hunter2@host/a.zarr")


@pytest.mark.parametrize("text", ["a", "era5_msl", "x" * 32])
def test_a_name_is_a_word(text: str) -> None:
    assert accepted(Name, text)


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "1a",
        "_a",
        "a-b",
        "a b",
        "a/b",
        "..",
        "a\n",
        "é",
        "x" * 33,
        *sorted(RESERVED),
        *CONTROL,
    ],
)
def test_a_name_that_is_no_word_or_not_free_is_refused(text: str) -> None:
    assert not accepted(Name, text)


def test_folders_of_the_workflow_are_reserved() -> None:
    text = "".join(path.read_text() for path in sorted(RULES.glob("*.smk")))
    calls = re.findall(r"(?:results|benchmarks|logs|checkpoints)\(([^()]*)\)", text)
    words = {word for call in calls for word in re.findall(r'"([a-z_]+)"', call)}
    rules = set(re.findall(r"^rule (\w+):", text, re.M))
    assert len(words) > 10
    assert {"locks", "receipts", "usage", *BASELINES} <= RESERVED
    assert words - rules - {"autoencoder"} <= RESERVED | {"scores"}


def test_the_longest_names_make_a_lock_that_a_disk_takes() -> None:
    """A job's lock is named by all that its log is filed under; 255 bytes are allowed."""
    (longest,) = (m["maxLength"] for m in [TypeAdapter(Name).json_schema()])
    choice = ["x" * longest] * 6
    parts = [*choice, "20040114T00_99999h", "draw_posterior", "9990-9999"]
    assert len(".".join(parts) + ".lock.holder") <= 255
    assert not accepted(Name, "x" * (longest + 1))
