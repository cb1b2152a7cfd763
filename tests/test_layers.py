"""Imports point down, importing is light, and what is public is listed."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import liebig

ROOT = Path(liebig.__file__).parent
#: The house from the roof to the ground; a package imports from its own row or from a lower one.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("web",),
    ("evidence",),
    ("plan", "access", "route", "compress", "powercap"),
    ("forecast",),
    ("levers",),
    ("limits",),
    ("step", "site"),
    ("transformer", "cluster"),
    ("uncertainty", "catalog"),
    ("charts", "toml_files"),
    ("tables", "files", "dates", "reading", "cores", "palette"),
    ("problems",),
    ("quantities",),
    ("units",),
    ("errors",),
)
HEIGHT = {name: len(LAYERS) - i for i, layer in enumerate(LAYERS) for name in layer}
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(ROOT)], "liebig."))


def _package(module: str) -> str:
    return module.split(".")[1]


def _source(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _imported(module: str) -> frozenset[str]:
    """Modules that a module imports anywhere: at its top, within functions, and under TYPE_CHECKING."""
    tree = ast.parse(_source(module).read_text(encoding="utf-8"))
    out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: write imports in full"
            for name in node.names:
                full = f"{node.module}.{name.name}"
                out |= {n for n in (full if full in MODULES else node.module,) if n.startswith("liebig.")}
        elif isinstance(node, ast.Import):
            out |= {a.name for a in node.names if a.name.startswith("liebig.")}
    return frozenset(out) - {"liebig.__version__", module}


def test_every_package_has_its_place() -> None:
    assert {_package(m) for m in MODULES} <= set(HEIGHT)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    here = _package(module)
    for other in _imported(module):
        there = _package(other)
        assert here == there or HEIGHT[there] < HEIGHT[here] or {here, there} == {"uncertainty", "catalog"}, (
            f"{module} imports {other}, which does not lie below it"
        )


def _circle_from(module: str, done: set[str], path: list[str]) -> list[str]:
    """The first circle of imports reached from a module, as the modules on it; empty where there is none."""
    if module in path:
        return [*path[path.index(module) :], module]
    if module in done:
        return []
    for other in sorted(_imported(module)):
        found = _circle_from(other, done, [*path, module])
        if found:
            return found
    done.add(module)
    return []


def test_no_module_imports_itself_through_others() -> None:
    """Not within functions and not under TYPE_CHECKING either: what needs the other to be explained is one thing."""
    done: set[str] = set()
    for module in MODULES:
        circle = _circle_from(module, done, [])
        assert not circle, " imports ".join(circle)


def test_the_circle_finder_finds_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}
    monkeypatch.setattr(sys.modules[__name__], "_imported", lambda m: frozenset(known[m]))
    assert _circle_from("a", set(), []) == ["b", "d", "b"]
    assert _circle_from("c", set(), []) == []


def test_every_package_is_an_attribute() -> None:
    packages = {_package(m) for m in MODULES if (ROOT / _package(m)).is_dir()} - {"cli", "web"}
    assert packages <= set(liebig.__all__), "list each package in liebig.__all__"
    for name in packages:
        assert getattr(liebig, name).__name__ == f"liebig.{name}"


def test_uncertainty_knows_nothing_of_the_catalogue() -> None:
    for module in MODULES:
        if _package(module) == "uncertainty":
            assert not any(_package(m) == "catalog" for m in _imported(module)), module


@pytest.mark.parametrize("module", [m for m in MODULES if m not in ("liebig.__main__",)])
def test_what_is_public_is_listed(module: str) -> None:
    loaded = importlib.import_module(module)
    if module.startswith("liebig.cli."):
        return
    listed = loaded.__all__
    assert sorted(listed) == sorted(set(listed))
    for name in listed:
        assert getattr(loaded, name, None) is not None, f"{module}.{name} is listed but absent"
    for name in listed:
        thing = getattr(loaded, name)
        if callable(thing) and getattr(thing, "__module__", "") == module:
            assert thing.__doc__, f"{module}.{name} has no docstring"


#: What only Linux, or only some Unix, has; elsewhere the name is absent and a call ends in an AttributeError.
ONLY_LINUX = {
    "os": {
        "copy_file_range", "eventfd", "getrandom", "memfd_create", "pidfd_open", "pipe2", "posix_fadvise",
        "posix_fallocate", "sched_getaffinity", "sched_setaffinity", "setns", "splice", "unshare",
    },
    "select": {"epoll"},
    "signal": {"SIGPWR", "SIGRTMAX", "SIGRTMIN", "SIGSTKFLT", "sigtimedwait", "sigwaitinfo"},
    "socket": {"SO_BINDTODEVICE", "TCP_KEEPIDLE", "TCP_QUICKACK", "TCP_USER_TIMEOUT"},
    "time": {"CLOCK_BOOTTIME", "pthread_getcpuclockid"},
}  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_called_that_only_linux_has(module: str) -> None:
    for node in ast.walk(ast.parse(_source(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.attr not in ONLY_LINUX.get(node.value.id, ()), f"{module}: {node.value.id}.{node.attr}"


def _loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import liebig",
        "import liebig.cli.app",
        "import sys; sys.argv = ['liebig', '--help']\nfrom liebig.cli import main\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main()",
    ],
)
def test_importing_and_help_stay_light(code: str) -> None:
    loaded = _loaded_by(code)
    heavy = {"scipy", "numpy", "pandas", "polars", "altair", "pint", "pydantic", "torch", "fastapi"}
    assert not heavy & loaded


def test_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert version("liebig") == liebig.__version__


def test_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'foo'"):
        _ = liebig.foo
    assert "forecast" in dir(liebig)
