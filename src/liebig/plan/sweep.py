"""Many plans at once: models × chips × counts × sites, on all cores or on a Dask cluster, resumable."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from liebig.cluster.chip import precision_of
from liebig.cores import usable_cores
from liebig.errors import InputError, MissingExtraError
from liebig.plan.inputs import chip_of, make_training_input, setup_of, site_of
from liebig.plan.train import plan_of, search_found
from liebig.reading import is_file, read_bytes
from liebig.site.money import priced_year
from liebig.step.calibration import load_calibration
from liebig.step.software import software
from liebig.tables import Table
from liebig.transformer.architecture import architecture, architecture_from_fields

__all__ = ["Sweep", "Task", "find_sweep", "tasks_of"]

#: Progress: called with the share of the tasks that is done.
Progress = Callable[[float], None]
#: A name, or the numbers of something of the user's own.
Named = str | dict[str, Any]
_T = TypeVar("_T")
#: Options that name something, and what looks it up.
_NAMED: dict[str, Callable[[str], object]] = {
    "software": software, "calibration": load_calibration, "precision": precision_of, "date": priced_year,
}  # fmt: skip
#: How often a Dask worker that dies may take a task with it before the task counts as failed.
RETRIES = 2
#: Seconds that a scheduler may take to answer.
CONNECT_S = 30.0
#: For a cluster of this program alone.  Without an address of its own, Dask's status server takes port 8787 even where
#: no dashboard is asked for, and warns where that is taken.
NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}


@dataclass(frozen=True)
class Task:
    """One search: a model on so many chips; its layouts serve all sites, which change money and energy alone."""

    options: dict[str, Any]
    sites: tuple[Named, ...]

    @property
    def key(self) -> str:
        """Names the task among those of a results file, whatever their order.

        >>> Task({"model": "7B", "chips": 8}, ("us-average",)).key == Task({"chips": 8, "model": "7B"}, ()).key
        False
        """
        text = json.dumps([self.options, self.sites], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def notes(self) -> tuple[str, ...]:
        """What was not timed on the chip's own family, and what stands in for it."""
        try:
            return setup_of(make_training_input(**self.options)).notes
        except InputError:  # the records say why nothing could be planned
            return ()

    def run(self) -> list[dict[str, Any]]:
        """One record per site; where no layout is possible, the reason instead of numbers."""
        rows = []
        found = setup = None
        for place in self.sites:
            head = {k: _name(self.options[k]) for k in ("model", "chip", "chips")} | {"site": _name(place)}
            try:
                given = make_training_input(**self.options, site=place)
                if setup is None or found is None:
                    setup = setup_of(given)
                    found = search_found(given, setup, 1, None)
                plan = plan_of(given, setup.model_copy(update={"site": site_of(place)}), found)
            except InputError as error:
                rows.append({**head, "reason": str(error)})
                continue
            rows.append({**head, **_record(plan)})
        return rows


def _name(value: Any) -> Any:
    """What stands for a value in a table."""
    return value.get("name", "custom") if isinstance(value, dict) else value


def _record(plan: Any) -> dict[str, Any]:
    run = plan.run
    out: dict[str, Any] = {"reason": None, "layout": plan.layout_words(), "mfu": plan.utilisation()}
    amounts = {
        "step_s": plan.step_s, "days": run.days, "chip_hours": run.chip_hours, "usd": run.usd,
        "energy_mwh": run.energy_mwh, "tco2e": run.tco2e, "water_m3": run.water_m3,
        "site_power_w": run.site_power_w,
    }  # fmt: skip
    for name, amount in amounts.items():
        out |= amount.columns(name, plain_median=True)
    out |= {"tokens": plan.tokens, "batch": plan.batch, "memory_bytes": float(plan.memory.total)}
    return out


def tasks_of(
    models: Sequence[Named], chips: Sequence[Named], counts: Sequence[int], sites: Sequence[Named], **options: Any
) -> list[Task]:
    """Every combination; names are checked before anything runs.

    Args:
        models: names, sizes, files or dimensions.
        chips: names, files or numbers of chips.
        counts: numbers of chips.
        sites: names or numbers of places.
        options: fields of ``TrainingInput`` that all share.

    Raises:
        InputError: a name is not known, or an option cannot be.

    >>> len(tasks_of(["7B", "13B"], ["H100-SXM"], [64, 128], ["us-average", "france"]))
    4
    """
    for what, many in (("model", models), ("chip", chips), ("number of chips", counts), ("site", sites)):
        if not many:
            raise InputError(f"a sweep needs at least one {what}")
    for name in models:
        architecture_from_fields(name) if isinstance(name, dict) else architecture(name)
    for name in chips:
        chip_of(name)
    for name in sites:
        site_of(name)
    for option, look_up in _NAMED.items():
        if options.get(option) is not None:
            look_up(options[option])
    tasks = []
    for model, chip, count in itertools.product(_once(models), _once(chips), _once(counts)):
        own = {**options, "model": model, "chip": chip, "chips": count}
        make_training_input(**own)
        tasks.append(Task(own, tuple(_once(sites))))
    return tasks


def _once(many: Sequence[_T]) -> list[_T]:
    """Each value once, in the order given; tables are not hashable."""
    return [v for i, v in enumerate(many) if v not in many[:i]]


@dataclass(frozen=True)
class Sweep:
    """What a sweep found, in the order of its tasks."""

    records: tuple[dict[str, Any], ...]
    resumed: int
    notes: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One record per model, chip, number of chips and site."""
        return [dict(r) for r in self.records]

    def table(self) -> Table:
        """The records, tidy; blanks where no layout is possible."""
        names = list(dict.fromkeys(k for r in self.records for k in r))
        return Table.from_rows([{n: r.get(n) for n in names} for r in self.records])

    def best(self, by: str = "usd") -> dict[str, Any] | None:
        """The record with the least of a quantity, None where nothing could be planned."""
        able = [r for r in self.records if r["reason"] is None]
        if able and by not in able[0]:
            raise InputError(f"no quantity {by!r} in a sweep; choose one of {', '.join(able[0])}")
        return min(able, key=lambda r: r[by]) if able else None


class _Store:
    """Results of tasks as they finish, one JSON object a line; a line cut short by a crash is dropped."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.done: dict[str, list[dict[str, Any]]] = {}
        if path is None or not is_file(path):
            return
        good = 0
        content = read_bytes(path, "a file of a sweep")
        for line in content.splitlines(keepends=True):
            try:
                record = json.loads(line)
                self.done[record["key"]] = record["rows"]
            except (ValueError, KeyError, TypeError):
                if line.endswith(b"\n"):
                    raise InputError(f"{path}: not a file of a sweep; name another with --out, or remove it") from None
                break
            good += len(line)
        if good < len(content):
            with path.open("r+b") as file:
                file.truncate(good)

    def add(self, key: str, rows: list[dict[str, Any]]) -> None:
        """Keep what a task found, and write it down."""
        self.done[key] = rows
        if self.path is None:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "rows": rows}) + "\n")
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None


def _one(task: Task) -> list[dict[str, Any]]:
    return task.run()


def find_sweep(
    tasks: Sequence[Task],
    on: str = "local",
    workers: int | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Run every task and gather what they found.

    Args:
        tasks: from ``tasks_of``.
        on: ``local`` for processes of this machine, ``dask`` for a Dask cluster started here, or the address of
            a Dask scheduler such as ``tcp://host:8786``.
        workers: processes; all cores by default, and those of the cluster for an address.
        out: file that results go to as they come; tasks it holds already are not run again.
        progress: called with the share that is done.

    Raises:
        InputError: the file is of another kind, or the scheduler cannot be reached.
        MissingExtraError: Dask is not installed (extra ``cluster``).

    >>> sweep = find_sweep(tasks_of(["7B"], ["H100-SXM"], [8], ["us-average", "france"], batch=8, seq_len=2048))
    >>> [r["site"] for r in sweep.rows()]
    ['us-average', 'france']
    """
    store = _Store(out)
    open_tasks = [t for t in tasks if t.key not in store.done]
    resumed = len(tasks) - len(open_tasks)
    finished = resumed
    for task, rows in _results(open_tasks, on, workers):
        store.add(task.key, rows)
        finished += 1
        if progress is not None:
            progress(finished / len(tasks))
    notes = dict.fromkeys(note for t in tasks for note in t.notes())
    return Sweep(tuple(row for t in tasks for row in store.done[t.key]), resumed, tuple(notes))


def _results(tasks: Sequence[Task], on: str, workers: int | None) -> Iterator[tuple[Task, list[dict[str, Any]]]]:
    if on == "local":
        yield from _on_processes(tasks, workers or usable_cores())
    elif on == "dask" or "://" in on:
        yield from _on_dask(tasks, on, workers)
    else:
        raise InputError(
            f"on {on!r}: expected 'local', 'dask', or the address of a Dask scheduler such as tcp://host:8786"
        )


def _on_processes(tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, list[dict[str, Any]]]]:
    if workers <= 1 or len(tasks) <= 1:
        for task in tasks:
            yield task, task.run()
        return
    pool = ProcessPoolExecutor(min(workers, len(tasks)))
    try:
        futures = {pool.submit(_one, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _on_dask(tasks: Sequence[Task], on: str, workers: int | None) -> Iterator[tuple[Task, list[dict[str, Any]]]]:
    try:
        import distributed as dask_module
    except ImportError:
        raise MissingExtraError("sweeps on a Dask cluster", "cluster") from None
    distributed: Any = dask_module  # its functions carry no types
    here = _local_cluster(distributed, workers or usable_cores())
    with here if on == "dask" else contextlib.nullcontext(on) as cluster:
        try:
            client = distributed.Client(cluster, timeout=CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(
                f"on {on!r}: no Dask scheduler answers there ({error}); start one with 'dask scheduler'"
            ) from None
        try:
            futures = [client.submit(_one, t, key=f"liebig-{t.key}", pure=True, retries=RETRIES) for t in tasks]
            of_key = {f"liebig-{t.key}": t for t in tasks}
            for future, rows in distributed.as_completed(futures, loop=client.loop, with_results=True):
                yield of_key[future.key], rows
        finally:
            client.close()


@contextlib.contextmanager
def _local_cluster(distributed: Any, workers: int) -> Iterator[Any]:
    """Workers on this machine; what Dask sets in this program's environment for them to inherit is put back."""
    before = dict(os.environ)
    cluster = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, scheduler_kwargs=NO_DASHBOARD)
    try:
        yield cluster
    finally:
        cluster.close()
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
