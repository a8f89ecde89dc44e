"""Texts of the configuration that become paths or names: what may stand in them.

Products stay below ``results``; files of the user below ``data_root``, unless absolute. Links
are followed, since that is how data lie on a cluster. Names of input files reach a shell on
their way to Slurm (the executor plugin submits them within double quotes), so what a shell or
Snakemake would read is refused. What is refused is never repeated in the error: it might be a
secret.
"""

__all__ = [
    "RESERVED",
    "DataRoot",
    "Endpoint",
    "InputPath",
    "Line",
    "Name",
    "ResultsFolder",
    "SourcePath",
]

import re

from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

SCHEMES = ("abfs", "az", "gs", "http", "https", "s3")
# Folders of the workflow's own, and baselines, at each depth of the products.
RESERVED = frozenset(
    (
        *(
            "audit",
            "benchmarks",
            "checkpoints",
            "diagnostics",
            "downloads",
            "figures",
            "harmonics",
            "hourly_climatology",
            "locks",
            "logs",
            "moments",
            "receipts",
            "usage",
        ),
        *("baselines", "climatology", "covariances", "grid", "networks", "source", "stats"),
        "tables",
        *("latents", "reconstruction", "samples", "maps", "prior"),
    )
)


def _name(text: str) -> str:
    if text in RESERVED:
        raise ValueError(f"{text!r} is a name of the workflow's own; choose another")
    return text


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("one line of printable text is needed")
    return text


def _results(text: str) -> str:
    if not re.fullmatch(r"/?\w[\w.-]*(/\w[\w.-]*)*", text):
        raise ValueError(
            "a folder is needed, absolute or below the working folder: parts of letters, digits, "
            "_ - and ., each starting with a letter, digit or _, separated by single slashes"
        )
    return text


def _root(text: str) -> str:
    if "://" in _line(text):
        raise ValueError("a path is needed, not a URL")
    if not re.fullmatch(r"(?!-)[\w ./+=,@:%-]+", text):
        raise ValueError(
            "a path is made of letters, digits, spaces and _ - . / + = , @ : %, and does not "
            "start with -: a shell or Snakemake would read anything else"
        )
    return text


def _input(text: str) -> str:
    if ".." in PurePosixPath(_root(text)).parts:
        raise ValueError("a path below data_root holds no '..'; elsewhere, write it absolute")
    return text


def _source(text: str) -> str:
    if "://" not in text and "::" not in text:
        return _input(text)
    url = urlsplit(_line(text))
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError(
            "a URL holds no user name, password, token or signature: give them in the "
            "environment, or in the files of the client (such as ~/.aws/credentials)"
        )
    if url.scheme not in SCHEMES or "::" in text or not url.netloc:
        raise ValueError(f"a URL starts with one of {', '.join(f'{s}://' for s in SCHEMES)}")
    return text


def _endpoint(text: str) -> str:
    if urlsplit(_source(text)).scheme not in ("http", "https"):
        raise ValueError("the address of a server is needed, http:// or https://")
    return text


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32), AfterValidator(_name)]
Line = Annotated[str, AfterValidator(_line)]
ResultsFolder = Annotated[str, AfterValidator(_results)]
DataRoot = Annotated[str, AfterValidator(_root)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
InputPath = Annotated[str, AfterValidator(_input)]
SourcePath = Annotated[str, AfterValidator(_source)]
