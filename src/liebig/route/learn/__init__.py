"""Routers from outcomes: data and labels, training, thresholds with a promise, and how good a router is."""

from liebig.route.learn.assess import Assessment, assess
from liebig.route.learn.calibrate import calibrate
from liebig.route.learn.data import Labelled, labelled_from, read_labelled

__all__ = ["Assessment", "Labelled", "assess", "calibrate", "labelled_from", "read_labelled"]
