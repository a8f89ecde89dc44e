r"""Lossy rounding with a bound on the error, so that what is stored compresses.

Values are rounded to multiples of the largest power of two, :math:`s \le 2 b`, so that none moves
by more than the bound :math:`b`. Powers of two leave the last bits of every float zero, and
the bit shuffling before compression gathers them; the error is absolute, in the unit of the
variable, because what depends on a field depends on its differences, not on its size. What is
rounded stays an ordinary float: readers need no codec.

Attributes say what was done. ``quantization_maximum_absolute_error`` [unit of the variable] is
formed after ``quantization_maximum_relative_error`` of CF 1.12, section 8.4 (whose algorithms
keep significant digits, not an absolute error); ``least_significant_digit`` is the older word
of the netCDF User's Guide: the decimal place that is still reliable.

Depends on: numpy, numcodecs.
"""

__all__ = ["rounded", "rounding_attributes"]

import math

import numpy as np

from jaxtyping import Float
from numcodecs import FixedScaleOffset


def rounding_attributes(bound: float) -> dict[str, float | int]:
    """Returns the attributes of a variable that is rounded.

    Arguments:
        bound: The largest error allowed [unit of the variable].

    Example:
        >>> rounding_attributes(0.01)
        {'quantization_maximum_absolute_error': 0.0078125, 'least_significant_digit': 1}
    """
    step = _step(bound)
    return {
        "quantization_maximum_absolute_error": step / 2,
        "least_significant_digit": math.floor(-math.log10(step)),
    }


def rounded(
    values: Float[np.ndarray, "time *field"], bound: float, name: str
) -> Float[np.ndarray, "time *field"]:
    """Rounds values, field by field, and checks what it did.

    Arguments:
        values: Values [unit of the variable], float32; what is not finite stays.
        bound: The largest error allowed [unit of the variable].
        name: The variable, for errors.

    Raises:
        ValueError: If the bound is not positive, or a value moved by more than it.
    """
    codec = FixedScaleOffset(offset=0, scale=1 / _step(bound), dtype="<f4", astype="<f4")
    result = np.empty_like(values)
    for k, field in enumerate(values):
        found = np.asarray(codec.decode(codec.encode(np.ascontiguousarray(field))))
        result[k] = found.reshape(field.shape)
        with np.errstate(invalid="ignore"):
            moved = np.abs(result[k] - field)
        same = ~np.isfinite(field) & ~np.isfinite(result[k])
        worst = np.max(moved, where=~same, initial=0.0)
        if not worst <= bound:  # nan is not
            raise ValueError(
                f"variable {name!r}: rounding moved a value by {worst:g}, allowed are {bound:g}"
            )
    return result


def _step(bound: float) -> float:
    """The largest power of two that is at most twice the bound."""
    if not bound > 0:
        raise ValueError(f"the error that rounding may make must be positive, not {bound:g}")
    return 2.0 ** math.floor(math.log2(2 * bound))
