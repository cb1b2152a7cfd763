"""``liebig route``: answer each prompt with the cheapest model that is good enough."""

from __future__ import annotations

import typer

from liebig.cli import route_learn, route_serve

__all__ = ["app"]

app = typer.Typer(
    help="Answer each prompt with the cheapest model that is good enough.", no_args_is_help=True, rich_markup_mode=None
)
app.command("train")(route_learn.train)
app.command("calibrate")(route_learn.calibrate)
app.command("evaluate")(route_learn.evaluate)
app.command("label")(route_learn.label)
app.command("check")(route_serve.check)
app.command("serve")(route_serve.serve)
app.command("report")(route_serve.report)
app.add_typer(route_serve.keys, name="keys")
