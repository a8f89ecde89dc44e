"""Progress of long work: what it needs to go on where it was, exactly.

Work that goes from step to step writes down its tensors once a minute (or as often as the
environment variable ``GALERNE_SAVE_SECONDS`` says), at its end, and at once when it is asked to
stop (:mod:`.interrupt`). Started anew, it takes up the newest state and comes to the same bytes
as work that was never cut.

The folder is named by the digest of all that goes into the work, so nothing else is ever
continued. States are numbered safetensors files: written beside their place, flushed to the
disk, then renamed; the two newest are kept. A state that does not match its checksum gives way
to the one before. Files hold tensors and nothing that could be executed.
"""

__all__ = ["Progress"]

import hashlib
import json
import logging
import os
import time
import zlib

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..products import replacing
from ..provenance import settings_digest, source_digest
from . import interrupt

log = logging.getLogger(__name__)
State = Mapping[str, Tensor]


@runtime_checkable
class Team(Protocol):
    """Processes that do the same work together."""

    is_main: bool  # whether this process is the one that writes

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process; waits for all of them."""

    def number_of_main(self, number: int) -> int:
        """The number that the main process gave."""


class Progress:
    """The states of a piece of work on disk.

    Arguments:
        folder: Holds the states; ``None`` keeps none, and the work does not stop on request.
        whole: What the work is a part of, for messages.
        above: The progress of what it is a part of.
        team: The processes that share the work, of which one saves it; ``None``: this one alone.
    """

    def __init__(
        self,
        folder: Path | None,
        whole: str = "",
        above: "Progress | None" = None,
        team: Team | None = None,
    ) -> None:
        self.folder, self.whole, self.above = folder, whole, above
        self.notes: dict[str, str] = {}
        self.team = team
        self.seconds = float(os.environ.get("GALERNE_SAVE_SECONDS", "60"))
        self.saved = time.monotonic()

    @classmethod
    def of(cls, root: Path, script: str, paths: Iterable[Path], *settings: object) -> "Progress":
        """Names the work by all that goes into it.

        Arguments:
            root: Holds a folder for each digest of this work.
            script: The script that does it, and stands for its code.
            paths: The files read; manifests stand for their products.
            settings: Everything else: settings, seeds, the device.
        """
        contents = []
        for path in paths:
            with path.open("rb") as file:
                contents.append(hashlib.file_digest(file, "sha256").hexdigest())
        code = (source_digest(script), torch.__version__)
        return cls(root / settings_digest(*code, contents, *settings))

    def part(self, name: str, number: int, total: int) -> "Progress":
        """Returns the progress of one part of the work, say of ``cutoff`` 2 of 3."""
        folder = self.folder and self.folder / f"{name}_{number:04d}"
        whole = f"{self.whole}{name} {number} of {total}, "
        return Progress(folder, whole, self, self.team)

    def shared(self, team: Team) -> "Progress":
        """Returns the progress of the same work, shared by some processes."""
        return Progress(self.folder, self.whole, self.above, team)

    def latest(self) -> tuple[int, dict[str, Tensor]]:
        """Returns the newest whole state and its number; 0 and nothing if there is none.

        Raises:
            RuntimeError: If processes that share the work do not find the same.
        """
        number, state = self._newest()
        if self.team is not None and self.team.any(number != self.team.number_of_main(number)):
            raise RuntimeError(f"{self.folder} does not look the same to all processes of the job")
        return number, state

    def _newest(self) -> tuple[int, dict[str, Tensor]]:
        for path in reversed(self._files()):
            try:
                state = _read(path)
            except (SafetensorError, OSError, ValueError) as error:
                log.warning("%s is damaged (%s): taking the state before it", path, error)
                continue
            name, number = path.stem.rsplit("_", 1)
            log.info("going on after %s%s %d", self.whole, name, int(number))
            return int(number), state
        return 0, {}

    def reached(self, name: str, number: int, total: int, state: Callable[[], State]) -> None:
        """Tells that a step is done; saves its state if it is time to.

        Arguments:
            name: What is counted.
            number: The step, from 1.
            total: The last step; its state is saved in any case.
            state: Gives the tensors from which the work can go on.

        Raises:
            Interrupted: If a stop was asked for; the state is saved then.
            OSError: If it cannot be saved, with what is free on the disk.
        """
        if self.folder is None:
            return
        stop, team = interrupt.requested(), self.team
        if team is not None:
            stop = team.any(stop)
        due = stop or number == total or time.monotonic() - self.saved >= self.seconds
        if due and (team is None or team.is_main):
            self._save(self.folder / f"{name}_{number:08d}.safetensors", state())
            self.saved = time.monotonic()
        if team is not None and (stop or number == total):
            team.any(False)  # nobody leaves, or asks for it, before the state is on the disk
        if stop:
            where = f"{self.whole}{name} {number} of {total}"
            raise interrupt.Interrupted(where, advanced=True)

    def note(self, name: str, value: object) -> None:
        """Notes a choice that work which goes on must make again.

        It is written down, as JSON, before the first state that follows from it.

        Arguments:
            name: What was chosen.
            value: The choice.
        """
        self.notes[name] = json.dumps(value)

    def noted(self, name: str, otherwise: object) -> object:
        """Returns the choice that was noted, or another if there is none."""
        try:
            text = self.notes.get(name) or (self.folder / f"{name}.json").read_text()
            return json.loads(text)
        except (OSError, ValueError, TypeError):  # no folder, no file, a torn one
            return otherwise

    def _write_notes(self) -> None:
        if self.above is not None:
            self.above._write_notes()
        for name, text in self.notes.items():
            path = self.folder / f"{name}.json"
            if not path.is_file() or path.read_text() != text:
                with replacing(path) as part:
                    part.write_text(text)

    def forget(self) -> None:
        """Takes the states away: the work is divided in another way."""
        for path in self._files():
            path.unlink()

    def _save(self, path: Path, state: State) -> None:
        # Copies: the format refuses two names for one memory.
        self._write_notes()
        whole = torch.contiguous_format
        tensors = {name: x.cpu().clone(memory_format=whole) for name, x in state.items()}
        with replacing(path) as part, part.open("wb") as file:
            file.write(save(tensors, {"crc32": _checksum(tensors)}))
            file.flush()
            os.fsync(file.fileno())
        _flush(self.folder)
        # What is numbered beyond this state was damaged, or it would have been taken up.
        before = [other for other in self._files() if other < path]
        for other in set(self._files()) - {path, *before[-1:]}:
            other.unlink()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.safetensors")) if self.folder else []


def _read(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        # Copies lie in memory as if just computed: some kernels round by alignment.
        tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
        expected = (file.metadata() or {}).get("crc32")
    if expected != _checksum(tensors):
        raise ValueError("the checksum does not match")
    return tensors


def _flush(folder: Path) -> None:
    """Makes a new name last, before an older state goes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(tensors: State) -> str:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].numpy().tobytes(), total)
    return f"{total:08x}"
