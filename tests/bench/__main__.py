"""`make bench`: print every figure, or those named on the command line."""

import sys

from tests.bench import (
    cells,
    grants,
    livelog,
    pages,
    painting,
    planning,
    power,
    rack,
    resume,
    scale,
    scheduling,
)

BENCHES = {
    "cells": cells.bench,
    "power": power.bench,
    "sweep": rack.sweep,
    "cycle": rack.cycle,
    "resume": resume.bench,
    "livelog": livelog.bench,
    "planning": planning.bench,
    "scheduling": scheduling.bench,
    "grants": grants.bench,
    "scale": scale.bench,
    "pages": pages.bench,
    "painting": painting.bench,
}


def main(names: list[str]) -> int:
    """Run the benches; return 2 for a name that is none."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no bench is called {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 2
    for name in names or BENCHES:
        print(f"== {name}", flush=True)
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
