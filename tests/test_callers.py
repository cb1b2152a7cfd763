"""Nothing public is without a caller: what a module defines is used, shown as an interface, or a command.

A test is no caller: what only its own test uses does nothing for anybody.
"""

from __future__ import annotations

import ast
import functools
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import liebig
from liebig.limits.registry import LIMITS

ROOT = Path(liebig.__file__).parent
HERE = Path(__file__).parents[1]
CONF = HERE / "docs" / "conf.py"
MODULES = {m.name for m in pkgutil.walk_packages([str(ROOT)], "liebig.")} | {"liebig"}
#: Of the step, where only a doctest and pins name them so far.
UNCALLED = {"liebig.step.arrays.Array", "liebig.step.layout.Layouts.but"}
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _path(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


TREES = {module: _parsed(_path(module)) for module in sorted(MODULES)}
#: Programs beside the package, which call it too.
PROGRAMS = {str(p): _parsed(p) for folder in ("tools", "examples") for p in (HERE / folder).rglob("*.py")}


def _is_package(module: str) -> bool:
    return _path(module).name == "__init__.py"


def _defined(module: str) -> Iterator[tuple[str, ast.stmt]]:
    """Public functions, classes and constants of a module."""
    for node in TREES[module].body:
        if isinstance(node, Named):
            found = [node.name]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = [
                n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            ]
        else:
            continue
        yield from ((name, node) for name in found if not name.startswith("_"))


def _listed(module: str) -> set[str]:
    """The names of ``__all__``."""
    for node in TREES[module].body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return {c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
    return set()


def _imports(tree: ast.Module, module: str = "") -> dict[str, tuple[str, str]]:
    """What the names that a program imports are: a module and a name within it, or a module and nothing."""
    out: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                out[alias.asname or alias.name] = _meant(node.module, alias.name, module)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in MODULES:
                    out[alias.asname or alias.name.partition(".")[0]] = (alias.name if alias.asname else "liebig", "")
    return out


@functools.cache
def _passed_on(package: str) -> dict[str, tuple[str, str]]:
    return _imports(TREES[package], package)


def _meant(module: str, name: str, asking: str = "") -> tuple[str, str]:
    """Where a name of a module is defined; packages pass names on, and a name of their own hides a module."""
    if _is_package(module) and module != asking:
        defined = {n for n, _ in _defined(module)}
        if name in defined:
            return module, name
        if name in _passed_on(module):
            return _passed_on(module)[name]
    inner = f"{module}.{name}"
    return (inner, "") if inner in MODULES else (module, name)


def _used() -> set[tuple[str, str]]:
    """Module and name of all that is used outside its own definition; what a package only passes on is not."""
    out: set[tuple[str, str]] = set()
    for module, tree in (TREES | PROGRAMS).items():
        imported = _imports(tree, module)
        defined = dict(_defined(module)) if module in TREES else {}
        for top in tree.body:
            for node in ast.walk(top):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    if node.id in defined and defined[node.id] is not top:
                        out.add((module, node.id))
                    out.add(imported.get(node.id, ("", "")))
                elif isinstance(node, ast.Attribute):
                    here, _ = imported.get(ast.unparse(node.value).partition(".")[0], ("", ""))
                    for part in ast.unparse(node.value).split(".")[1:]:
                        here = _meant(here, part)[0] if here in MODULES else ""
                    out.add(_meant(here, node.attr) if here in MODULES else ("", ""))
    return out


def _shown() -> set[tuple[str, str]]:
    """The documented interface: what packages list, and modules that the reference pages show."""
    (value,) = (
        n.value for n in _parsed(CONF).body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "_PYTHON"
    )  # fmt: skip
    shown = {f"liebig.{name}" for name in eval(compile(ast.Expression(value), str(CONF), "eval"), {"LIMITS": LIMITS})}
    return {_meant(m, name) for m in MODULES if m in shown or _is_package(m) for name in _listed(m)}


def _is_command(node: ast.stmt) -> bool:
    decorators = node.decorator_list if isinstance(node, Named) else []
    return any(re.match(r"\w+\.(command|callback)\b", ast.unparse(d)) for d in decorators)


def test_everything_public_has_a_caller() -> None:
    known = _used() | _shown()
    without = [f"{m}.{n}" for m in TREES for n, node in _defined(m) if (m, n) not in known and not _is_command(node)]
    assert set(without) <= UNCALLED


def _methods(module: str) -> Iterator[tuple[str, str]]:
    """Class and name of public methods and properties; those that pydantic or a command line calls are left out."""
    for node in TREES[module].body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) and not inner.name.startswith("_"):
                    kinds = {ast.unparse(d) for d in inner.decorator_list}
                    if kinds <= {"property", "staticmethod", "classmethod", "functools.cached_property", "override"}:
                        yield node.name, inner.name


def test_every_method_is_called_somewhere() -> None:
    """By name alone: what is called like a method that is used counts as used."""
    called = {n.attr for tree in (TREES | PROGRAMS).values() for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    shown = {w for p in (HERE / "docs").rglob("*.md") for w in re.findall(r"\.(\w+)\(", p.read_text(encoding="utf-8"))}
    without = [f"{m}.{c}.{n}" for m in TREES for c, n in _methods(m) if n not in called | shown]
    assert set(without) <= UNCALLED
