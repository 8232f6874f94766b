"""`smoketest`, also as `python -m orchestrator`."""

import gc
import sys

# a start makes much and drops nothing: looking for garbage meanwhile took a fifth of it
gc.set_threshold(50_000)

from orchestrator.cli.app import app  # noqa: E402
from orchestrator.cli.outcome import carry_out  # noqa: E402


def main() -> None:
    """Do what the arguments say and exit with its status."""
    sys.exit(carry_out(app, sys.argv[1:]))


if __name__ == "__main__":
    main()
