"""Digests that let Snakemake notice a change in code.

Snakemake notices a newer script file, changed or not, and never looks inside the modules that
a script imports. So the profile leaves its own check of code out, and every rule passes as a
parameter a digest of its script and of the library modules that it reaches through its
imports: a changed parameter is a reason to rerun. What cannot change a product does not enter:

* comments, blank lines and docstrings, so rewording one does not retrain a network;
* ``galerne/jobs``: locks, logs, records of cost and requests to stop;
* this module: what it computes stands in the parameters, where a change of it shows;
* the number of the release.

Depends on: nothing but the standard library.
"""

__all__ = ["sample_digest", "settings_digest", "source_digest"]

import ast
import hashlib
import json

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SCRIPTS = PACKAGE.parent / "workflow/scripts"
APART = (PACKAGE / "jobs", PACKAGE / "provenance.py")
SAMPLES = 16
SAMPLE_BYTES = 2**16


@cache
def source_digest(script: str, without: Collection[str] = ()) -> str:
    """Returns a digest of a script and of the library modules that it reaches.

    Arguments:
        script: The name of a file of ``workflow/scripts``, without its suffix.
        without: Modules, such as ``galerne.source.archive``, that the job imports and does
            not use; what is reached through them alone does not count either.

    Returns:
        The first 12 hexadecimal digits of a SHA-256 hash.

    Raises:
        FileNotFoundError: If there is no such script or module.
    """
    path = SCRIPTS / f"{script}.py"
    apart = APART + tuple(_file(module) for module in without)
    digest = hashlib.sha256(_code(path).encode())
    for source in sorted(_closure(path, apart)):
        digest.update(source.relative_to(PACKAGE).as_posix().encode())
        digest.update(_code(source).encode())
    return digest.hexdigest()[:12]


def settings_digest(*parts: object) -> str:
    """Returns a short name for what a computation depends on.

    Example:
        >>> settings_digest({"steps": 10}) == settings_digest({"steps": 11})
        False
    """
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def sample_digest(path: str) -> str:
    """Returns a digest of the size of a file and of blocks spread evenly over it.

    It tells whether a file was replaced, however large the file, and does not care when it was
    touched. A file of up to 1 MiB is read as a whole.

    Arguments:
        path: A file.
    """
    size = Path(path).stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with Path(path).open("rb") as file:
        for k in range(SAMPLES):
            file.seek(max(0, size - SAMPLE_BYTES) * k // (SAMPLES - 1))
            digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()[:12]


def _closure(path: Path, apart: Collection[Path] = ()) -> set[Path]:
    """Modules of the library that a file reaches, but for some files and folders."""
    seen: set[Path] = set()
    todo = [path]
    while todo:
        found = {source for name in _imports(todo.pop()) for source in _sources(name)}
        found = {source for source in found if not {source, *source.parents} & set(apart)}
        todo.extend(found - seen)
        seen |= found
    return seen


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    if not path.is_file():
        raise FileNotFoundError(f"there is no module {module}")
    return path


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
    for node in _statements(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*parent, *filter(None, [node.module])))
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return frozenset(names)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def _code(path: Path) -> str:
    tree = _tree(path)
    for node in (tree, *_statements(tree)):
        documented = isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    tree.body = [node for node in tree.body if not _is_release(node)]
    return ast.unparse(tree)  # unlike a dump, the same under every Python


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement below a node, without a look into expressions."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, block, ()):
            yield inner
            yield from _statements(inner)


def _is_release(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
