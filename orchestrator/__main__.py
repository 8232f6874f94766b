"""`smoketest`, also as `python -m orchestrator`."""

import sys

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out


def main() -> None:
    """Do what the arguments say and exit with its status."""
    sys.exit(carry_out(app, sys.argv[1:]))


if __name__ == "__main__":
    main()
