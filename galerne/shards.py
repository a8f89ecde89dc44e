"""States of a sharded array, read at random: index once, then one read and one decode a state.

Zarr's own reading plans every selection anew, reads the index of each shard again, and passes
every chunk through new buffers. Here the index of a shard is read once and kept, and the bytes
of a chunk are decoded by the same codec straight into the place where they are wanted, several
at a time, since the codec lets other threads run. That is about twice as fast as the fastest
pipeline for Zarr (``zarrs``): ``python -m bench.windows``.

Only what :mod:`galerne.products` writes is read this way: chunks of one time, cut along time
alone, as Blosc frames with a CRC-32C, in shards with their index at the end. :meth:`Shards.suit`
tells by an array's metadata; whatever else is for Zarr. Checksums, of index and chunks, are
compared always. As in Zarr, a chunk that is not there holds the fill value.

Depends on: numpy, zarr, numcodecs, google-crc32c.

References:
    | Zarr's sharding codec
    | https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html
"""

__all__ = ["Shards"]

import os
import sys

from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

import google_crc32c
import numpy as np
import zarr

from jaxtyping import Shaped, UInt64
from numcodecs import blosc
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec
from zarr.storage import LocalStore

EMPTY = 2**64 - 1  # offset and length of a chunk that is not there
CHECKSUM = 4  # bytes


class Shards:
    """A sharded array whose first dimension is time.

    Arguments:
        array: The array; it must :meth:`suit`.
        threads: Threads that read and decode; arrays with as many threads share them.
    """

    def __init__(self, array: zarr.Array, threads: int) -> None:
        self.shape, self.dtype, self.fill = array.shape, array.dtype, array.fill_value
        self.states = array.shards[0]
        self._key = array.metadata.encode_chunk_key
        self._folder = Path(array.store.root) / array.path
        self._indices: dict[int, UInt64[np.ndarray, "chunk 2"] | None] = {}
        self._pool = _pool(threads)

    @staticmethod
    def suit(array: zarr.Array) -> bool:
        """Whether an array is stored as records are, by its metadata."""
        codecs = getattr(array.metadata, "codecs", ())
        return (
            isinstance(array.store, LocalStore)
            and _kinds(codecs) == [ShardingCodec]
            and _kinds(codecs[0].codecs) == [BytesCodec, BloscCodec, Crc32cCodec]
            and _kinds(codecs[0].index_codecs) == [BytesCodec, Crc32cCodec]
            and all(_native(part[0], array) for part in (codecs[0].codecs, codecs[0].index_codecs))
            and codecs[0].index_location.value == "end"
            and array.chunks == (1, *array.shape[1:])
            and array.shards[1:] == array.shape[1:]
        )

    def begin(
        self, first: int, last: int
    ) -> tuple[Shaped[np.ndarray, "time *field"], list[Future]]:
        """Begins to read consecutive states.

        Arguments:
            first: The first state.
            last: The one after the last.

        Returns:
            The values, which are there when all the others are done; those raise ValueError if
            bytes are not those that were written, and OSError if they cannot be read.
        """
        wanted = range(*slice(first, last).indices(self.shape[0]))
        values = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        # A slice, since one element of a series of numbers would be a copy.
        begun = [self._pool.submit(self._read, k, values[i : i + 1]) for i, k in enumerate(wanted)]
        return values, begun

    def _read(self, state: int, out: Shaped[np.ndarray, "1 *field"]) -> None:
        """Reads a state into its place."""
        shard, place = divmod(state, self.states)
        index = self._index(shard)
        offset, size = (EMPTY, EMPTY) if index is None else index[place].tolist()
        if offset == EMPTY:
            out[...] = self.fill
            return
        file = os.open(self._path(shard), os.O_RDONLY)
        try:
            frame = _checked(os.pread(file, size, offset), size)
        finally:
            os.close(file)
        held, length = (int.from_bytes(frame[k : k + 4], "little") for k in (4, 12))
        if (held, length) != (out.nbytes, len(frame)):
            wanted = f"{out.nbytes} in {len(frame)}"
            raise ValueError(f"a chunk of {held} bytes in {length}, not {wanted}")
        blosc.decompress(frame, out)

    def _index(self, shard: int) -> UInt64[np.ndarray, "chunk 2"] | None:
        """Offset and length of every chunk of a shard; ``None`` where there is no shard."""
        if shard not in self._indices:
            size = 16 * self.states + CHECKSUM
            try:
                with self._path(shard).open("rb") as file:
                    file.seek(max(file.seek(0, os.SEEK_END) - size, 0))
                    index = np.frombuffer(_checked(file.read(), size), "<u8").reshape(-1, 2)
            except FileNotFoundError:
                index = None
            self._indices[shard] = index
        return self._indices[shard]

    def _path(self, shard: int) -> Path:
        return self._folder / self._key((shard, *(0 for _ in self.shape[1:])))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "shards")


def _kinds(codecs: tuple[object, ...]) -> list[type]:
    return [type(codec) for codec in codecs]


def _native(codec: BytesCodec, array: zarr.Array) -> bool:
    """Whether bytes are in the order of this machine, which is the little-endian one."""
    order = getattr(codec.endian, "value", "little")  # none where a value is one byte
    return order == sys.byteorder == "little" and array.dtype.isnative


def _checked(body: bytes, size: int) -> bytes:
    """What stands before a checksum, once that was compared."""
    if len(body) != size:
        raise ValueError(f"{len(body)} of {size} bytes are there")
    if google_crc32c.value(body[:-CHECKSUM]) != int.from_bytes(body[-CHECKSUM:], "little"):
        raise ValueError("the checksum is another")
    return body[:-CHECKSUM]
