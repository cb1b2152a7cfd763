"""The ``liebig`` command for tests: inside this process, or in one of its own as a user starts it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from steady import PATIENCE_S

__all__ = ["Cli"]


class Cli:
    """Runs the command in a folder and checks how it ends.

    A call runs ``liebig.cli.main`` in this process with arguments, working folder and streams of its own: what is read,
    printed, written and returned is that of the program, without a second for the imports.  ``process`` starts the
    program itself, for what only a process shows.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = _checked(_run_here(args, self.folder), code)
        if "--json" in args and code == 0:
            _holds_its_notes(done)
        return done

    def process(self, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command in a process of its own, as a user does."""
        command = [sys.executable, "-m", "liebig", *args]
        done = subprocess.run(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        return _checked(done, code)

    def fails(self, *args: str) -> str:
        """Run what must end with exit code 2, one message, and nothing written or printed."""
        before = sorted(p.name for p in self.folder.iterdir())
        done = self(*args, code=2)
        assert done.stdout == ""
        assert sorted(p.name for p in self.folder.iterdir()) == before
        return done.stderr


def _checked(done: subprocess.CompletedProcess[str], code: int) -> subprocess.CompletedProcess[str]:
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def _holds_its_notes(done: subprocess.CompletedProcess[str]) -> None:
    """Whatever a command notes beside its answer stands in its JSON too; names of written files need not."""
    notes = [n.removeprefix("note: ") for n in done.stderr.splitlines() if n.startswith("note: ")]
    lost = [n for n in notes if not n.startswith("wrote ") and json.dumps(n, ensure_ascii=False) not in done.stdout]
    assert not lost, f"printed, but not in the JSON: {lost}"


def _run_here(args: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    from liebig.cli import main

    out, err = _stream(), _stream()
    code = 0
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ),
        mock.patch.multiple(sys, argv=["liebig", *args], stdin=io.StringIO(), stdout=out, stderr=err),
    ):
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return subprocess.CompletedProcess(["liebig", *args], code, _text(out), _text(err))


def _stream() -> io.TextIOWrapper:
    """A stream over bytes, as standard output is when it goes into a file."""
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode("utf-8")
