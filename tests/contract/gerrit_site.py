"""A Gerrit behind a real sshd, with a git repository whose changes are fetched from."""

import getpass
import json
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.review.gerrit import Account, GerritSsh, Manner
from tests.contract.sshd import Sshd

SCRIPT = Path(__file__).with_name("gerrit_process.py")
PROJECT = "openstack/nova"


@dataclass
class Site:
    """What a test does as Gerrit's users do."""

    folder: Path
    #: a repository with a work tree
    repo: Path
    sshd: Sshd = field(init=False)

    def __post_init__(self) -> None:
        self.sshd = Sshd(self.folder / "sshd")
        (self.folder / "changes").mkdir()
        for name in ("events.jsonl", "cut", "reviews.jsonl", "commands.log", "streams"):
            (self.folder / name).touch()
        keys = self.folder / "sshd" / "authorized_keys"
        command = f"{sys.executable} {SCRIPT} {self.folder}"
        keys.write_text(f'command="{command}" {keys.read_text()}')

    def client(self, **changes: object) -> GerritSsh:
        """Return the driver, as an account that is let in."""
        manner: dict[str, object] = {
            "name": "acme",
            "projects": (PROJECT,),
            "contact": "ci@example.com",
            "label": "Verified",
            "trust": True,
        }
        account = Account(
            host="127.0.0.1",
            port=self.sshd.port,
            user=getpass.getuser(),
            key=str(self.sshd.key),
            host_key=self.sshd.host_key,
        )
        return GerritSsh(
            account=account,
            manner=Manner(**(manner | changes)),  # type: ignore[arg-type]
            clock=SystemClock(),
        )

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        done = subprocess.run(
            ("git", *who, *words), cwd=self.repo, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def upload(self, number: int, patch_set: int = 1, message: str = "Boot faster") -> str:
        """Upload a patch set; return its commit."""
        tree = self.git("rev-parse", "HEAD^{tree}")
        text = f"{message}\n\n{secrets.token_hex(4)}"
        sha = self.git("commit-tree", tree, "-p", "HEAD", "-m", text)
        ref = f"refs/changes/{number % 100:02d}/{number}/{patch_set}"
        self.git("update-ref", ref, sha)
        row = self.row(number) or {
            "project": PROJECT,
            "branch": "trunk",
            "id": f"I{number:040x}",
            "number": number,
            "owner": {"username": "ann"},
            "url": f"https://127.0.0.1/c/{PROJECT}/+/{number}",
            "status": "NEW",
            "comments": [],
        }
        row["commitMessage"] = message
        row["currentPatchSet"] = {"number": patch_set, "revision": sha, "ref": ref}
        self.write(row)
        return sha

    def row(self, number: int) -> dict[str, Any] | None:
        path = self.folder / "changes" / f"{number}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def write(self, row: dict[str, Any]) -> None:
        path = self.folder / "changes" / f"{row['number']}.json"
        path.with_suffix(".new").write_text(json.dumps(row))
        path.with_suffix(".new").rename(path)

    def change(self, number: int, **values: object) -> None:
        self.write((self.row(number) or {}) | values)

    def say(self, number: int, text: str) -> None:
        """Comment as a person."""
        row = self.row(number) or {}
        patch_set = row["currentPatchSet"]["number"]
        said = f"Patch Set {patch_set}:\n\n{text}"
        who = {"username": "bob"}
        row["comments"].append({"timestamp": time.time(), "reviewer": who, "message": said})
        self.write(row)

    def happens(self, number: int, kind: str = "patchset-created", **more: object) -> None:
        event = {"type": kind, "change": {"number": number, "project": PROJECT}, **more}
        with (self.folder / "events.jsonl").open("a") as file:
            file.write(json.dumps(event) + "\n")

    def cut(self) -> None:
        """Break every event stream off."""
        (self.folder / "cut").write_text(secrets.token_hex(4))

    def streams(self) -> int:
        """Return how many event streams were begun so far."""
        return len((self.folder / "streams").read_text())

    def reviews(self) -> list[dict[str, Any]]:
        lines = (self.folder / "reviews.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]
