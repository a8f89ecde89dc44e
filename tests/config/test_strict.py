"""The base of every block."""

import pytest

from pydantic import ValidationError

from galerne.config.strict import Strict


class Block(Strict):
    count: int


def test_unknown_keys_are_refused_and_values_do_not_change() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Block(count=1, cuont=2)
    with pytest.raises(ValidationError, match="frozen"):
        Block(count=1).count = 2
