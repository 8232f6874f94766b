"""The simulated array's volumes as real iSCSI targets: Debian's tgt, in user space."""

import os
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

from orchestrator.lab.processes import die_with_parent
from orchestrator.model.errors import ConfigError

PORT = 3260
_CONTROL_SECONDS = 10.0
_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def installed() -> bool:
    """Return whether this host has tgt, and we may run it."""
    return os.geteuid() == 0 and all(shutil.which(name, path=_PATH) for name in ("tgtd", "tgtadm"))


class Tgt:
    """One daemon on one address, its control socket in a folder of its own."""

    def __init__(self, folder: Path, address: str) -> None:
        """Start it; raises `ConfigError` if it does not answer."""
        folder.mkdir(parents=True, exist_ok=True)
        self.portal = address
        self._folder = folder
        self._allowed: dict[int, frozenset[str]] = {}
        # Relative to the folder that both run in: a socket's whole path may have 107 bytes only.
        self._environment = {"PATH": _PATH, "TGT_IPC_SOCKET": "control"}
        portal = f"portal={address}:{PORT}"
        with (folder / "tgtd.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["tgtd", "-f", "--iscsi", portal],
                env=self._environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with_parent, os.getpid()),
            )
        give_up = time.monotonic() + _CONTROL_SECONDS
        while self._control("show", "target").returncode:
            if time.monotonic() > give_up or self._process.poll() is not None:
                self.stop()
                raise ConfigError(f"tgtd does not answer; see {folder}/tgtd.log")
            time.sleep(0.05)

    def export(self, number: int, iqn: str, size: int) -> None:
        """Have a volume of that size behind that name; nobody may log in yet."""
        path = self._folder / f"{number}.volume"
        with path.open("wb") as file:
            file.truncate(size)
        self._must("new", "target", "--tid", str(number), "--targetname", iqn)
        unit = ("--tid", str(number), "--lun", "1", "--backing-store", str(path))
        self._must("new", "logicalunit", *unit)

    def allow(self, number: int, initiators: frozenset[str]) -> None:
        """Let exactly these initiators in."""
        had = self._allowed.get(number, frozenset())
        for verb, names in (("unbind", had - initiators), ("bind", initiators - had)):
            for name in sorted(names):
                self._must(verb, "target", "--tid", str(number), "--initiator-name", name)
        self._allowed[number] = initiators

    def withdraw(self, number: int) -> None:
        """Let the volume and its bytes be gone."""
        self._must("delete", "target", "--force", "--tid", str(number))
        (self._folder / f"{number}.volume").unlink(missing_ok=True)
        self._allowed.pop(number, None)

    def stop(self) -> None:
        """End the daemon."""
        self._process.kill()
        self._process.wait()

    def _must(self, verb: str, mode: str, *rest: str) -> None:
        done = self._control(verb, mode, *rest)
        if done.returncode:
            said = " ".join(done.stderr.split())
            raise ConfigError(f"tgtadm {verb} {mode} failed: {said or done.returncode}")

    def _control(self, verb: str, mode: str, *rest: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["tgtadm", "--lld", "iscsi", "--op", verb, "--mode", mode, *rest],
            env=self._environment,
            capture_output=True,
            text=True,
            cwd=self._folder,
            timeout=_CONTROL_SECONDS,
            check=False,
        )
