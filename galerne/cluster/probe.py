"""What a process on another node sees; ``make doctor`` runs it there and reads its answer.

    python -m galerne.cluster.probe FOLDER WORD

FOLDER holds ``here``, just written with WORD, and ``lock``, held by the one who asks. The
answer is one line of JSON.
"""

__all__ = ["look"]

import fcntl
import json
import os
import shutil
import socket
import sys
import tempfile
import time

from pathlib import Path

PATIENCE = 10.0  # seconds that a network file system may take to show a file


def look(folder: Path, word: str) -> dict[str, object]:
    """Looks at the shared folder, at Python and at the node; leaves ``there`` in the folder.

    Returns:
        ``host``, ``clock`` [s since 1970], ``sees`` (the file of the asker, as written),
        ``excluded`` (whether the lock of the asker holds here), ``package`` (where galerne was
        found), ``torch`` (its version, or the error of importing it), ``gpus`` (that torch
        sees), ``tmp`` and ``tmp_gb`` (scratch, and what is free there; -1 if not writable).
    """
    seen = {
        "host": os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
        "clock": time.time(),
        "sees": _sees(folder / "here", word),
        "excluded": _excluded(folder / "lock"),
        "package": str(Path(__file__).resolve().parents[2]),
    }
    try:
        (folder / "there").write_text(word)
    except OSError as error:
        seen["sees"] = f"cannot write there: {error.strerror}"
    return seen | _torch() | _scratch()


def _sees(path: Path, word: str) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if path.is_file() and path.read_text() == word:
            return True
        time.sleep(0.2)
    return False


def _excluded(path: Path) -> bool:
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _torch() -> dict[str, object]:
    try:
        import torch
    except Exception as error:
        return {"torch": f"{type(error).__name__}: {error}", "gpus": 0}
    return {"torch": torch.__version__, "gpus": torch.cuda.device_count()}


def _scratch() -> dict[str, object]:
    folder = os.environ.get("TMPDIR") or tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
        return {"tmp": folder, "tmp_gb": shutil.disk_usage(folder).free / 1e9}
    except OSError:
        return {"tmp": folder, "tmp_gb": -1.0}


if __name__ == "__main__":
    print(json.dumps(look(Path(sys.argv[1]), sys.argv[2])))
