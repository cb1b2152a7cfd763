"""Every command that reads a file: a loop of links, or whatever else, ends with exit code 2 and one sentence.

What is in a file that can be opened, and who may open it, is tried in ``test_reading``.
"""

from __future__ import annotations

import ast
import inspect
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

import liebig
from cli_support import Cli
from liebig.cli.app import app
from liebig.cli.command import Written
from liebig.errors import InputError
from liebig.reading import is_file, is_folder, real_path
from liebig.route.ledger.sqlite_work import open_file
from liebig.route.ledger.unsaved import read_left
from liebig.transformer import architecture

#: What a command writes.
OUTPUTS = {"csv", "plot", "html"}
PLAN = "-m Llama2-7B -n 64"
#: Command and parameter -> the ending of the file's name and the words of the command, with BAD for the file.
GIVEN = {
    "forecast scenario": (".toml", "BAD"), "forecast facts_file": (".csv", "--facts-file BAD"),
    "forecast lever": (".json", "--lever routing@BAD"),
    "compare a": (".toml", "BAD good.toml"), "compare b": (".toml", "good.toml BAD"),
    "sensitivity scenario": (".toml", "BAD"), "sensitivity facts_file": (".csv", "--facts-file BAD"),
    "trends facts_file": (".csv", "--facts-file BAD"), "backtest facts_file": (".toml", "--facts-file BAD"),
    "app gateway": (".toml", "--gateway BAD --no-browser"),
    "access plan": (".toml", "--plan BAD"), "access scenario": (".toml", "--scenario BAD"),
    "levers rank scenario": (".toml", "BAD"), "levers rank facts_file": (".csv", "--facts-file BAD"),
    "levers show facts_file": (".csv", "routing --facts-file BAD"),
    "levers package scenario": (".toml", "BAD"), "levers package facts_file": (".csv", "--facts-file BAD"),
    "levers rebound scenario": (".toml", "BAD"), "levers rebound facts_file": (".csv", "--facts-file BAD"),
    "plan train plan": (".toml", "BAD"), "plan train calibration": (".json", f"{PLAN} --calibration BAD"),
    "plan train model": (".json", "-m BAD -n 64"), "plan train chip": (".toml", f"{PLAN} --chip BAD"),
    "plan search plan": (".toml", "BAD"), "plan search calibration": (".json", f"{PLAN} --calibration BAD"),
    "plan scale chip": (".toml", "--chip BAD"),
    "plan budget calibration": (".json", "--chips 64 --days 9 --calibration BAD"),
    "plan budget chip": (".toml", "--chips 64 --days 9 --chip BAD"),
    "plan sweep plan": (".toml", "BAD"), "plan sweep calibration": (".json", f"{PLAN} --calibration BAD"),
    "plan model name": (".json", "BAD"),
    "validate training runs": (".csv", "--runs BAD"),
    "validate training calibration": (".json", "--runs rows.csv --calibration BAD"),
    "validate memory runs": (".csv", "--runs BAD"),
    "validate runs runs": (".csv", "--runs BAD"), "validate runs calibration": (".json", "--calibration BAD"),
    "calibrate runs": (".csv", "--runs BAD"),
    "route train data": (".jsonl", "BAD --out r.npz"), "route calibrate data": (".csv", "length BAD --out r.npz"),
    "route calibrate router": (".npz", "BAD rows.jsonl"),
    "route evaluate data": (".jsonl.gz", "length BAD"), "route evaluate router": (".npz", "BAD rows.jsonl"),
    "route evaluate folder": (".csv.gz", "--suite routellm --suite-data BAD"),
    "route label prompts": (".jsonl", "BAD"), "route label router": (".npz", "open.jsonl --router BAD"),
    "route check config": (".toml", "BAD"), "route serve config": (".toml", "BAD"),
    "route report config": (".toml", "--config BAD"), "route keys add config": (".toml", "a --config BAD"),
    "route keys list config": (".toml", "--config BAD"),
    "route keys set config": (".toml", "a --rpm 3 --config BAD"),
    "route keys revoke config": (".toml", "a --config BAD"),
    "facts list facts_file": (".csv", "--facts-file BAD"), "facts search facts_file": (".csv", "gpu --facts-file BAD"),
    "facts show facts_file": (".toml", "campus --facts-file BAD"), "facts check file": (".csv", "BAD"),
}  # fmt: skip


def _commands(group: typer.Typer, names: str = "") -> Iterator[tuple[str, Callable[..., object]]]:
    for command in group.registered_commands:
        assert command.callback is not None
        yield f"{names}{command.name or command.callback.__name__.replace('_', '-')}", command.callback
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from _commands(inner.typer_instance, f"{names}{inner.name} ")


def _is_read(name: str, kind: object) -> bool:
    marks = getattr(kind, "__metadata__", ())
    is_path = Path in (kind, *typing.get_args(kind), *(a for k in typing.get_args(kind) for a in typing.get_args(k)))
    shown = any(getattr(m, "metavar", None) in ("FILE", "DIR") for m in marks)
    return (is_path or shown) and name not in (*OUTPUTS, "out") and not any(isinstance(m, Written) for m in marks)


def test_every_command_that_reads_a_file_is_tried() -> None:
    found = set()
    for command, call in _commands(app):
        signature = inspect.signature(call, eval_str=not hasattr(call, "__signature__"))
        found |= {f"{command} {n}" for n, p in signature.parameters.items() if _is_read(n, p.annotation)}
    assert len(found) > 35
    assert not found - GIVEN.keys()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _loop_of_two(path: Path) -> None:
    other = path.with_name(f"other-{path.name}")
    other.symlink_to(path.name)
    path.symlink_to(other.name)


def _folder(path: Path) -> None:
    path.mkdir()


def _binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 9)


def _zeros(path: Path) -> None:
    path.write_bytes(b"a,b\n\0\0\0\0")


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _empty(path: Path) -> None:
    path.touch()


def _missing(path: Path) -> None:
    """There is none."""


KINDS = {
    "loop": _loop, "loop of two": _loop_of_two, "folder": _folder, "binary": _binary, "zeros": _zeros,
    "dangling": _dangling, "empty": _empty, "missing": _missing, "long": _missing,
    "below a file": _missing,
}  # fmt: skip
FILES = {"long": "x" * 300, "below a file": "good.toml/x"}


#: A loop with every command, and one of the others, in turn.
OTHERS = [kind for kind in KINDS if kind != "loop"]
TRIED = [(given, kind) for i, given in enumerate(GIVEN) for kind in ("loop", OTHERS[i % len(OTHERS)])]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    (tmp_path / "good.toml").write_text("samples = 64\n")
    rows = "".join(f'{{"prompt": "{i}", "quality": {{"a": 1, "b": 1}}}}\n' for i in range(40))
    (tmp_path / "rows.jsonl").write_text(rows)
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    (tmp_path / "open.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    return Cli(tmp_path)


@pytest.mark.parametrize(("given", "kind"), TRIED)
def test_what_cannot_be_read_is_one_sentence(cli: Cli, given: str, kind: str) -> None:
    ending, words = GIVEN[given]
    name = FILES.get(kind, "bad") + ending
    KINDS[kind](cli.folder / name)
    if kind == "folder" and given == "route evaluate folder":
        pytest.skip("a folder may be given")
    command = given.rpartition(" ")[0].split()
    error = cli.fails(*command, *(w.replace("BAD", name) for w in words.split()))
    assert name[:50] in error
    assert error.startswith("error: ")
    lines = error.rstrip().split("\n")
    assert len(lines) == 1 or error.startswith(f"error: {name}: "), error


def test_outputs_beside_a_loop_and_through_one(cli: Cli) -> None:
    """The fault that was: comparing the file with what is written to followed its links without end."""
    _loop(cli.folder / "loop.csv")
    assert "cannot be read" in cli.fails("calibrate", "--runs", "loop.csv", "--out", "c.json")
    assert "cannot be read" in cli.fails("forecast", "loop.csv", "--csv", "out.csv")
    assert "is a link that leads back to itself" in cli.fails("forecast", "--csv", "loop.csv")
    assert "cannot be written" in cli.fails("forecast", "--csv", "x" * 300 + ".csv")


def test_a_chip_that_is_like_itself_over_links(tmp_path: Path) -> None:
    chip = tmp_path / "a.toml"
    chip.write_text('like = "b.toml"')
    (tmp_path / "b.toml").symlink_to("a.toml")
    with pytest.raises(InputError, match="leads back to the file itself"):
        liebig.cluster.chip(str(chip))


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("a\0b", "\ud800", "x" * 9999):
        assert not is_file(name)
        assert not is_folder(name)
        assert str(real_path(name)).endswith(name)
        with pytest.raises(InputError):
            architecture(name)
        with pytest.raises(InputError):
            architecture(f"{name}.json")
    with pytest.raises(InputError, match="there is no folder"):
        open_file("a\0b/ledger.db", 1.0)
    _folder(tmp_path / "left.jsonl")
    with pytest.raises(InputError, match="is a folder; expected outcomes of calls"):
        read_left(tmp_path / "left.jsonl")


#: Methods of a path that raise on loops of links, rights and names, and who may call them: on files of liebig's own.
ASKING = {"exists", "is_file", "is_dir", "resolve", "samefile", "read_text", "read_bytes"}
OF_ITS_OWN = {
    "catalog/__init__.py", "catalog/loader.py", "cluster/collectives.py", "cluster/kernels.py", "cluster/measure.py",
    "evidence/training/published.py", "route/gateway/metrics.py", "web/server.py",
}  # fmt: skip


def test_paths_of_users_are_asked_about_in_one_place() -> None:
    root = Path(liebig.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKING
    }
    assert found == OF_ITS_OWN
