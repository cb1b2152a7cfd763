"""A PostgreSQL server for the tests of ledgers."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["BIN", "Server", "fresh_schema", "running_server"]

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) or [Path(p) for p in [shutil.which("pg_ctl")] if p]
_COUNT = itertools.count()


class Server:
    """A PostgreSQL server of one's own, on a socket in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(folder, "postgres")
        self.run("initdb", "-D", folder / "data", "-A", "trust", "-U", "liebig", "--no-sync")
        self.start()

    def run(self, name: str, *args: object) -> None:
        command = [*self.user, str(BIN[-1].parent / name), *map(str, args)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd=self.folder)

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off"
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-m", "immediate", "stop")

    def url(self, schema: str) -> str:
        return f"postgresql://liebig@/postgres?host={self.folder}&search_path={schema}"

    def sql(self, text: str) -> None:
        """Run statements."""
        self.run("psql", "-h", self.folder, "-U", "liebig", "-d", "postgres", "-qc", text)

    def ask(self, text: str) -> list[tuple[str, ...]]:
        """The rows of a query, as texts."""
        options = ["-h", str(self.folder), "-U", "liebig", "-d", "postgres", "-qAtc", text]
        done = subprocess.run(
            [*self.user, str(BIN[-1].parent / "psql"), *options],
            check=True,
            capture_output=True,
            text=True,
            cwd=self.folder,
        )
        return [tuple(line.split("|")) for line in done.stdout.splitlines()]


@contextmanager
def running_server() -> Iterator[Server]:
    """A server that is gone with its folder when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="lbpg", dir="/tmp"))
    try:
        made = Server(folder)
        yield made
        made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fresh_schema(server: Server) -> str:
    """The address of an empty schema."""
    name = f"s{next(_COUNT)}"
    server.sql(f"CREATE SCHEMA {name}")
    return server.url(name)
