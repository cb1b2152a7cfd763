"""When does a lever start to pay?  Synthetic data costs compute before it lifts a limit that binds."""

from liebig.forecast import rank_levers

for year in (2028, 2030, 2035, 2040):
    ranking = rank_levers(year, samples=2048)
    effect = {e.lever.id: e for e in ranking.effects}["synthetic-data-generated"]
    low, _, high = effect.paired
    print(year, f"x{effect.ratio:.2f}", f"({low:.2f}-{high:.2f})", f"P(worse) {effect.negative:.0%}")
