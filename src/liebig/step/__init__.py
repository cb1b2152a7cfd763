"""One step of a machine: layout, work of layers, traffic, memory, pipeline, time, and the search of layouts."""

from liebig.step.calibration import Calibration, builtin_calibration, load_calibration
from liebig.step.layout import Layouts
from liebig.step.memory import Memory, memory
from liebig.step.parts import parts
from liebig.step.search import Space, search
from liebig.step.software import Software, software
from liebig.step.time import Breakdown, assemble

__all__ = [
    "Breakdown",
    "Calibration",
    "Layouts",
    "Memory",
    "Software",
    "Space",
    "assemble",
    "builtin_calibration",
    "load_calibration",
    "memory",
    "parts",
    "search",
    "software",
]
