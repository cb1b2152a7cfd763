"""The forecast in three lines."""

import liebig

result = liebig.forecast(facts="2026", until=2035)
print(result.summary())
