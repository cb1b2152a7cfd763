"""Colours: each is written once, here, whether it marks a limit, a line of a picture or a word in the terminal.

The first seven are safe for colour-blind readers: M. Okabe & K. Ito, "Color universal design", 2008.
"""

from __future__ import annotations

__all__ = [
    "ALERT", "BLACK", "BLUE", "FAINT", "GREEN", "GREY", "INK", "KINDS", "ORANGE", "PARTS", "PURPLE", "RULE",
    "SERIES", "SKY_BLUE", "SOFT", "VERMILION", "WHITE",
]  # fmt: skip

BLACK = "#000000"
ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"

WHITE = "#FFFFFF"
#: Labels and text.
INK = "#333333"
#: Text of less weight.
SOFT = "#555555"
#: What is compared with: a second line, a rule through a picture.
GREY = "#8A8A8A"
#: Axes and borders.
RULE = "#BBBBBB"
#: Grids.
FAINT = "#EEEEEE"

#: Groups without a meaning of their own, in this order.
SERIES = (
    BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY_BLUE, "#882255", "#44AA99", "#999933", SOFT, "#117733", "#AA4499",
)  # fmt: skip

#: The parts of a step: shades of one colour are of one kind.
PARTS = {
    "matmul": BLUE, "attention": SKY_BLUE, "memory": "#7FB8DC", "head": "#004D7A", "recompute": "#8A6BBE",
    "launch": PURPLE, "tensor": ORANGE, "context": "#F0C05A", "expert": "#B87F00", "sharding": "#D98C3F",
    "bubble": RULE, "sends": VERMILION, "data": "#B24700", "optimizer": GREEN, "stragglers": "#888888",
}  # fmt: skip
#: Work of a pipeline.
KINDS = {"forward": SKY_BLUE, "backward": BLUE, "weights": "#004D7A", "update": GREEN}

#: What is bad, in the terminal: by name, so that its theme decides.
ALERT = "red"
