"""How many layouts Calculon evaluates in a second of processor time; run in a process of its own.

    CALCULON=FOLDER python benchmarks/calculon_peer.py LAYOUTS shipped|silent

FOLDER is an unmodified checkout of https://github.com/calculon-ai/calculon.  Layouts are drawn at random from all that
it enumerates for GPT-3 175B on 4,096 A100, batch 4,096, and each is evaluated by the same calls as its own search
makes.  "shipped" gives every model the logger that its search gives it, "silent" turns logging off first.
Prints one line of JSON; importing, reading and enumerating are not timed.
"""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import time
from pathlib import Path

CHIPS = BATCH = 4096


def main(count: int, mode: str) -> None:
    """Evaluate ``count`` layouts and print how long that took."""
    root = Path(os.environ["CALCULON"])
    sys.path.insert(0, str(root))
    sys.dont_write_bytecode = True
    import calculon
    from calculon.llm import Llm, System
    from calculon.llm.all_executions import AllExecutions
    from calculon.llm.optimal_execution import OptimalExecution

    logging.getLogger().setLevel(logging.INFO)
    model = Llm.Application(calculon.io.read_json_file(str(root / "models/gpt3-175B.json")))
    described = calculon.io.read_json_file(str(root / "systems/a100_80g.json"))
    described["mem2"]["GiB"] = 0  # no second memory, so that nothing is offloaded
    system = System(described)
    names = Llm.Execution.fields()
    layouts = list(AllExecutions.all_executions(model, system, CHIPS, BATCH, "float16", [True]))
    drawn = random.Random(1).sample(layouts, count)
    space = len(layouts)
    del layouts
    if mode == "silent":
        logging.disable(logging.CRITICAL)
    best: list[tuple[float, dict[str, object], object]] = []
    start = time.process_time()
    for values in drawn:
        layout = dict(zip(names, values, strict=False))
        try:
            one = Llm(model, logging.Logger("sub"))
            one.compile(system, Llm.Execution.from_json(layout))
            one.run(system)
            stats = one.get_stats_json(False)
            best = OptimalExecution.update_list(best, (stats["sample_rate"], layout, stats), 1)
        except Llm.Error as error:
            logging.getLogger().debug(f"JSON:{layout}\nERROR:{error}\n")
    cpu = time.process_time() - start
    print(json.dumps({"space": space, "layouts": count, "cpu_s": cpu, "rate": count / cpu, "best": best[0][0]}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
