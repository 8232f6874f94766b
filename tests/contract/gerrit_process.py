"""Gerrit's SSH commands, as sshd runs them for the one who logged in: a folder is its database.

`changes/N.json` are rows as `gerrit query` prints them, `events.jsonl` is what happens,
`reviews.jsonl` what we said; a change of `cut` breaks every event stream off, in mid-line.
"""

import fcntl
import json
import os
import re
import shlex
import sys
import time
from pathlib import Path


def main(folder: Path) -> int:
    words = shlex.split(os.environ["SSH_ORIGINAL_COMMAND"])
    with (folder / "commands.log").open("a") as log:
        log.write(" ".join(words) + "\n")
    match words[:2]:
        case ["gerrit", "stream-events"]:
            return stream(folder)
        case ["gerrit", "query"]:
            return query(folder, words)
        case ["gerrit", "review"]:
            return review(folder, words[-1], json.load(sys.stdin))
    sys.stderr.write("fatal: no such command\n")
    return 1


def stream(folder: Path) -> int:
    events, cut = folder / "events.jsonl", folder / "cut"
    at, begun = events.stat().st_size, cut.stat().st_mtime_ns
    (folder / "streams").open("a").write("x")
    while True:
        with events.open("rb") as file:
            file.seek(at)
            new = file.read()
        at += len(new)
        if cut.stat().st_mtime_ns != begun:
            sys.stdout.write(new.decode() + '{"type":"comment-add')
            return 255
        sys.stdout.write(new.decode())
        sys.stdout.flush()
        time.sleep(0.02)


def query(folder: Path, words: list[str]) -> int:
    term = words[-1]
    rows = [json.loads(path.read_text()) for path in sorted((folder / "changes").glob("*.json"))]
    wanted = re.match(r"change:(\S+)", term)
    found = [
        row
        for row in rows
        if (wanted and wanted[1] in {str(row["number"]), row["id"]})
        or (not wanted and row["status"] == "NEW" and f"{{{row['project']}}}" in term)
    ]
    start, page = int(words[words.index("--start") + 1]), 2
    for row in found[start : start + page]:
        print(json.dumps(row))
    more = len(found) > start + page
    print(json.dumps({"type": "stats", "rowCount": len(found), "moreChanges": more}))
    return 0


def review(folder: Path, target: str, said: dict[str, object]) -> int:
    number, patch_set = target.split(",")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / "changes" / f"{number}.json"
        row = json.loads(path.read_text())
        text = f"Patch Set {patch_set}:\n\n{said['message']}"
        who = {"username": "acme-ci"}
        row["comments"].append({"timestamp": time.time(), "reviewer": who, "message": text})
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(row))
        draft.rename(path)
        with (folder / "reviews.jsonl").open("a") as file:
            file.write(json.dumps({"target": target, **said}) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
