"""Access: which countries, clubs and organisations can afford a site or a run, and what each lacks.

>>> from liebig.access import find_access
>>> find_access(countries=("Kenya", "United States"), need="1 GW", samples=256).hosts[0].name
'United States'
"""

from liebig.access.atlas import country_table, map_table, measures
from liebig.access.club import Club, join
from liebig.access.efficiency import Efficiency, efficiency_access
from liebig.access.embargo import Embargo, embargo_cost
from liebig.access.export import ExportScenario, export_scenarios, find_scenario
from liebig.access.find import find_access
from liebig.access.firms import Owners, owner_access
from liebig.access.inputs import AccessInput, make_access_input
from liebig.access.owners import Coverage, coverage
from liebig.access.places import Place, find_place
from liebig.access.result import Access, PlaceAccess
from liebig.access.spend import BestUse, best_use
from liebig.access.unequal import Dependency, Inequality, dependency, inequality

__all__ = [
    "Access",
    "AccessInput",
    "BestUse",
    "Club",
    "Coverage",
    "Dependency",
    "Efficiency",
    "Embargo",
    "ExportScenario",
    "Inequality",
    "Owners",
    "Place",
    "PlaceAccess",
    "best_use",
    "country_table",
    "coverage",
    "dependency",
    "efficiency_access",
    "embargo_cost",
    "export_scenarios",
    "find_access",
    "find_place",
    "find_scenario",
    "inequality",
    "join",
    "make_access_input",
    "map_table",
    "measures",
    "owner_access",
]
