"""What is read: one ladder of file errors for every command, one way from a refused model to sentences."""

from __future__ import annotations

import ast
import gzip
import io
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

import liebig
from cli_support import Cli
from liebig import reading
from liebig.errors import InputError, ScenarioError, TableError
from liebig.reading import attempt, made, read_bytes, read_csv, read_json_lines, read_text, read_toml

ROOT = Path(liebig.__file__).parent
#: Errors that only ``reading`` turns into sentences; a reader that catches one makes a ladder beside it.
ONLY_IN_READING = {
    "UnicodeDecodeError", "TOMLDecodeError", "JSONDecodeError", "ValidationError", "FileNotFoundError",
    "IsADirectoryError", "NotADirectoryError", "PermissionError", "BadGzipFile",
}  # fmt: skip


def _caught(node: ast.ExceptHandler) -> set[str]:
    named = [] if node.type is None else [*ast.walk(node.type)]
    return {n.id if isinstance(n, ast.Name) else n.attr for n in named if isinstance(n, (ast.Name, ast.Attribute))}


def test_the_ladder_stands_in_one_place() -> None:
    found = {}
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        caught = {n for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) for n in _caught(node)}
        if caught & ONLY_IN_READING:
            found[str(path.relative_to(ROOT))] = sorted(caught & ONLY_IN_READING)
    assert list(found) == ["reading.py"], found


def _says(error: type[Exception], words: str, read: Callable[[], Any]) -> None:
    with pytest.raises(error) as caught:
        read()
    assert str(caught.value) == words


def test_every_step_of_the_ladder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.toml"

    def read() -> str:
        return read_text(path, "a plan")

    _says(InputError, f"{path}: no such file; expected a plan", read)
    _says(
        ScenarioError, f"{path}: no such file; expected a plan", lambda: read_text(path, "a plan", error=ScenarioError)
    )
    _says(InputError, f"{tmp_path}: is a folder; expected a plan", lambda: read_text(tmp_path, "a plan"))
    _says(InputError, "'a\\x00b': no file has such a name; expected a plan", lambda: read_text("a\0b", "a plan"))
    path.write_text("\ufeffpaper = 'é'")
    assert read() == "paper = 'é'"
    for content, words in (
        (b"", "is empty; expected a plan"),
        (b" \n\t\n", "is empty; expected a plan"),
        (b"ab\xff", "is not UTF-8 text (invalid start byte at byte 2); expected a plan, saved as UTF-8"),
        (b"a\0b", "is not text (a zero byte at 1); expected a plan"),
    ):
        path.write_bytes(content)
        _says(InputError, f"{path}: {words}", read)
    below = path / "y.toml"
    _says(InputError, f"{below}: cannot be read (Not a directory); expected a plan", lambda: read_text(below, "a plan"))
    monkeypatch.setattr(reading, "MOST_BYTES", 2**21)
    path.write_bytes(b"a" * 2**21)
    assert len(read()) == 2**21
    path.write_bytes(b"a" * (2**21 + 1))
    _says(InputError, f"{path}: holds more than 0.00195 GiB; expected a plan", read)


def forbid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody read a file, not even root, who may otherwise read anything."""
    path.chmod(0)
    if os.geteuid() == 0:

        def opened(name: str | Path, how: str) -> Any:
            if Path(name).name == path.name:
                raise PermissionError(13, "Permission denied", str(name))
            return open(name, how)

        monkeypatch.setattr(reading, "open", opened, raising=False)


def test_a_file_that_others_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.toml"
    path.write_text("a = 1")
    forbid(path, monkeypatch)
    words = f"{path}: may not be read by this user; change its rights, or name another file"
    _says(InputError, words, lambda: read_bytes(path, "a plan"))


def test_packed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv.gz"
    packed = gzip.compress(b"a,b\n1,2\n")
    path.write_bytes(packed)
    assert read_csv(path, "rows") == [{"a": "1", "b": "2"}]
    for content, reason in (
        (packed[:-9], "Compressed file ended before the end-of-stream marker was reached"),
        (b"plain", "Not a gzipped file (b'pl')"),
        (packed[:10] + b"\xff" * 20, "Error -3 while decompressing data: invalid block type"),
    ):
        path.write_bytes(content)
        _says(InputError, f"{path}: cannot be read ({reason}); expected rows", lambda: read_csv(path, "rows"))
    monkeypatch.setattr(reading, "MOST_BYTES", 2**20)
    path.write_bytes(gzip.compress(b"\n" * 2**24))  # small on disk
    with pytest.raises(InputError, match="holds more than"):
        read_csv(path, "rows")


def test_formats_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for read, content, words in (
        (read_toml, "a = 1\nb = = 2", "not valid TOML: Invalid value (at line 2, column 5)"),
        (read_toml, "a = 1979-13-01", "not valid TOML: "),
        (read_toml, "a = 1" + "0" * 5000, "not valid TOML: Exceeds the limit"),
        (read_toml, "a = " + "[" * 100_000, "not valid TOML: nested too deeply"),
        (reading.read_json, '{"a":\n1,}', "not valid JSON: "),
        (reading.read_json, "[" * 100_000, "not valid JSON: nested too deeply"),
        (read_json_lines, "1\n{\n2\n[\n", "line 2: not valid JSON: "),
        (read_json_lines, "1\n{\n2\n[\n", "; line 4: not valid JSON: "),
        (read_json_lines, "{\n" * 12, "; and 2 more; expected rows"),
        (read_json_lines, "[1, 2", "not valid JSON: "),
        (read_csv, "a,b\n", "holds no row below its header; expected rows"),
        (read_csv, "a,a\n1,2\n", "columns named twice: a"),
        (read_csv, ",\n1,2\n", "line 1: is empty; expected a header line"),
        (read_csv, 'a,b\n"1,2\n', "not valid CSV"),
    ):
        path.write_text(content)
        with pytest.raises(InputError) as caught:
            read(path, "rows")
        assert str(caught.value).startswith(f"{path}: ")
        assert words in str(caught.value)
    path.write_text("1\n\n2\n")
    assert read_json_lines(path, "rows") == [1, 2]
    path.write_text(" [1,\n2]")
    assert read_json_lines(path, "rows") == [1, 2]


def test_rows_of_other_lengths_are_all_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b\n1,2\n"x\ny",3\n1\n# 1\n,\n1,2,3\n')
    with pytest.raises(TableError) as caught:
        read_csv(path, "rows")
    lines = [(5, 1), (6, 1), (8, 3)]
    assert caught.value.problems == tuple(f"line {n}: {cells} cells, expected 2" for n, cells in lines)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=3)]
    key: str = ""

    @field_validator("key")
    @classmethod
    def _named(cls, key: str) -> str:
        if " " in key:
            raise ValueError("expected a name, got more, unable to guess")
        return key


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: Annotated[int, Field(ge=1)] = 1
    share: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    on: bool = False
    mode: Literal["fast", "slow"] = "fast"
    size: float | str | None = None
    extra: dict[str, float | str] = Field(default_factory=dict)
    parts: Annotated[tuple[Part, ...], Field(min_length=1)] = (Part(url="http"),)
    by_name: dict[str, Part] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"count": "many"}, ["count: expected a whole number (got 'many')"]),
        ({"count": 1.5}, ["count: expected a whole number (got 1.5)"]),
        ({"count": "10M"}, ["count: expected a whole number; did you mean 10000000? (got '10M')"]),
        ({"count": "1.5k"}, ["count: expected a whole number; did you mean 1500? (got '1.5k')"]),
        ({"count": "50%"}, ["count: expected a whole number (got '50%')"]),
        ({"count": "1e99"}, ["count: expected a whole number (got '1e99')"]),
        ({"count": 1e308}, ["count: expected a whole number that is not so far from 0 (got 1e+308)"]),
        ({"count": "9" * 5000}, [
            f"count: expected a whole number that is not so far from 0 (got '{'9' * 58}…)"
        ]),
        ({"count": 0}, ["count: expected a number greater than or equal to 1 (got 0)"]),
        ({"share": float("nan")}, ["share: expected a finite number (got nan)"]),
        ({"share": "x"}, ["share: expected a valid number (got 'x')"]),
        ({"on": 7}, ["on: expected true or false (got 7)"]),
        ({"mode": "fsat"}, ["mode: expected 'fast' or 'slow'; did you mean 'fast'? (got 'fsat')"]),
        ({"mode": 3}, ["mode: expected 'fast' or 'slow' (got 3)"]),
        ({"size": [1]}, ["size: expected a valid number or a text (got [1])"]),
        ({"extra": {"str": {}}}, ["extra.str: expected a valid number or a text (got {})"]),
        ({"extra": 3}, ["extra: expected a table (got 3)"]),
        ({"cuont": 3}, ["unknown option 'cuont'; did you mean 'count'?"]),
        ({"zzz": 3}, [f"unknown option 'zzz'; expected one of {', '.join(Whole.model_fields)}"]),
        ({"parts": []}, ["parts: expected to have at least 1 item (got [])"]),
        ({"parts": "x"}, ["parts: expected a list (got 'x')"]),
        ({"parts": [{"url": "u"}]}, ["parts.0.url: expected to have at least 3 characters (got 'u')"]),
        ({"parts": [{"url": "http"}, {"key": "a b"}]}, [
            "parts.1.url is missing", "parts.1.key: expected a name, got more, unable to guess (got 'a b')",
        ]),
        ({"parts": [{"url": "http", "urll": 1}]}, ["parts.0: unknown option 'urll'; did you mean 'url'?"]),
        ({"by_name": {"a": {"kee": 1}}}, [
            "by_name.a.url is missing", "by_name.a: unknown option 'kee'; did you mean 'key'?",
        ]),
        ({"by_name": {"a": 5}}, ["by_name.a: expected a table (got 5)"]),
        ({"count": "x", "on": 7}, [
            "count: expected a whole number (got 'x')", "on: expected true or false (got 7)",
        ]),
        ({"share": "x" * 80}, [f"share: expected a valid number (got '{'x' * 58}…)"]),
    ],
)  # fmt: skip
def test_problems_of_a_model_are_sentences(given: dict[str, Any], told: list[str]) -> None:
    found, problems = attempt(Whole, given, noun="option")
    assert found is None
    assert problems == told
    with pytest.raises(ScenarioError) as caught:
        made(Whole, given, "here", noun="option", error=ScenarioError)
    assert str(caught.value) == "here: " + "; ".join(told)


def test_values_that_may_be_secrets_are_not_shown() -> None:
    given = {
        "count": "many", "size": ["sk-1"], "parts": [{"url": "http", "key": "sk- 1", "kee": "sk-1"}],
    }  # fmt: skip
    _, problems = attempt(Whole, given, noun="setting", secret=True)
    assert problems == [
        "count: expected a whole number (got 'many')",
        "size: expected a valid number or a text",
        "parts.0.key: expected a name, got more, unable to guess",
        "parts.0: unknown setting 'kee'; did you mean 'key'?",
    ]


def test_cells_of_a_table_are_called_columns() -> None:
    _, problems = attempt(Part, {"key": "a b", "keyy": "x"}, noun="column")
    assert problems == [
        "column 'url' is empty; it is required",
        "column 'key': expected a name, got more, unable to guess (got 'a b')",
        "unknown column 'keyy'; did you mean 'key'?",
    ]


@dataclass(frozen=True)
class Reader:
    """A command, the file that it reads, and how it says what is wrong with that."""

    args: str
    name: str
    good: bytes
    cut: int
    missing: str = "no such file"
    folder: str = "is a folder"
    junk: str = "is not UTF-8 text"
    empty: str = "is empty"
    damaged: str = "not valid"


def _packed_router() -> bytes:
    out = io.BytesIO()
    np.savez(out, meta=np.array('{"version": 1}'), reference=np.zeros(3))
    return out.getvalue()


def _ledger() -> bytes:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute("CREATE TABLE calls (seq INTEGER PRIMARY KEY)")
        conn.executemany("INSERT INTO calls VALUES (?)", [(i,) for i in range(5000)])
        return conn.serialize()


CONFIG = b'{"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4}'
FACTS = b"id,p10,p50,p90,unit,source,as_of,licence,grade\nrun.share,0.1,0.2,0.4,fraction,x,2026,own,measured\n"
LABELS = b'{"prompt": "a", "quality": {"s": 0, "l": 1}}\n{"prompt": "b", "quality": {"s": 1, "l": 1}}\n'
LABELS_CSV = b"prompt,quality:s,quality:l\na,0,1\nb,1,1\n"
CALIBRATION = b'{"constants": {}, "effects": {}}'
RUNS = b"row_id,model,chip,n_chips,step_s\n1,Llama2-7B,A100-SXM-80GB,8,2.5\n"
SETTINGS = b"""[ledger]
url = "sqlite:ledger.db"
[[upstream]]
name = "u"
url = "http://127.0.0.1:9/v1"
key_file = "key.txt"
[[model]]
name = "m"
upstream = "u"
[routing]
router = "default"
"""
SCENARIO = b"title = 'x'\nsamples = 64\n"
RULES = b"[[rule]]\ncountries = 'Kenya'\nshare = 0.5\n"
CHIP = b"peak_bf16 = 1e15\nname = 'c'\n"
PLAN = b"chips = 8\nmodel = '7B'\n"
ROUTER = _packed_router()
OPEN = "cannot be opened"
NONE = "holds no router"
PLANS = (
    "plan train -m 7B -n 8", "plan search -m 7B -n 8", "plan sweep -m 7B -n 8", "plan budget --usd 1e6", "plan scale",
)  # fmt: skip


def readers(names: str, name: str, good: bytes, cut: int, **says: str) -> list[Reader]:
    """A reader for each of several commands, separated by semicolons."""
    return [Reader(args.strip(), name, good, cut, **says) for args in names.split(";")]


READERS = [
    *readers("forecast {f}; compare {f} {f}; sensitivity {f}; levers rank {f}", "s.toml", SCENARIO, -3),
    *readers("forecast --facts-file {f}; facts check {f}", "own.csv", FACTS, -30, damaged="cells, expected"),
    *readers("facts check {f}", "own.toml", b"[[levers]]\nid = 'x'\n", -3),
    *readers("forecast --lever routing@{f}", "m.json", b'{"p10": 1, "p50": 2, "p90": 3}', 12),
    *readers("plan train {f}; plan search {f}; plan sweep {f}; access --plan {f}", "p.toml", PLAN, -3),
    *readers("access Kenya --scenario {f}", "r.toml", RULES, 14),
    *readers("; ".join(f"{args} --chip {{f}}" for args in PLANS), "c.toml", CHIP, -3),
    *readers("plan model {f}; plan train -n 8 -m {f}", "config.json", CONFIG, 50, folder="no such file"),
    *readers("; ".join(f"{args} --calibration {{f}}" for args in PLANS[:2]), "k.json", CALIBRATION, 20),
    *readers(
        "calibrate --runs {f}; validate training --runs {f}; validate runs --runs {f}; validate memory --runs {f}",
        "r.csv", RUNS, -20, damaged="cells, expected",
    ),
    *readers(
        "route train {f} -o x.npz; route calibrate length {f} -o x.npz; route evaluate length {f}; route label {f}",
        "l.jsonl", LABELS, -5,
    ),
    *readers(
        "route evaluate length {f}", "l.jsonl.gz", gzip.compress(LABELS), 30, junk="Not a gzipped file",
        damaged="ended before the end",
    ),
    *readers("route evaluate length {f}", "l.csv", LABELS_CSV, -3, damaged="cells, expected"),
    *readers(
        "route evaluate --suite routellm --suite-data {f}", "o.csv", b"benchmark,prompt\na,b\nc,d\n", -3,
        folder="no such file", damaged="cells, expected",
    ),
    *readers(
        "route evaluate {f} l.jsonl; route calibrate {f} l.jsonl -o x.npz; route label prompts.jsonl --router {f}",
        "r.npz", ROUTER, 200, junk=NONE, empty=NONE, damaged=NONE,
    ),
    *readers(
        "route check {f}; route serve {f}; route report -c {f}; route keys list -c {f}; app --gateway {f}",
        "g.toml", SETTINGS, -3,
    ),
    *readers("route check settings.toml", "key.txt", b"sk-1\n", 0, damaged="is empty"),
    # what the command itself makes where it is absent or empty
    *readers(
        "plan sweep -m 7B -n 8 --workers 1 --out {f}", "s.jsonl", b'{"key": "k", "rows": []}\n', 9,
        missing="", junk="not a file of a sweep", empty="", damaged="",
    ),
    *readers(
        "route keys list -c settings.toml", "ledger.db", _ledger(), 5000,
        missing="", folder=OPEN, junk=OPEN, empty="", damaged=OPEN,
    ),
]  # fmt: skip
BESIDE = {"settings.toml": SETTINGS, "l.jsonl": LABELS, "prompts.jsonl": b'{"prompt": "a"}\n{"prompt": "b"}\n'}


@pytest.mark.parametrize("fault", ["missing", "folder", "forbidden", "junk", "empty", "damaged"])
@pytest.mark.parametrize("reader", READERS, ids=lambda r: f"{r.args.replace('{f}', r.name)}")
def test_a_file_that_cannot_be_used(reader: Reader, fault: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, one message that names the file and what is wrong with it, and nothing is written."""
    words = "may not be read" if fault == "forbidden" else getattr(reader, fault)
    if not words:
        pytest.skip("this command makes the file, or mends it")
    for name, content in BESIDE.items():
        if name in reader.args:
            (cli.folder / name).write_bytes(content)
    path = cli.folder / reader.name
    if fault == "folder":
        path.mkdir()
    elif fault != "missing":
        contents = {"forbidden": reader.good, "junk": b"\xff\xfe\x00\x01junk\n" * 300, "empty": b""}
        path.write_bytes(contents.get(fault, reader.good[: reader.cut]))
    if fault == "forbidden":
        if reader.name == "ledger.db":
            pytest.skip("not opened by reading; see test_a_file_of_another_user")
        forbid(path, monkeypatch)
    said = cli.fails(*reader.args.format(f=reader.name).split())
    assert said.startswith("error: ")
    assert said.count("error:") == 1
    assert reader.name in said
    assert words in said
