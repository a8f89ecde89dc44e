"""Plans runs in its working folder: a line of arguments in, a line of answer out.

Snakemake is imported once. Every plan is made in a fork, which reads code and configuration anew.
"""

import json
import os
import sys

import nbformat  # noqa: F401
import pandas  # noqa: F401
import pydantic  # noqa: F401
import requests  # noqa: F401
import snakemake.api
import snakemake.workflow  # noqa: F401

from snakemake.cli import main


def answer(arguments: list[str]) -> dict[str, object]:
    """What snakemake says to these arguments, and its exit status."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(write, 1)
        os.dup2(write, 2)
        main(arguments)
        os._exit(0)  # it exits by itself
    os.close(write)
    with os.fdopen(read) as text:
        said = text.read()
    return {"said": said, "status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
