"""The tree keeps its shape: mirrored tests, short files, short functions, documented names."""

import ast

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(p for p in (ROOT / "galerne").rglob("*.py") if p.name != "__init__.py")
ROOMS = sorted(p.parent for p in (ROOT / "galerne").glob("*/__init__.py"))
ELSEWHERE = {"galerne/stages.py": "tests/workflow/test_dag.py"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_has_a_mirrored_test(path: Path) -> None:
    room = path.relative_to(ROOT / "galerne").parent
    mirror = ELSEWHERE.get(relative(path), f"tests/{room}/test_{path.name}")
    assert (ROOT / mirror).is_file()


@pytest.mark.parametrize("room", ROOMS, ids=relative)
def test_room_has_no_test_without_a_module(room: Path) -> None:
    tests = {path.name for path in (ROOT / "tests" / room.name).glob("test_*.py")}
    assert tests <= {f"test_{path.name}" for path in room.glob("*.py")}


@pytest.mark.parametrize("path", ROOMS, ids=relative)
def test_room_opens_with_a_docstring_and_imports_nothing(path: Path) -> None:
    (only,) = ast.parse((path / "__init__.py").read_text()).body
    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_is_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    tree = ast.parse(text)
    long = [node.name for node in ast.walk(tree) if is_long(node)]
    assert not long


def is_long(node: ast.AST) -> bool:
    if not isinstance(node, Function):
        return False
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return bool(body) and body[-1].end_lineno - body[0].lineno >= 60


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_lists_and_documents_what_it_offers(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    offered = offered_names(tree)
    defined = {node.name: node for node in tree.body if isinstance(node, Function | ast.ClassDef)}
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    assert offered
    assert not set(offered) - set(defined) - assigned
    bare = [name for name, node in defined.items() for name in undocumented(node)]
    assert not bare


def offered_names(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def undocumented(node: Function | ast.ClassDef) -> list[str]:
    if node.name.startswith("_"):
        return []
    inner = [n for n in node.body if isinstance(n, Function) and isinstance(node, ast.ClassDef)]
    own = [] if ast.get_docstring(node) else [node.name]
    return own + [f"{node.name}.{name}" for method in inner for name in undocumented(method)]


def test_tests_are_proportionate_to_the_library() -> None:
    library = sum(len(path.read_text().splitlines()) for path in MODULES)
    tests = sum(len(path.read_text().splitlines()) for path in (ROOT / "tests").rglob("*.py"))
    assert tests >= 0.6 * library
