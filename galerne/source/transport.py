"""Objects from a remote store, whole and unspoilt, or one clear error.

Every object is read by the library ``obstore``: answers of 5xx, refused or dropped connections
and time-outs are tried again with exponential back-off and jitter, and a body that breaks off
goes on where it stopped. What it cannot know is checked here: the length, and the MD5 digest
where the store gives one as the entity tag (Google Cloud storage does, for objects that were
not composed of parts). An object that is spoilt is read again, until patience ends.

Addresses: ``http(s)://``, ``gs://``, ``s3://`` and ``az://``. Public buckets are read without
an account; others take credentials from the environment of the client (``AWS_ACCESS_KEY_ID``,
``GOOGLE_APPLICATION_CREDENTIALS``), which are written down nowhere.

References:
    | Entity tags of Google Cloud storage
    | https://cloud.google.com/storage/docs/hashes-etags
"""

__all__ = ["Absent", "Patience", "Remote"]

import hashlib
import logging
import os
import re
import time

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import obstore

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import HTTPStore, ObjectStore, from_url

log = logging.getLogger(__name__)
LONGEST_PAUSE = 15.0  # between two attempts [s]


class Absent(FileNotFoundError):  # noqa: N818 - in Zarr, an answer and not always an error
    """The store has no such object."""


@dataclass(frozen=True)
class Patience:
    """How long a store is waited for.

    Arguments:
        connections: Objects that are read at a time.
        stall_seconds: Longest silence of a connection [s].
        seconds: Longest time that one object is tried for [s].
    """

    connections: int = 16
    stall_seconds: float | int = 30.0
    seconds: float | int = 600.0


class Remote:
    """A store at an address.

    Arguments:
        url: The address.
        patience: How long it is waited for.
        tagged: Whether an entity tag of 32 hexadecimal digits is an MD5 digest; elsewhere than
            at Google, it may be one of what is encrypted, or of anything.
    """

    def __init__(self, url: str, patience: Patience, *, tagged: bool = False) -> None:
        self.url, self.patience = url.rstrip("/"), patience
        self._store = _open(self.url, patience)
        self._tagged = tagged or urlsplit(url).scheme == "gs"

    def read(self, key: str, sound: Callable[[bytes], str | None] = lambda body: None) -> bytes:
        """Reads an object.

        Arguments:
            key: Its path in the store.
            sound: Says what is wrong with its bytes, or ``None``.

        Raises:
            Absent: If the store answers that there is no such object.
            PermissionError: If it may not be read.
            ConnectionError: If the store does not deliver it, whole and unspoilt, while
                patience lasts; with its address and the last fault.
        """
        start, pause = time.monotonic(), 0.1
        while True:
            try:
                body, fault = self._attempt(key)
                fault = fault or sound(body)
            except FileNotFoundError:
                raise Absent(f"{self.url}/{key}: there is no such object") from None
            except (PermissionDeniedError, UnauthenticatedError) as error:
                raise PermissionError(f"{self.url}/{key}: {_short(error)}") from None
            except (BaseError, OSError) as error:
                body, fault = b"", _short(error)
            if fault is None:
                return body
            tried = time.monotonic() - start
            if tried + pause > self.patience.seconds:
                raise ConnectionError(
                    f"{self.url}/{key}: not to be had in {tried:.0f} s of attempts; the last "
                    f"one: {fault}"
                )
            log.warning("%s/%s: %s; once more in %.1f s", self.url, key, fault, pause)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _attempt(self, key: str) -> tuple[bytes, str | None]:
        """The bytes of an object, and what is wrong with them."""
        found = obstore.get(self._store, key)
        body, meta = found.bytes().to_bytes(), found.meta
        if len(body) != meta["size"]:
            return body, f"{len(body)} of {meta['size']} bytes came"
        tag = (meta["e_tag"] or "").strip('"')
        if self._tagged and re.fullmatch("[0-9a-f]{32}", tag):
            digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
            if digest != tag:
                return body, f"the MD5 digest of what came is {digest}, not {tag}"
        return body, None


def _open(url: str, patience: Patience) -> ObjectStore:
    scheme = urlsplit(url).scheme
    options = {
        "client_options": {
            "allow_http": True,
            "connect_timeout": timedelta(seconds=min(patience.stall_seconds, 30)),
            "read_timeout": timedelta(seconds=patience.stall_seconds),
            "timeout": timedelta(seconds=patience.seconds),
        },
        "retry_config": {
            "max_retries": 10,
            "retry_timeout": timedelta(seconds=patience.seconds / 2),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=LONGEST_PAUSE),
                "base": 2,
            },
        },
    }
    if scheme in ("http", "https"):
        return HTTPStore(url, **options)
    anonymous = {
        "gs": "GOOGLE_APPLICATION_CREDENTIALS" not in os.environ,
        "s3": not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN"} & set(os.environ),
    }
    return from_url(url, skip_signature=anonymous.get(scheme, False), **options)


def _short(error: Exception) -> str:
    """The first line of an error, without what a server may have put into its answer."""
    return str(error).split("\n", 1)[0].split("Debug source", 1)[0].strip()[:300]
