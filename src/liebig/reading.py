"""What is read: one ladder from a file to its content, one way from content to a checked model.

Every error names the file, what was wrong and what was expected; problems of a file are told all at once.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import tomllib
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from liebig.errors import InputError, TableError
from liebig.problems import sentences, switches_as_numbers

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = [
    "attempt", "csv_rows", "is_file", "is_folder", "json_of", "made", "read_bytes", "read_csv", "read_json",
    "read_json_lines", "read_text", "read_toml", "real_path", "toml_of",
]  # fmt: skip

#: Largest content that is read, bytes; what is larger is a mistake, or would fill the memory.
MOST_BYTES = 2**30
#: Bad lines of a file, or bad cells of a row, that are told of at most.
MOST_LISTED = 10
_BLOCK = 2**20

M = TypeVar("M", bound="BaseModel")


def is_file(path: str | Path) -> bool:
    r"""True where there is a file; False also for a loop of links, a name no file can have, a folder without rights.

    >>> is_file("absent.toml"), is_file("a" * 9999), is_file("a\0b")
    (False, False, False)
    """
    return os.path.isfile(path)  # unlike the method of a path, it raises nothing


def is_folder(path: str | Path) -> bool:
    r"""True where there is a folder; False where ``is_file`` is for the same reasons.

    >>> is_folder("."), is_folder("a\0b")
    (True, False)
    """
    return os.path.isdir(path)


def real_path(path: str | Path) -> Path:
    """Where a path leads, all links followed; a path that leads nowhere is given as it is written.

    >>> real_path("./a/../b") == Path.cwd() / "b"
    True
    """
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return Path(os.path.abspath(path))


def read_bytes(path: str | Path, what: str, *, error: type[InputError] = InputError) -> bytes:
    """The content of a file; of one whose name ends in ``.gz`` what is packed in it.

    Args:
        path: of the file.
        what: the file is expected to be, such as "a scenario (TOML)".
        error: raised where it cannot be read.

    Raises:
        InputError: no such file, a folder, no right to read it, damaged, or larger than ``MOST_BYTES``.

    >>> read_bytes("absent.toml", "a scenario (TOML)")
    Traceback (most recent call last):
    liebig.errors.InputError: absent.toml: no such file; expected a scenario (TOML)
    """
    parts: list[bytes] = []
    size = 0
    try:
        with open(path, "rb") as raw, gzip.GzipFile(fileobj=raw) if _is_packed(path) else raw as file:
            while size <= MOST_BYTES and (block := file.read(_BLOCK)):
                parts.append(block)
                size += len(block)
    except FileNotFoundError:
        raise error(f"{path}: no such file; expected {what}") from None
    except IsADirectoryError:
        raise error(f"{path}: is a folder; expected {what}") from None
    except PermissionError:
        raise error(f"{path}: may not be read by this user; change its rights, or name another file") from None
    except (OSError, EOFError, zlib.error) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise error(f"{path}: cannot be read ({reason}); expected {what}") from None
    except ValueError:  # a NUL in the name
        raise error(f"{str(path)!r}: no file has such a name; expected {what}") from None
    if size > MOST_BYTES:
        raise error(f"{path}: holds more than {MOST_BYTES / 2**30:.3g} GiB; expected {what}")
    return b"".join(parts)


def _is_packed(path: str | Path) -> bool:
    return str(path).lower().endswith(".gz")


def read_text(path: str | Path, what: str, *, error: type[InputError] = InputError) -> str:
    """The text of a file in UTF-8, a mark of byte order left out; see ``read_bytes`` for the arguments.

    Raises:
        InputError: it cannot be read, is no text in UTF-8, or is empty.
    """
    try:
        text = read_bytes(path, what, error=error).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        at = f"{problem.reason} at byte {problem.start}"
        raise error(f"{path}: is not UTF-8 text ({at}); expected {what}, saved as UTF-8") from None
    if "\0" in text:
        raise error(f"{path}: is not text (a zero byte at {text.index(chr(0))}); expected {what}")
    if not text.strip():
        raise error(f"{path}: is empty; expected {what}")
    return text


def _parsed(parse: Callable[[str], Any], text: str, where: object, kind: str, error: type[InputError]) -> Any:
    try:
        return parse(text)
    except RecursionError:
        raise error(f"{where}: not valid {kind}: nested too deeply") from None
    except ValueError as problem:  # a number too long to be one, beside what the format refuses
        raise error(f"{where}: not valid {kind}: {problem}") from None


def toml_of(text: str, where: object, *, error: type[InputError] = InputError) -> dict[str, Any]:
    """The content of a text in TOML; ``where`` is what errors name.

    Raises:
        InputError: not TOML; says in which line.

    >>> toml_of("a = 1", "here")
    {'a': 1}
    >>> toml_of("a = = 1", "here")
    Traceback (most recent call last):
    liebig.errors.InputError: here: not valid TOML: Invalid value (at line 1, column 5)
    """
    content: dict[str, Any] = _parsed(tomllib.loads, text, where, "TOML", error)
    return content


def json_of(text: str, where: object, *, error: type[InputError] = InputError) -> Any:
    """The content of a text in JSON; ``where`` is what errors name.

    Raises:
        InputError: not JSON; says in which line.

    >>> json_of("[1", "here")
    Traceback (most recent call last):
    liebig.errors.InputError: here: not valid JSON: Expecting ',' delimiter: line 1 column 3 (char 2)
    """
    return _parsed(json.loads, text, where, "JSON", error)


def read_toml(path: str | Path, what: str, *, error: type[InputError] = InputError) -> dict[str, Any]:
    """The content of a TOML file; see ``read_bytes`` for arguments and ``read_text`` for errors."""
    return toml_of(read_text(path, what, error=error), path, error=error)


def read_json(path: str | Path, what: str, *, error: type[InputError] = InputError) -> Any:
    """The content of a JSON file; see ``read_bytes`` for arguments and ``read_text`` for errors."""
    return json_of(read_text(path, what, error=error), path, error=error)


def read_json_lines(path: str | Path, what: str) -> list[Any]:
    """The values of a file with one JSON value a line, or with one list of them.

    Raises:
        InputError: it cannot be read; lines that are not JSON are named, ten of them at most.
    """
    text = read_text(path, what)
    if text.lstrip().startswith("["):
        return list(json_of(text, path))
    out, problems = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                out.append(json_of(line, f"line {number}"))
            except InputError as problem:
                problems.append(str(problem))
    if problems:
        raise InputError(f"{path}: {_first(problems)}; expected {what}")
    return out


def _first(problems: Sequence[str]) -> str:
    more = len(problems) - MOST_LISTED
    return "; ".join(problems[:MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")


def csv_rows(text: str, name: str, *, comments: bool = False) -> list[tuple[int, dict[str, str]]]:
    r"""Rows of a text in CSV below its header, each with the number of its line; blank lines are left out.

    Args:
        text: with commas between cells.
        name: what errors name.
        comments: whether lines that start with ``#`` are left out too.

    Raises:
        TableError: not CSV, a column named twice, or rows of other lengths than the header; all are named.

    >>> csv_rows("a,b\n1,2\n\n3,4\n", "t.csv")
    [(2, {'a': '1', 'b': '2'}), (4, {'a': '3', 'b': '4'})]
    >>> csv_rows("a,b\n1\n1,2,3\n", "t.csv")
    Traceback (most recent call last):
    liebig.errors.TableError: t.csv: 2 problems
      line 2: 1 cells, expected 2
      line 3: 3 cells, expected 2
    """
    csv.field_size_limit(MOST_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    problems: list[str] = []
    try:
        header = [h.strip() for h in next(reader, [])]
        if not any(header):
            raise TableError(name, ["line 1: is empty; expected a header line"])
        doubled = sorted({h for h in header if header.count(h) > 1})
        if doubled:
            raise TableError(name, [f"line 1: columns named twice: {', '.join(doubled)}"])
        for cells in reader:
            if not any(c.strip() for c in cells) or (comments and cells[0].startswith("#")):
                continue
            if len(cells) != len(header):
                problems.append(f"line {reader.line_num}: {len(cells)} cells, expected {len(header)}")
                continue
            rows.append((reader.line_num, dict(zip(header, cells, strict=True))))
    except csv.Error as problem:
        problems.append(f"line {reader.line_num}: not valid CSV ({problem})")
    if problems:
        raise TableError(name, problems)
    return rows


def read_csv(path: str | Path, what: str) -> list[dict[str, str]]:
    """Rows of a CSV file as texts.

    Raises:
        InputError: it cannot be read, is not CSV, or has no row below its header.
    """
    rows = [cells for _, cells in csv_rows(read_text(path, what), str(path))]
    if not rows:
        raise InputError(f"{path}: holds no row below its header; expected {what}")
    return rows


def made(
    model: type[M], given: Mapping[str, Any], where: str = "", *, noun: str = "name",
    error: type[InputError] = InputError, secret: bool = False,
) -> M:  # fmt: skip
    """A pydantic model of what is given.

    Args:
        model: to be made.
        given: its fields.
        where: what errors name first, empty for nothing.
        noun: what a field is called in errors, such as "option".
        error: raised where the model cannot be made.
        secret: whether values may be secrets in the wrong place; see ``problems.sentences``.

    Raises:
        InputError: one sentence for each problem, all in one message.
    """
    found, problems = attempt(model, given, noun=noun, secret=secret)
    if found is None:
        raise error((f"{where}: " if where else "") + "; ".join(problems))
    return found


def attempt(
    model: type[M], given: Mapping[str, Any], *, noun: str = "name", secret: bool = False
) -> tuple[M | None, list[str]]:
    """A pydantic model of what is given, or None and one sentence for each problem; see ``made`` for the arguments."""
    from pydantic import ValidationError

    switches = switches_as_numbers(given, model)
    try:
        found = model.model_validate(given)
    except ValidationError as error:
        problems = sentences(error.errors(include_url=False), given, model, noun=noun, secret=secret)
        named = {problem.partition(":")[0] for problem in problems}
        return None, [*problems, *(s for s in switches if s.partition(":")[0] not in named)]
    return (None, switches) if switches else (found, [])
