"""``liebig route check``, ``serve``, ``report`` and ``keys``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, Written, answers

if TYPE_CHECKING:
    from liebig.route.ledger.protocol import Ledger
    from liebig.route.ledger.records import Key
    from liebig.route.savings.report import Savings
    from liebig.route.settings import Settings

T = TypeVar("T")

keys = typer.Typer(help="Keys of clients: add, list, set, revoke.", no_args_is_help=True, rich_markup_mode=None)

ConfigArgument = Annotated[Path, typer.Argument(help="The gateway's settings (TOML).")]
ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The gateway's settings (TOML).", metavar="FILE")]
BudgetOption = Annotated[float | None, typer.Option("--budget", help="USD that the key may spend per period.")]
PerOption = Annotated[str | None, typer.Option("--per", help="Period of the budget: day, week, month, total.")]
RpmOption = Annotated[int | None, typer.Option("--rpm", help="Requests a minute.")]
TpmOption = Annotated[int | None, typer.Option("--tpm", help="Tokens a minute.")]
AllowOption = Annotated[
    str | None, typer.Option("--models", help="Names it may ask for; by default all.", metavar="A,B")
]


@answers(outputs=("json",))
def check(config: ConfigArgument) -> Answer:
    """Read the settings, the router and the keys of upstreams, and say what a request would do; nothing is sent."""
    from liebig.errors import InputError
    from liebig.route.choose import policy_of
    from liebig.route.settings import read_settings, secret_of

    settings = read_settings(config)
    policy = policy_of(settings)
    problems = []
    for upstream in settings.upstream:
        try:
            secret_of(upstream, settings.folder)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError(f"{config}: " + "; ".join(problems))
    _, reason = policy.threshold(policy.target)
    warnings = []
    if reason == "uncalibrated":
        warnings.append("the router is not calibrated: no quality is promised; run liebig route calibrate")
    if reason == "beyond calibration":
        warnings.append("no calibrated threshold reaches the wanted quality: every request goes to the strongest model")
    unpriced = [m.name for m in settings.pool if not m.input_usd_per_mtok + m.output_usd_per_mtok]
    if unpriced:
        warnings.append(f"no price of {', '.join(unpriced)}: what is saved cannot be told")
    content = {
        "config": str(config), "listen": f"{settings.server.host}:{settings.server.port}",
        "models": list(policy.models),
        "router": policy.router.name, "looks_at_answers": policy.looks, "decides": reason, "warnings": warnings,
    }  # fmt: skip
    return Answer(show=lambda: _show_settings(settings, content), content=lambda: content)


def _show_settings(settings: Settings, content: Mapping[str, Any]) -> None:
    from liebig.cli.render import console, grid

    out = console()
    out.print(f"{content['config']} can be used: {content['router']} router, {content['decides']}", style="bold")
    table = grid("model", "upstream", "USD/Mtok in", "out", "falls back to", right=(2, 3))
    for m in settings.model:
        table.add_row(
            m.name, settings.upstream_named(m.upstream).url, f"{m.input_usd_per_mtok:g}", f"{m.output_usd_per_mtok:g}",
            ", ".join(m.fallbacks) or "–",
        )  # fmt: skip
    out.print(table)
    for text in content["warnings"]:
        out.print(f"note: {text}", style="dim")


def serve(config: ConfigArgument) -> None:
    """Run the gateway: an OpenAI-compatible API in front of your models; stops on Ctrl-C once answers are finished."""
    from liebig.route.gateway.serve import serve as run

    run(config)


@answers()
def report(
    config: ConfigOption,
    by: Annotated[str, typer.Option("--by", help="total, key, model or day.")] = "total",
    since: Annotated[str | None, typer.Option("--since", help="From this day on (2026-11-25).", metavar="DAY")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Before this day.", metavar="DAY")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Calls of this key only.")] = None,
    lever: Annotated[
        Path | None,
        typer.Option("--lever", help="Write the lever 'routing' as measured.", metavar="FILE"),
        Written(".json"),
    ] = None,
) -> Answer:
    """What calls took, what the strongest model alone would have taken, and whether traffic has drifted."""
    import asyncio
    import json

    from liebig.route.savings.lever import as_lever
    from liebig.route.savings.tally import savings_of

    start, end = _day(since, "--since"), _day(until, "--until")
    found = asyncio.run(savings_of(config, by, start, end, key))  # type: ignore[arg-type]
    if lever:
        o.write_text(lever, json.dumps(as_lever(found), indent=2) + "\n")
    return Answer(show=lambda: _show_report(found), content=found.to_dict, table=lambda: found.table().to_csv())


def _day(text: str | None, option: str) -> float | None:
    from liebig.dates import utc_seconds
    from liebig.errors import InputError

    try:
        return None if text is None else utc_seconds(text)
    except InputError as error:
        raise InputError(f"{option}: {error}") from None


def _show_report(found: Savings) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_interval

    out = console()
    total = found.total
    if not total.calls:
        out.print("No calls in the ledger yet.", style="bold")
        return
    strong = format_interval(total.usd_strong, write=".4g")
    saved = "" if total.usd_saved is None else f", {total.usd_saved:.0%} less"
    out.print(
        f"{total.calls} calls cost {total.usd:.4g} USD; {found.strong or 'the strongest model'} alone would have cost "
        f"{strong}{saved}.",
        style="bold",
    )
    table = grid(
        found.by, "calls", "errors", "tokens in", "out", "USD", "strong only", "kWh", "gCO2e", "calls saved",
        "USD saved", right=tuple(range(1, 11)),
    )  # fmt: skip
    for i in (*found.items, *((total,) if len(found.items) > 1 else ())):
        shares = ["–" if v is None else f"{v:.0%}" for v in (i.calls_saved, i.usd_saved)]
        table.add_row(
            i.group, str(i.calls), str(i.errors), str(i.prompt_tokens), str(i.completion_tokens), f"{i.usd:.4g}",
            f"{i.usd_strong[1]:.4g}", f"{i.kwh:.3g}", f"{i.g_co2:.3g}", *shares,
        )  # fmt: skip
    out.print(table)
    for text in found.warnings:
        out.print(f"note: {text}", style="dim")


def _with_ledger(config: Path, work: Callable[[Ledger], Awaitable[T]], *, create: bool = False) -> T:
    """Do something with the ledger that settings name; only what adds to it makes one."""
    import asyncio

    from liebig.route.ledger.open import open_ledger
    from liebig.route.settings import read_settings

    url = read_settings(config).ledger_url

    async def run() -> T:
        ledger = open_ledger(url, create=create)
        await ledger.open()
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return asyncio.run(run())


def _limits(
    budget: float | None, per: str | None, rpm: int | None, tpm: int | None, models: str | None
) -> dict[str, Any]:
    given = {
        "budget_usd": budget, "budget_period": per, "rpm": rpm, "tpm": tpm,
        "models": None if models is None else tuple(n.strip() for n in models.split(",") if n.strip()),
    }  # fmt: skip
    return {k: v for k, v in given.items() if v is not None}


@keys.command("add")
@answers(outputs=("json",))
def add_key(
    name: Annotated[str, typer.Argument(help="Who or what it is for.")],
    config: ConfigOption,
    budget: BudgetOption = None,
    per: PerOption = None,
    rpm: RpmOption = None,
    tpm: TpmOption = None,
    models: AllowOption = None,
) -> Answer:
    """Make a key; its secret is shown once and kept nowhere."""
    limits = _limits(budget, per, rpm, tpm, models)
    key, secret = _with_ledger(config, lambda ledger: ledger.add_key(name, **limits), create=True)
    text = f"key {key.id} for {key.name}: {secret}\nkeep it now: it is not stored and cannot be shown again"
    return Answer(show=lambda: typer.echo(text), content=lambda: {**asdict(key), "secret": secret})


@keys.command("list")
@answers(outputs=("json",))
def list_keys(config: ConfigOption) -> Answer:
    """All keys with their limits and what they have spent."""

    async def read(ledger: Ledger) -> list[tuple[Key, float]]:
        return [(k, await ledger.spent_usd(k.id, k.budget_period)) for k in await ledger.list_keys()]

    found = _with_ledger(config, read)
    return Answer(
        show=lambda: _show_keys(found), content=lambda: [{**asdict(k), "spent_usd": spent} for k, spent in found]
    )


def _show_keys(found: list[tuple[Key, float]]) -> None:
    from liebig.cli.render import console, grid

    table = grid("key", "name", "spent", "budget", "rpm", "tpm", "models", "", right=(2, 3, 4, 5))
    for k, spent in found:
        budget = "–" if k.budget_usd is None else f"{k.budget_usd:g} USD/{k.budget_period}"
        table.add_row(
            k.id, k.name, f"{spent:.4g}", budget, str(k.rpm or "–"), str(k.tpm or "–"), ", ".join(k.models) or "all",
            "revoked" if k.revoked else "",
        )  # fmt: skip
    console().print(table if found else "No keys yet: liebig route keys add NAME --config FILE")


@keys.command("set")
def set_key(
    name: Annotated[str, typer.Argument(help="Name or id.")],
    config: ConfigOption,
    budget: BudgetOption = None,
    per: PerOption = None,
    rpm: RpmOption = None,
    tpm: TpmOption = None,
    models: AllowOption = None,
) -> None:
    """Change limits of a key; those not named stay."""
    from liebig.errors import InputError

    limits = _limits(budget, per, rpm, tpm, models)
    if not limits:
        raise InputError("nothing to change; give --budget, --per, --rpm, --tpm or --models")
    key = _with_ledger(config, lambda ledger: ledger.update_key(name, **limits))
    typer.echo(f"changed key {key.id} of {key.name}")


@keys.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="Name or id.")], config: ConfigOption) -> None:
    """End a key: requests with it are refused within two seconds."""
    key = _with_ledger(config, lambda ledger: ledger.revoke_key(name))
    typer.echo(f"revoked key {key.id} of {key.name}")
