"""Arithmetic of a transformer: parameters, FLOP, bytes and activations from its dimensions."""

from liebig.transformer.architecture import Architecture, architecture, architecture_names, architecture_of_size
from liebig.transformer.arithmetic import FLOP_CONVENTIONS, flops_per_token, parameters
from liebig.transformer.shape import Shape, stack

__all__ = [
    "FLOP_CONVENTIONS",
    "Architecture",
    "Shape",
    "architecture",
    "architecture_names",
    "architecture_of_size",
    "flops_per_token",
    "parameters",
    "stack",
]
