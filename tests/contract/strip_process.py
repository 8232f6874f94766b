"""The outlets behind Debian's SNMP agent: what `pass_persist` of its configuration runs.

`python strip_process.py FOLDER COMMAND STATE` speaks the agent's protocol on stdin and stdout.
Each outlet is a file of the folder, `outlet-N`, that holds `on` or `off`; `commands` gets a line
for each command, `fault` says what to do wrong.
"""

import sys
from pathlib import Path

NUMBERS = {"on": "1", "off": "2"}
WORDS = {number: word for word, number in NUMBERS.items()}


class Strip:
    """A table of outlets: one column to switch them, one that tells their state."""

    def __init__(self, folder: Path, command: str, state: str) -> None:
        self.folder = folder
        self.command = f".{command}."
        self.state = f".{state}."

    def fault(self) -> str:
        file = self.folder / "fault"
        return file.read_text() if file.exists() else ""

    def get(self, oid: str) -> str:
        outlet = self._outlet(oid, self.state) or self._outlet(oid, self.command)
        if not outlet:
            return "NONE"
        number = "9" if self.fault() == "dazed" else NUMBERS[outlet.read_text()]
        return f"{oid}\ninteger\n{number}"

    def set(self, oid: str, value: str) -> str:
        outlet = self._outlet(oid, self.command)
        if not outlet:
            return "not-writable"
        word = WORDS[value.split()[-1]]
        with (self.folder / "commands").open("a") as file:
            file.write(f"{outlet.name} {word}\n")
        if self.fault() != "lying":
            draft = outlet.with_suffix(".new")
            draft.write_text(word)
            draft.rename(outlet)
        return "DONE"

    def _outlet(self, oid: str, column: str) -> Path | None:
        file = self.folder / f"outlet-{oid.removeprefix(column)}"
        return file if oid.startswith(column) and file.exists() else None


def main() -> None:
    strip = Strip(Path(sys.argv[1]), *sys.argv[2:4])
    for line in map(str.strip, iter(sys.stdin.readline, "")):
        if line == "PING":
            answer = "PONG"
        elif line == "set":
            answer = strip.set(sys.stdin.readline().strip(), sys.stdin.readline().strip())
        elif line:
            answer = strip.get(sys.stdin.readline().strip()) if line == "get" else "NONE"
        else:
            continue  # the agent ends a value with an empty line
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
