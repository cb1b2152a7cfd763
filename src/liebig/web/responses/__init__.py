"""What the page is answered: one model per question, from which its OpenAPI document and TypeScript are made."""

from liebig.web.responses.access import AccessAnswer, InequalityAnswer
from liebig.web.responses.common import Problem
from liebig.web.responses.facts import CatalogueAnswer, FactsAnswer, VersionAnswer
from liebig.web.responses.forecast import ForecastAnswer
from liebig.web.responses.levers import LeversAnswer, PackageAnswer, ParametersAnswer, RankAnswer, ReboundAnswer
from liebig.web.responses.plan import PlanAnswer
from liebig.web.responses.router import RouterAnswer

__all__ = [
    "AccessAnswer",
    "CatalogueAnswer",
    "FactsAnswer",
    "ForecastAnswer",
    "InequalityAnswer",
    "LeversAnswer",
    "PackageAnswer",
    "ParametersAnswer",
    "PlanAnswer",
    "Problem",
    "RankAnswer",
    "ReboundAnswer",
    "RouterAnswer",
    "VersionAnswer",
]
