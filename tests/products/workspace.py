"""A copy of the repository and of its finished run, where files may be edited and put back."""

import json
import os
import re
import shutil
import subprocess
import sys

from pathlib import Path
from types import TracebackType
from typing import Self

COPIED = ("config", "docs", "envs", "galerne", "profiles", "rules", "slurm", "workflow")
PLANNER = Path(__file__).with_name("planner.py")


class Workspace:
    """A folder to plan runs in.

    Arguments:
        root: The repository.
        results: The name of its folder of products; of the stores only the manifests are copied.
        folder: Where the copy goes.
    """

    def __init__(self, root: Path, results: str, folder: Path) -> None:
        self.folder = folder
        self.results = folder / results
        self._before: dict[Path, tuple[bytes, os.stat_result] | None] = {}
        skipped = shutil.ignore_patterns("__pycache__", "data.zarr", "logs", "usage", "locks")
        for name in (*COPIED, results, ".snakemake/metadata"):
            shutil.copytree(root / name, folder / name, ignore=skipped)
        shutil.copy2(root / "Snakefile", folder)

    def __enter__(self) -> Self:
        env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self._planner = subprocess.Popen(
            [sys.executable, PLANNER], cwd=self.folder, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._planner.communicate()

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.folder / path).read_text()

    def write(self, path: str, content: str | bytes) -> None:
        """Replaces a file, until all is put back."""
        self._remember(self.folder / path)
        data = content.encode() if isinstance(content, str) else content
        (self.folder / path).write_bytes(data)

    def touch(self, path: Path, seconds: float) -> None:
        """Makes a file or folder as old as this, until all is put back."""
        self._remember(path)
        os.utime(path, (seconds, seconds))

    def put_back(self) -> None:
        """Undoes every change."""
        for path, before in self._before.items():
            if before is None:
                path.unlink()
                continue
            if path.is_file():
                path.write_bytes(before[0])
            os.utime(path, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
        self._before.clear()

    def snakemake(self, *arguments: str) -> tuple[int, str]:
        """Exit status and words of a call of snakemake that starts no job."""
        self._planner.stdin.write(json.dumps(["--dry-run", "--nocolor", *arguments]) + "\n")
        self._planner.stdin.flush()
        answer = json.loads(self._planner.stdout.readline())
        return answer["status"], answer["said"]

    def plan(self, *arguments: str) -> dict[str, int]:
        """Jobs by rule that a run would start."""
        status, said = self.snakemake(*arguments, "--quiet", "rules")
        assert status == 0, said
        table = re.search(r"^job +count\n[- ]+\n((?:\w+ +\d+\n)+)", said, re.MULTILINE)
        assert table or "Nothing to be done" in said, said
        rows = (row.split() for row in table[1].splitlines()) if table else ()
        return {rule: int(count) for rule, count in rows if rule not in ("all", "total")}

    def _remember(self, path: Path) -> None:
        if path not in self._before:
            data = path.read_bytes() if path.is_file() else b""
            self._before[path] = (data, path.stat()) if path.exists() else None
