"""Levers: what each remedy does to parameters; ranking, packages, rebound."""

from liebig.levers.package import Package, best_package
from liebig.levers.rank import Bench, LeverEffect, Ranking, make_bench, rank_levers
from liebig.levers.rebound import Rebound, rebound
from liebig.levers.vectors import Lever, check_compatible, get_lever, lever_changes, parse_lever, resolve_levers

__all__ = [
    "Bench",
    "Lever",
    "LeverEffect",
    "Package",
    "Ranking",
    "Rebound",
    "best_package",
    "check_compatible",
    "get_lever",
    "lever_changes",
    "make_bench",
    "parse_lever",
    "rank_levers",
    "rebound",
    "resolve_levers",
]
