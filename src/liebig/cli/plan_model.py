"""``liebig plan model``: parameters, FLOP, bytes and activations of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from liebig.cli import plan_options as p
from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from liebig.transformer import Architecture


@answers(outputs=("json",))
def model(
    name: Annotated[
        str, typer.Argument(help="Name, size (70B), or a Hugging Face config.json.", autocompletion=p.complete_models)
    ],
    seq: Annotated[int, typer.Option("--seq", help="Tokens of a sequence.", min=1)] = 8192,
    micro_batch: Annotated[int, typer.Option(help="Sequences, for the activations.", min=1)] = 1,
) -> Answer:
    """What a model amounts to: parameters, FLOP by every convention, bytes of weights, cache and activations."""
    from liebig.transformer import architecture
    from liebig.transformer.summary import summarise

    found = architecture(name)
    rows = summarise(found, float(seq), float(micro_batch))
    return Answer(
        show=lambda: _show(found, rows),
        content=lambda: {"name": found.name, "dimensions": found.model_dump(exclude={"name"}), "quantities": rows},
    )


def _show(found: Architecture, rows: list[dict[str, Any]]) -> None:
    from liebig.cli.render import console, grid

    out = console()
    out.print(found.name, style="bold")
    kept = {k: v for k, v in found.model_dump(exclude={"name"}).items() if v not in (0, False, None)}
    out.print("  " + ", ".join(f"{k} {int(v) if v is not True else 'yes'}" for k, v in kept.items()), soft_wrap=True)
    out.print()
    table = grid("quantity", "value", "unit", "", right=(1,))
    for row in rows:
        table.add_row(row["quantity"], f"{row['value']:.4g}", row["unit"], row["note"])
    out.print(table)
