"""Random reads from records: single states and short windows, decoded in parallel, fetched ahead.

A record that fits is kept in memory; another is read from disk as it is needed. Both ways give
the same numbers. What is stored as records are is read by :mod:`galerne.shards`, any other array
by Zarr; both compare checksums.

Depends on: numpy, zarr.
"""

__all__ = ["IN_MEMORY", "Ahead", "Record", "fits"]

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zarr

from jaxtyping import Shaped

from .products import STORE, open_product
from .shards import Shards

IN_MEMORY = 2**31  # bytes of the records of one training that are kept in memory


class Record:
    """Some variables of a record.

    Arguments:
        path_manifest: Manifest of the record.
        variables: Names of variables whose first dimension is time.
        keep: Whether to read all of it once and keep it in memory.
        threads: Threads that decode.

    Raises:
        FileNotFoundError: If the manifest, its store, or a file of the store is missing.
        ValueError: If a variable is missing; if it is kept, as :meth:`read`.
    """

    def __init__(
        self,
        path_manifest: Path,
        variables: Sequence[str],
        *,
        keep: bool = False,
        threads: int = 2,
    ) -> None:
        self.path, self.variables = path_manifest, tuple(variables)
        dataset = open_product(path_manifest)
        if missing := [name for name in variables if name not in dataset.data_vars]:
            raise ValueError(
                f"{path_manifest.parent}: variable {missing[0]!r} is not in the record; "
                f"found: {', '.join(map(str, dataset.data_vars))}"
            )
        self.times = dataset["time"].values
        self.levels = dataset["level"].values.tolist() if "level" in dataset.coords else []
        group = zarr.open_group(path_manifest.parent / STORE, mode="r", zarr_format=3)
        arrays = [group[name] for name in self.variables]
        self.arrays = [Shards(a, threads) if Shards.suit(a) else a for a in arrays]
        self.state_bytes = sum(map(self.bytes_of, self.variables))
        if keep:
            self.arrays = self.read(0, len(self))

    def __len__(self) -> int:
        return len(self.times)

    def read(self, first: int, last: int) -> list[Shaped[np.ndarray, "time *field"]]:
        """Reads consecutive states of every variable [its unit].

        Arguments:
            first: The first state.
            last: The one after the last.

        Raises:
            ValueError: If its bytes cannot be read or are not those that were written, with the
                variable and the times.
        """
        begun = [self._begin(name, first, last) for name in self.variables]
        return [
            self._end(name, first, last, *b) for name, b in zip(self.variables, begun, strict=True)
        ]

    def read_one(self, name: str, first: int, last: int) -> Shaped[np.ndarray, "time *field"]:
        """Reads consecutive states of one variable [its unit], as :meth:`read` all of them."""
        return self._end(name, first, last, *self._begin(name, first, last))

    def bytes_of(self, name: str) -> int:
        """Bytes of one state of a variable."""
        array = self.arrays[self.variables.index(name)]
        return array.dtype.itemsize * int(np.prod(array.shape[1:]))

    def _begin(self, name: str, first: int, last: int) -> tuple[np.ndarray, list[Future]]:
        array = self.arrays[self.variables.index(name)]
        with self._naming(name, first, last):
            return (
                array.begin(first, last) if isinstance(array, Shards) else (array[first:last], [])
            )

    def _end(
        self, name: str, first: int, last: int, values: np.ndarray, parts: list[Future]
    ) -> np.ndarray:
        with self._naming(name, first, last):
            for part in parts:
                part.result()
        return values

    @contextmanager
    def _naming(self, name: str, first: int, last: int) -> Iterator[None]:
        """Says which variable and times cannot be read."""
        try:
            yield
        except (RuntimeError, OSError, ValueError) as error:
            raise ValueError(
                f"{name!r} of {self.path.parent} between {self.times[first]} and "
                f"{self.times[last - 1]} cannot be read, its bytes are damaged ({error}); "
                "delete the product and run again"
            ) from error


def fits(paths: Sequence[Path], variables: Sequence[str]) -> bool:
    """Whether some variables of some records fit into memory, all together."""
    records = [Record(path, variables) for path in paths]
    return sum(len(record) * record.state_bytes for record in records) <= IN_MEMORY


class Ahead:
    """Fetches what is needed next while what is needed now is worked on.

    Arguments:
        read: Returns what some indices stand for.

    Example:
        >>> ahead = Ahead(lambda indices: [10 * i for i in indices])
        >>> ahead.take([1, 2], coming=[5])
        [10, 20]
        >>> ahead.take([5])
        [50]
    """

    def __init__(self, read: Callable[[Sequence[int]], object]) -> None:
        self.read = read
        self.pool = ThreadPoolExecutor(1, "ahead")
        self.expected: tuple[list[int], Future | None] = ([], None)

    def take(self, indices: Sequence[int], coming: Sequence[int] | None = None) -> object:
        """Returns what indices stand for, and begins to fetch what comes next.

        Arguments:
            indices: What is needed now.
            coming: What the next call will ask for, if it is known; another may be asked for.
        """
        expected, future = self.expected
        fetched = future is not None and expected == list(indices)
        if future is not None and not fetched:
            future.cancel()
        found = future.result() if fetched else self.read(indices)
        self.expected = ([], None)
        if coming is not None:
            self.expected = (list(coming), self.pool.submit(self.read, list(coming)))
        return found

    def close(self) -> None:
        """Lets go of what was fetched in vain."""
        self.pool.shutdown(wait=True, cancel_futures=True)
