"""The process behind `smoketest image`: lists or builds; what it says goes to stderr.

`python -m orchestrator.cli.imaging HOME LAB [NAME [again]]` prints one JSON object on stdout.
"""

import sys
from dataclasses import asdict
from pathlib import Path

from orchestrator.cli.decode import encode
from orchestrator.model.errors import ConfigError, SmoketestError
from orchestrator.model.verdict import ExitStatus
from orchestrator.wiring import images


def main(home: Path, lab: str, name: str = "", again: str = "") -> int:
    """Return the exit status: 2 for what was asked wrongly, 3 for a build that failed."""
    try:
        done = _build(home, lab, name, again=bool(again)) if name else _list(lab)
    except ConfigError as error:
        _say(str(error))
        return ExitStatus.USAGE
    except SmoketestError as error:
        _say(str(error))
        return ExitStatus.UNDECIDED
    print(encode(done))
    return ExitStatus.PASSED


def _list(lab: str) -> dict[str, object]:
    return {"images": images.known(lab)}


def _build(home: Path, lab: str, name: str, *, again: bool) -> dict[str, object]:
    built = images.build(home, lab, name, _say, again=again)
    return {"image": name, "built": built is not None, "seconds": asdict(built) if built else {}}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
