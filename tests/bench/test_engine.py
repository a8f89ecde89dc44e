"""The comparison of engines asks for the products of the default configuration."""

from pathlib import Path

import pytest

from bench.engine import measure_engine


def test_it_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no climatology: run the default"):
        list(measure_engine(tmp_path))
