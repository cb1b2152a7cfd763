"""The prompt router: answer each prompt with the cheapest model that is good enough.

>>> from liebig.route import Request, load_router
>>> router = load_router("default", ("small", "large"))
>>> prompts = "Say hello.", "Prove step by step that there are infinitely many primes; solve x^2 = 2 and x^3 = 3."
>>> easy, hard = router.score([Request(p) for p in prompts])[:, 0]
>>> bool(easy > hard)
True
"""

from liebig.route.choose import RoutingPolicy, policy_of
from liebig.route.learn.assess import Assessment, assess
from liebig.route.learn.calibrate import calibrate
from liebig.route.learn.data import Labelled, labelled_from, read_labelled
from liebig.route.policy import Choice, Policy, RoutingTarget, target_of
from liebig.route.request import Answer, Request
from liebig.route.router import Calibrated, LearnedRouter, RuleRouter, load_router, train_router
from liebig.route.settings import Settings, read_settings

__all__ = [
    "Answer",
    "Assessment",
    "Calibrated",
    "Choice",
    "Labelled",
    "LearnedRouter",
    "Policy",
    "Request",
    "RoutingPolicy",
    "RoutingTarget",
    "RuleRouter",
    "Settings",
    "assess",
    "calibrate",
    "labelled_from",
    "load_router",
    "policy_of",
    "read_labelled",
    "read_settings",
    "target_of",
    "train_router",
]
