"""Results as tidy tables for pandas and polars, and as a file."""

import liebig

result = liebig.forecast(samples=4096)
frame = result.table().to_pandas()
minimum = frame[frame["quantity"] == "minimum"].set_index("year")[["p10", "p50", "p90"]]
print(minimum.loc[[2026, 2030, 2040]])

ceilings = result.table().to_polars().filter(quantity="ceiling", year=2030)
print(ceilings.select("limit", "p50", "binding_probability").sort("p50"))
