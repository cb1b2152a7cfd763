"""The machine: chips, how long kernels take on them, and how they talk to each other."""

from liebig.cluster.chip import Chip, chip, chip_names, precision_of
from liebig.cluster.kernels import gemm_time

__all__ = ["Chip", "chip", "chip_names", "gemm_time", "precision_of"]
