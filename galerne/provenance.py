"""Digests that let Snakemake notice a change in library code.

Snakemake reruns a job when its script file changes, but it does not look inside the
modules that the script imports. A digest of the sources a script reaches, passed as a rule
parameter, closes that gap: a changed parameter is a reason to rerun. Comments, blank lines
and docstrings do not enter the digest, so rewording a docstring does not retrain a network.

Depends on: nothing but the standard library.
"""

__all__ = ["settings_digest", "source_digest"]

import ast
import hashlib
import json

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SCRIPTS = PACKAGE.parent / "workflow/scripts"


@cache
def source_digest(script: str) -> str:
    """Returns a digest of the library modules that a script reaches through its imports.

    Arguments:
        script: The name of a file of ``workflow/scripts``, without its suffix.

    Returns:
        The first 12 hexadecimal digits of a SHA-256 hash.

    Raises:
        FileNotFoundError: If there is no such script.
    """
    digest = hashlib.sha256()
    for path in sorted(_closure(SCRIPTS / f"{script}.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(_code(path).encode())
    return digest.hexdigest()[:12]


def settings_digest(*parts: object) -> str:
    """Returns a short name for what a computation depends on.

    Example:
        >>> settings_digest({"steps": 10}) == settings_digest({"steps": 11})
        False
    """
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _closure(path: Path) -> set[Path]:
    seen: set[Path] = set()
    todo = [path]
    while todo:
        found = {source for name in _imports(todo.pop()) for source in _sources(name)}
        todo.extend(found - seen)
        seen |= found
    return seen


def _sources(module: str) -> list[Path]:
    """Files run by importing a module: its own and those of the packages that hold it."""
    head, *rest = module.split(".")
    if head != PACKAGE.name:
        return []
    found = [PACKAGE / "__init__.py"]
    base = PACKAGE
    for name in rest:
        base /= name
        if base.is_dir():
            found.append(base / "__init__.py")
        elif base.with_suffix(".py").is_file():
            found.append(base.with_suffix(".py"))
    return found


@cache
def _imports(path: Path) -> frozenset[str]:
    inside = path.is_relative_to(PACKAGE)
    package = (PACKAGE.name, *path.relative_to(PACKAGE).parent.parts) if inside else ()
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*parent, *filter(None, [node.module])))
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return frozenset(names)


@cache
def _code(path: Path) -> str:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        documented = isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)
