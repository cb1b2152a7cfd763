"""Running machines somewhere: their power, energy, carbon, water and money."""

from liebig.site.footprint import Footprint, footprint
from liebig.site.money import Owned, Prices, owned_usd_per_chip_hour, rental_usd_per_chip_hour
from liebig.site.place import Site, site, site_names
from liebig.site.power import chip_power_w, server_power_w

__all__ = [
    "Footprint",
    "Owned",
    "Prices",
    "Site",
    "chip_power_w",
    "footprint",
    "owned_usd_per_chip_hour",
    "rental_usd_per_chip_hour",
    "server_power_w",
    "site",
    "site_names",
]
