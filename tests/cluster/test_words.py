"""Nothing that a shell would read goes to Slurm."""

import shlex
import subprocess

from pathlib import Path

import pytest

from hypothesis import given
from hypothesis import strategies as st

from galerne.cluster.words import refuse_python, refuse_words


@pytest.mark.parametrize(
    "word",
    ["data_root=/a b", 'priors={"tiny": {"steps": 3}}', "report={title: a; b | c & (d) > e * #}"],
)
def test_ordinary_values_pass(word: str) -> None:
    assert refuse_words({"--config x": word}) == []


@pytest.mark.parametrize("word", ["$(id)", "$HOME", "`id`", "it's", "a\\b", "a\nb"])
def test_what_a_shell_reads_is_refused_by_name_and_not_repeated(word: str) -> None:
    (fault,) = refuse_words({"--config report": f"report=hunter2{word}", "here": "/plain"})
    assert fault.startswith("--config report: a shell on the way to Slurm would read ")
    assert "hunter2" not in fault
    assert "--configfile" in fault


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_what_passes_comes_through_the_quoting_of_the_plugin_unread(word: str) -> None:
    """The plugin quotes by repr, then by double quotes; two shells read the result."""
    if refuse_words({"x": word}) or not word.isprintable():
        return
    inner = f"printf %s {word!r}".replace('"', '\\"')
    outer = shlex.split(f'sbatch --wrap="{inner}"')[1].removeprefix("--wrap=")
    assert shlex.split(outer)[2] == word


def test_what_is_refused_would_have_been_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    word = f"$(touch {canary})"
    subprocess.run(f'true --wrap="x {word!r}"', shell=True, check=True)
    assert canary.exists()
    assert refuse_words({"x": word})


def test_the_path_of_python_is_not_quoted() -> None:
    assert refuse_python("/work/me/galerne-1.2/.venv/bin/python") == []
    for path in ("/my work/.venv/bin/python", "/a;b/python", "/$(id)/python", "/a'b/python"):
        assert "the path of .venv" in refuse_python(path)[0]
