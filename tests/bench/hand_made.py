"""An OpenStack as a person in a hurry would start it: no Ansible, no supervisor, all at once.

`deployed` takes a machine of the lab that carries a cloud, and starts the same programs with the
same configuration a second time below another folder, at another address: code first, then
everything as soon as what it needs is there. Its time is what ours is held against.
"""

import configparser
import http.client
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

POLL = 0.1
PATIENCE = 3600.0
SWITCH = ("ovs-db", "ovn-nb", "ovn-sb")
APIS = ("keystone", "glance", "placement", "nova", "neutron")
PORTS = {"keystone": 5000, "glance": 9292, "placement": 8778, "nova": 8774, "neutron": 9696}
DAEMONS = ("nova-conductor", "nova-scheduler", "neutron-maintenance", "nova-compute")


@dataclass
class Cloud:
    """The second cloud: where the first one is, where this one goes, what runs of it."""

    first: Path
    home: Path
    old: str
    address: str
    released: Path
    built: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def moved(self, text: str) -> str:
        """Return a text of the first cloud as this one has it."""
        return text.replace(str(self.first), str(self.home)).replace(self.old, self.address)

    def lay(self) -> None:
        """Unpack the code, and copy the configuration."""
        self.home.mkdir(parents=True)
        run("tar", "--extract", f"--file={self.released}", f"--directory={self.home}")
        (self.home / "built").mkdir()
        run("tar", "--extract", f"--file={self.built}", f"--directory={self.home / 'built'}")
        python = self.home / "venv" / "bin" / "python"
        for name in ("python", "python3"):
            (python.parent / name).unlink(missing_ok=True)
            (python.parent / name).symlink_to("/usr/bin/python3")
        wheels = [str(path) for path in (self.home / "built").glob("*.whl")]
        tool = str(self.home / "wheels" / "uv")
        words = ["--quiet", "--offline", "--no-deps", "--reinstall", "--python", str(python)]
        run(tool, "pip", "install", *words, *wheels)
        for path in (self.first / "etc").rglob("*"):
            if path.is_file():
                place = self.home / path.relative_to(self.first)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(self.moved(path.read_text()))
        for name in ("log", "data/locks"):
            (self.home / name).mkdir(parents=True)

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start one of the programs, as the first cloud's supervisor does."""
        parser = configparser.RawConfigParser()
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string((self.first / "programs" / f"{name}.ini").read_text())
        said = dict(parser[f"program:{name}"])
        command = self.moved(said["command"].replace("%%", "%"))
        pairs = shlex.shlex(self.moved(said["environment"].replace("%%", "%")), posix=True)
        pairs.whitespace, pairs.whitespace_split = ",", True
        own = dict(pair.split("=", 1) for pair in pairs)
        with (self.home / "log" / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                shlex.split(command),
                cwd=self.home,
                env={**os.environ, **self._apart(own)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def _apart(self, own: dict[str, str]) -> dict[str, str]:
        """Return the environment with numbers that the first cloud's bus does not have."""
        numbers = {"ERL_EPMD_PORT", "RABBITMQ_DIST_PORT"}
        moved = {key: str(int(own[key]) + 1) for key in numbers & set(own)}
        name = {"RABBITMQ_NODENAME": "rabbithand@localhost"} if "RABBITMQ_NODENAME" in own else {}
        return {**own, **moved, **name}

    def done(self, name: str) -> None:
        """Run one to its end, which must be a good one."""
        if status := self.start(name).wait(PATIENCE):
            log = (self.home / "log" / f"{name}.log").read_text(errors="replace")
            raise AssertionError(f"{name} ended with {status}: {log[-2000:]}")

    def script(self, name: str, *words: str) -> None:
        """Run one of the plays' own scripts with the cloud's Python."""
        run(str(self.home / "venv/bin/python"), str(self.home / "etc" / name), *words)

    def stop(self) -> None:
        """End everything that was started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in reversed(self.running):
                try:
                    os.killpg(process.pid, number)
                except ProcessLookupError:
                    continue
            time.sleep(2)
        for process in self.running:
            process.wait()
        for left in psutil.process_iter(["environ"]):
            # Erlang's name service outlives its session.
            if any(str(self.home) in value for value in (left.info["environ"] or {}).values()):
                left.kill()


def run(*words: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr[-2000:])


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"still no {what}"
        time.sleep(POLL)


def answers(address: str, port: int) -> bool:
    """Return whether an API answers without an error of its own."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/v3" if port == PORTS["keystone"] else "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _network(cloud: Cloud) -> None:
    for name in SWITCH:
        cloud.start(name)
    sockets = [cloud.home / "ovn" / name for name in ("db.sock", "nb.sock", "sb.sock")]
    until(lambda: all(path.exists() for path in sockets), "database of the switch")
    cloud.start("ovs-switch")
    cloud.start("ovn-northd")
    until((cloud.home / "ovn" / "switch.pid").exists, "switch")
    cloud.done("ovs-wire-prepare")
    cloud.start("ovn-controller")


def _api(cloud: Cloud, name: str) -> None:
    cloud.done(f"{name}-prepare")
    cloud.start(f"{name}-api")
    until(lambda: answers(cloud.address, PORTS[name]), f"API of {name}")


def _hosts(cloud: Cloud) -> None:
    """Start the daemons, and wait until the compute host is in its cell."""
    for name in DAEMONS:
        cloud.start(name)
    query = "SELECT COUNT(*) FROM nova_api.host_mappings"
    ask = ["mariadb", "--no-defaults", f"--socket={cloud.home / 'mariadb.sock'}", "-N", "-e", query]

    def there() -> bool:
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        return done.stdout.strip() not in {"", "0"}

    until(there, "compute host in a cell")


def _database(cloud: Cloud) -> None:
    log = cloud.home / "log" / "mariadb.log"
    cloud.start("mariadb")
    until(lambda: log.exists() and "ready for connections" in log.read_text(), "database")


@contextmanager
def deployed(cloud: Cloud) -> Iterator[float]:
    """Yield the seconds from nothing to a cloud that can be tested; end it afterwards."""
    began = time.monotonic()
    try:
        cloud.lay()
        with ThreadPoolExecutor(8) as pool:
            cloud.start("rabbitmq")
            network = pool.submit(_network, cloud)
            _database(cloud)
            waiting = {name: pool.submit(_api, cloud, name) for name in APIS}
            waiting["keystone"].result()
            cloud.script("catalog/catalog.py", str(cloud.home / "etc/catalog/wanted.json"))
            for each in (*waiting.values(), network):
                each.result()
            hosts = pool.submit(_hosts, cloud)
            cloud.script("guest/guest.py", str(cloud.home / "etc/guest/wanted.json"))
            hosts.result()
        yield time.monotonic() - began
    finally:
        cloud.stop()
