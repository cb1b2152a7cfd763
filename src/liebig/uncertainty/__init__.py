"""Uncertain numbers: marginals, dependence, sampling, quantiles, sensitivity, scores."""

from liebig.uncertainty.copula import CorrelationWarning, nearest_correlation, pearson_from_spearman
from liebig.uncertainty.interval import INTERVAL_LEVELS, Interval
from liebig.uncertainty.marginals import FAMILIES, Marginal, make_marginal, point, quantile
from liebig.uncertainty.notation import parse_marginal
from liebig.uncertainty.quantiles import quantiles
from liebig.uncertainty.sampling import Joint, check_seed, make_joint, sample, sobol_blocks, transform

__all__ = [
    "FAMILIES",
    "INTERVAL_LEVELS",
    "CorrelationWarning",
    "Interval",
    "Joint",
    "Marginal",
    "check_seed",
    "make_joint",
    "make_marginal",
    "nearest_correlation",
    "parse_marginal",
    "pearson_from_spearman",
    "point",
    "quantile",
    "quantiles",
    "sample",
    "sobol_blocks",
    "transform",
]
