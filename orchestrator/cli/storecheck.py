"""The process behind `smoketest doctor --store`: prints what is wrong, as a JSON list."""

import json
import sys
from pathlib import Path

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.database import NEXT, Database
from orchestrator.model.errors import SmoketestError, StoreAway
from orchestrator.model.verdict import ExitStatus
from orchestrator.wiring.home import Home

_ADVICE = (
    "is this where smoketest keeps its store, and was it brought up to date by a start of this "
    "version (`smoketest up`)? If so, bring it back from a backup"
)


def main(home: Path) -> int:
    """Print the violations of the home's store; with a sentence, return 2 if there is none.

    What can be reached and is no store gives 3.
    """
    url = Home(folder=home).kept_store()
    file = url.removeprefix("sqlite:///")
    # Opening it would make one.
    if file != url and not Path(file).is_file():
        sys.stderr.write(f"nothing was ever run on {home}; name another folder with --home\n")
        return ExitStatus.USAGE
    try:
        wrong = check(Database(url))
    except StoreAway as error:
        sys.stderr.write(f"{error}\n")
        return ExitStatus.USAGE
    except SmoketestError as error:
        sys.stderr.write(f"{str(error).removesuffix(NEXT)}; {_ADVICE}\n")
        return ExitStatus.UNDECIDED
    sys.stdout.write(json.dumps(wrong) + "\n")
    return ExitStatus.PASSED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
