"""What each rule asks of a node at its first attempt, read from the rule files."""

__all__ = ["Need", "read_needs"]

import re

from dataclasses import dataclass
from pathlib import Path

RULE = re.compile(r"^rule (\w+):\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)
KEYS = ("runtime", "mem_mb")
AMOUNT = r"^ +{}=(?:growing\()?([\d_]+)"


@dataclass(frozen=True)
class Need:
    """What a rule asks for.

    Arguments:
        rule: Its name.
        minutes: Its time limit [min].
        memory_mb: Its memory [MB].
    """

    rule: str
    minutes: int
    memory_mb: int


def read_needs(folder: Path) -> list[Need]:
    """Reads the rules of a folder of rule files; those without resources are passed over.

    Raises:
        ValueError: If a rule that names resources lacks ``mem_mb`` or ``runtime``.
    """
    found = []
    for path in sorted(folder.glob("*.smk")):
        for name, body in RULE.findall(path.read_text()):
            if "resources:" in body:
                found.append(Need(name, *(_amount(path, name, body, k) for k in KEYS)))
    return found


def _amount(path: Path, name: str, body: str, key: str) -> int:
    match = re.search(AMOUNT.format(key), body, re.MULTILINE)
    if not match:
        raise ValueError(f"{path}: rule {name} names no amount of {key}")
    return int(match[1])
