"""Change formulas at random and see whether a test fails: mutation testing of the mechanisms.

    python tools/mutate.py [run] [--packages step,site] [--each 60] [--seed 0] [--jobs 2] [--again]
    python tools/mutate.py report

``run`` draws mutants of each package, tests those that have no result yet, and writes ``benchmarks/MUTATION.md``;
stopped, it goes on where it was.  ``--again`` tests those that survived once more, after tests were added.  Mutants
come from the operators of cosmic-ray (extra ``mutation``), those that change arithmetic, comparisons, conditions and
numbers, and from one that drops a term or a factor.  Its runner is not used: it starts a process and writes a file for
each mutant.  Here a mutant lives in the memory of a forked process alone, where NumPy, pytest and the facts are
loaded already, so that one takes a second, and the working tree stays as it is.

A mutant is first run against the numbers in ``tests/pins`` and the doctests of its package, then against the other
tests of the package; it is killed by the first that fails, or by using four times the time that all take without it.
What a survivor means is written into ``benchmarks/mutation_notes.csv``, which the report reads.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from mutants import ROOT, Mutant, mutant_code, operators, sample

RESULTS = ROOT / "build" / "mutation.jsonl"
REPORT, NOTES = ROOT / "benchmarks" / "MUTATION.md", ROOT / "benchmarks" / "mutation_notes.csv"
#: Package -> its tests besides ``tests/pins/test_<package>*.py`` and doctests.
PACKAGES = {
    "step": ["test_pipeline.py", "test_plan.py", "test_constants.py"],
    "transformer": ["test_transformer.py"],
    "site": ["test_site.py"],
    "uncertainty": ["test_uncertainty.py"],
    "levers": ["test_levers.py"],
    "cluster": ["test_cluster.py", "test_families.py"],
    "limits": ["test_limits.py", "test_limit_registry.py", "test_changes_over_time.py"],
}
#: Loaded before forking; none of them imports what is mutated.
PRELOAD = ("pytest", "hypothesis", "numpy", "scipy.special", "scipy.stats.qmc", "pydantic", "liebig.catalog")


# ---- running


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from changed source."""

    def __init__(self, name: str, path: Path, code: str) -> None:
        self.name, self.path, self.code = name, path, code

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, origin=str(self.path))
        spec.has_location = True
        return spec

    def exec_module(self, module: Any) -> None:
        exec(compile(self.code, str(self.path), "exec"), module.__dict__)


def _test(package: str, mutant: Mutant | None) -> None:
    """Run the tests of a package in this process, and end it: 0 when all pass."""
    import pytest

    try:
        if mutant is not None:
            path = ROOT / "src" / "liebig" / mutant.module
            code = mutant_code(path, operators()[mutant.operator], mutant.occurrence)
            assert code is not None
            name = f"liebig.{package}.{path.stem}"
            sys.meta_path.insert(0, _Mutated(name, path, code))
            importlib.import_module(name)
        options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "-o", "addopts=", "--doctest-modules",
                   "--import-mode=importlib", "-m", "not slow",
                   "-W", "ignore::pytest.PytestAssertRewriteWarning"]  # fmt: skip
        folder = ROOT / "tests" / "pins"
        pins = sorted(str(p) for p in (*folder.glob(f"test_{package}*.py"), folder / "test_records.py"))
        done = pytest.main([*options, "--noconftest", *pins, str(ROOT / "src" / "liebig" / package)])
        done = done or pytest.main([*options, *(str(ROOT / "tests" / t) for t in PACKAGES[package])])
    except BaseException:  # the change broke what is done on import
        traceback.print_exc()
        done = 1
    sys.stdout.flush()
    os._exit(int(done))


def _start(package: str, mutant: Mutant | None, limit_s: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    log = os.open(os.devnull if mutant else str(RESULTS.with_suffix(".log")), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 5))
    signal.alarm(20 * limit_s)  # one that sleeps uses no time of the processor
    _test(package, mutant)
    raise AssertionError("not reached")


def _without_mutant(package: str) -> float:
    """Processor seconds of the tests of a package; they must pass."""
    _, status, usage = os.wait4(_start(package, None, 600), 0)
    if status:
        raise SystemExit(f"the tests of {package} fail without any change: see {RESULTS.with_suffix('.log')}")
    return usage.ru_utime + usage.ru_stime


def _outcome(status: int) -> str:
    if os.WIFSIGNALED(status):  # by the limit of time, or by someone else
        return "killed" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM) else "error"
    return {0: "survived", 1: "killed", 2: "killed"}.get(os.WEXITSTATUS(status), "error")


def run_all(todo: list[Mutant], jobs: int) -> None:
    """Test mutants, as many at a time as jobs, and write down each result."""
    limits: dict[str, int] = {}
    running: dict[int, Mutant] = {}
    left = list(todo)
    start = time.time()
    while left or running:
        while left and len(running) < jobs:
            m = left.pop(0)
            if m.package not in limits:
                limits[m.package] = 30 + 4 * round(_without_mutant(m.package))
            running[_start(m.package, m, limits[m.package])] = m
        pid, status = os.wait()
        m = running.pop(pid)
        if _outcome(status) != "error":
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": m.key, "outcome": _outcome(status)}) + "\n")
        done = len(todo) - len(left) - len(running)
        print(f"{done}/{len(todo)} {time.time() - start:.0f} s {m.module}:{m.line} {_outcome(status)}", flush=True)


# ---- report


def _results() -> tuple[dict[str, str], dict[str, str]]:
    """Outcomes by key: when a mutant was drawn, and with the tests that were added since."""
    if not RESULTS.exists():
        return {}, {}
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return {r["key"]: r["outcome"] for r in reversed(rows)}, {r["key"]: r["outcome"] for r in rows}


def _notes() -> dict[tuple[str, str, str], str]:
    if not NOTES.exists():
        return {}
    with NOTES.open(encoding="utf-8", newline="") as file:
        return {(r["module"], r["before"], r["after"]): r["note"] for r in csv.DictReader(file)}


def report(drawn: dict[str, tuple[list[Mutant], int]], seed: int) -> str:
    """The table of packages and the list of survivors, in Markdown."""
    (first, last), notes = _results(), _notes()
    out = [
        "# Mutation testing of the mechanisms",
        "",
        f"Written by `tools/mutate.py` (seed {seed}); operators of cosmic-ray and dropped terms. Mutants are drawn at "
        "random from all that a package has; a killed one fails a test of the package. The share when drawn is that of "
        "the first run, the share now counts tests that were added since. Tests for the survivors of a draw "
        "have seen it, also where a file changed and its mutants were tested anew: only a new seed tells how many of "
        "all mutants the tests kill.",
        "",
        "| package | all mutants | drawn | killed when drawn | killed now | survived | share when drawn | share now |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    total = [0, 0, 0, 0]
    lines: list[str] = []
    for package, (mutants, count) in drawn.items():
        found = [m for m in mutants if m.key in last]
        alive = [m for m in found if last[m.key] == "survived"]
        numbers = (count, len(found), sum(first[m.key] == "killed" for m in found), len(found) - len(alive))
        total = [a + b for a, b in zip(total, numbers, strict=True)]
        out.append(_row(package, *numbers))
        lines += [
            f"| `{m.module}:{m.line}` | `{_cell(m.before)}` | `{_cell(m.after)}` | "
            f"{notes.get((m.module, m.before, m.after), 'open')} |"
            for m in sorted(alive, key=lambda m: (m.module, m.line))
        ]
    out += [_row("**all**", *total), "", "## Survivors", "", "| place | line | changed to | why it survives |"]
    return "\n".join([*out, "|---|---|---|---|", *lines, ""])


def _row(name: str, count: int, drawn: int, first: int, now: int) -> str:
    shares = (f"{100 * killed / max(drawn, 1):.1f} %" for killed in (first, now))
    return f"| {name} | {count:,} | {drawn} | {first} | {now} | {drawn - now} | {' | '.join(shares)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Run or report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command", nargs="?", choices=("run", "report"), default="run")
    parser.add_argument("--packages", default=",".join(PACKAGES), help="comma-separated")
    parser.add_argument("--each", type=int, default=60, help="mutants of each package")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="test survivors once more")
    given = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    os.chdir(ROOT)
    drawn = {p: sample(p, given.each, given.seed, RESULTS.parent) for p in PACKAGES}
    if given.command == "run":
        os.nice(10)
        for name in PRELOAD:
            importlib.import_module(name)
        sys.modules["liebig.catalog"].load_catalog()
        loaded = [m for m in sys.modules if m.startswith(tuple(f"liebig.{p}" for p in PACKAGES))]
        assert not loaded, f"loaded before they can be changed: {loaded}"
        _, known = _results()
        settled = {k for k, v in known.items() if v == "killed" or not given.again}
        wanted = given.packages.split(",")
        run_all([m for p in wanted for m in drawn[p][0] if m.key not in settled], given.jobs)
    REPORT.write_text(report(drawn, given.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
