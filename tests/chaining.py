"""Two orchestrators chained through Jenkins' protocol: a main lab, and a vendor's lab in a box."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.orchestrating import Orchestrator

#: what the vendor's lab can do and the main lab has no machine for
ARCH = "hyperv-flat"


@dataclass
class Chain:
    """A main lab without machines, and the vendor that it asks."""

    main: Orchestrator
    vendor: Orchestrator

    def stop(self) -> None:
        """Stop both."""
        self.main.stop()
        self.vendor.stop()


def address(running: Orchestrator) -> str:
    """Return where the orchestrator answers."""
    return str(json.loads((running.home / "server.json").read_text())["url"])


def token(running: Orchestrator, *words: str) -> str:
    """Return a new token of the orchestrator."""
    return str(running.json("token", "add", *words)["opens"])


def lab_file(folder: Path, partners: str, sample: Path, more: str = "") -> Path:
    """Return a lab file with these tables of partners, and the sample product as `sample`."""
    path = folder / "lab.toml"
    path.write_text(f'[repos]\nsample = {{url = "{sample}", trusted = true}}\n{more}\n{partners}\n')
    return path


def partner(name: str, url: str, secret: Path, **keys: object) -> str:
    """Return a partner's table."""
    lines = {
        "url": url,
        "user": "smoketest",
        "token": f"file:{secret}",
        "jobs": [ARCH],
        "poll": "1s",
        "accept": "60s",
        "deadline": "10m",
        "repos": {"sample": "sample"},
    } | keys
    return f"[partners.{name}]\n" + "".join(f"{k} = {_toml(v)}\n" for k, v in lines.items())


def keep(path: Path, text: str) -> Path:
    """Return the file, which only we may read, with that text."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    return path


def chained(folder: Path, **keys: object) -> Chain:
    """Start a vendor's lab in a box, and a main lab that asks it."""
    vendor = Orchestrator(home=folder / "vendor", nodes=2, patience=240)
    vendor.start()
    opens = token(vendor, "--role", "developer", "--note", "main lab", "--arch", ARCH)
    secret = keep(folder / "vendor.token", opens)
    table = partner("vendor", f"{address(vendor)}/jenkins", secret, **keys)
    lab = lab_file(folder, table, vendor.home / "sample")
    main = Orchestrator(home=folder / "main", lab=lab, patience=240)
    main.start()
    return Chain(main=main, vendor=vendor)


def worker(server: str, secret: Path, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a partner's worker that works for the orchestrator at `server`."""
    command = [sys.executable, "-m", "orchestrator", "partner", "serve", "--server", server]
    command += ["--token-file", str(secret), "--folder", str(folder), "--every", "0.3", *words]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "worker.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)
