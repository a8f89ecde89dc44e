"""What a shell would read on its way to Slurm.

The executor plugin hands the command of a job to ``sbatch`` through a shell, within double
quotes, and quotes its arguments with ``repr``. Values given with ``--config`` and paths of the
workflow are among them, so ``$(...)`` in one would be run, and a single quote would break the
command. Values in a file given with ``--configfile`` never get there.
"""

__all__ = ["refuse_python", "refuse_words"]

import re

from collections.abc import Mapping

READ = re.compile(r"[$`\\'\x00-\x1f\x7f]")
PLAIN = re.compile(r"[\w./+=,@:%-]+")


def refuse_words(words: Mapping[str, str]) -> list[str]:
    """Says which words a shell would read.

    Arguments:
        words: Words of the command, by what to call them; they are not repeated.
    """
    return [
        f"{name}: a shell on the way to Slurm would read {found[0]!r} in it: "
        "write values into a file given with --configfile, and keep paths plain"
        for name, word in words.items()
        if (found := READ.search(word))
    ]


def refuse_python(path: str) -> list[str]:
    """Says whether the path of Python, which is not quoted at all, would fall apart."""
    if PLAIN.fullmatch(path):
        return []
    return ["the path of .venv must be of letters, digits and _ - . / + = , @ : % alone for Slurm"]
