"""Starts the sample product on loopback addresses of its own, and runs the smoke suite on it."""

import json
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.drivers.smoke.junit import read
from orchestrator.lab.sample.make import make
from orchestrator.model.result import Outcome, TestResult

ROOT = Path(__file__).parent.parent.parent
SUITE = ROOT / "reference_archs" / "suites" / "compute"
PORTS = (8799, 8774, 8775)
START_SECONDS = 20.0


@dataclass(frozen=True)
class Place:
    """Addresses that nobody else has: 127.99.2.N for hosts, 127.99.(50+N).0/24 for guests."""

    number: int

    @property
    def address(self) -> str:
        return f"127.99.2.{self.number}"

    @property
    def guests(self) -> str:
        return f"127.99.{50 + self.number}.0/24"


@contextmanager
def place() -> Iterator[Place]:
    """Yield a free place, which stays ours while a socket holds it."""
    for number in range(1, 200):
        spot = Place(number)
        with ExitStack() as stack:
            try:
                _, *probes = (
                    stack.enter_context(socket.create_server((spot.address, port)))
                    for port in PORTS
                )
            except OSError:
                continue
            for probe in probes:
                probe.close()
            yield spot
            return
    raise AssertionError("127.99.2.0/24 is full")


def checkout(folder: Path, branch: str) -> Path:
    """Return a folder with the files of a branch of the sample."""
    repository = make(folder / "sample")
    tree = folder / branch
    if not tree.exists():
        git(repository, "worktree", "add", "--quiet", "--detach", str(tree), branch)
    return tree


def git(folder: Path, *words: str) -> str:
    """Return what git prints in `folder`."""
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


@dataclass(frozen=True)
class Host:
    """One compute host; the first of a cloud is its control too."""

    hypervisor: str = "kvm"
    zone: str = "nova"


class Cloud:
    """A cloud made of processes."""

    def __init__(self, folder: Path, tree: Path, processes: ExitStack) -> None:
        self.folder = folder
        self._tree = tree
        self._processes = processes

    def start(self, service: str, config: Mapping[str, object]) -> subprocess.Popen[bytes]:
        """Start a service, its log in `<host>-<service>.log`."""
        name = f"{config['host']}-{service}"
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(config))
        command = [sys.executable, "-m", f"stratus.{service}", "--config", str(path)]
        with self.log(name).open("wb") as log:
            process = subprocess.Popen(command, cwd=self._tree, stdout=log, stderr=log)
        self._processes.callback(process.wait)
        self._processes.callback(process.kill)
        return process

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def write_clouds(self, control: str, password: str) -> None:
        auth = {"auth_url": f"{control}/identity/v3", "username": "admin", "password": password}
        auth |= {"project_name": "demo"}
        auth |= {"user_domain_id": "default", "project_domain_id": "default"}
        clouds = {"clouds": {"smoketest": {"region_name": "lab", "auth": auth}}}
        (self.folder / "clouds.yaml").write_text(json.dumps(clouds))


@contextmanager
def cloud(
    folder: Path,
    tree: Path,
    hosts: Sequence[Host] = (Host(),),
    network: str = "flat",
    **settings: object,
) -> Iterator[Cloud]:
    """Yield a running cloud; each host has an address of its own, guests those of the first.

    `settings` go into the configuration of every process as they are.
    """
    folder.mkdir(parents=True)
    password, key = secrets.token_hex(8), secrets.token_hex(8)
    with ExitStack() as stack:
        spots = [stack.enter_context(place()) for _ in hosts]
        running = Cloud(folder, tree, stack)
        control = f"http://{spots[0].address}:8774"
        running.write_clouds(control, password)
        for number, (host, spot) in enumerate(zip(hosts, spots, strict=True), start=1):
            config = {
                "host": f"n{number:02d}",
                "address": spot.address,
                "folder": f"data{number}",
                "password": password,
                "key": key,
                "control": control,
                "guest_addresses": spots[0].guests,
                "hypervisor": host.hypervisor,
                "zone": host.zone,
                "network_model": network,
                **settings,
            }
            if number == 1:
                wait_until_up(running.start("api", config), control)
            agent = running.start("agent", config)
            wait_until_up(agent, f"http://{spot.address}:8775")
        yield running


def wait_until_up(process: subprocess.Popen[bytes], url: str) -> None:
    """Return when the service says that it is well."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            direct.open(f"{url}/health", timeout=2).close()
        except OSError:
            assert process.poll() is None, f"{process.args!r} has ended"
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.02)
        else:
            return


def smoke(
    folder: Path, tests: str = "", model: str = "", api: str = "openstack"
) -> tuple[TestResult, ...]:
    """Return the results of the suite, run as the orchestrator does, on the cloud in `folder`."""
    report = folder / "junit.xml"
    options = ["-q", "--config-file=/dev/null", "-pno:cacheprovider", f"--junitxml={report}"]
    options += [f"-k{tests}"] if tests else []
    command = [sys.executable, "-m", "pytest", *options, f"--rootdir={SUITE}", str(SUITE)]
    env = {"OS_CLIENT_CONFIG_FILE": f"{folder}/clouds.yaml", "OS_CLOUD": "smoketest"}
    env |= {"HOME": str(folder), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"SMOKETEST_NETWORK_MODEL": model} if model else {}
    env |= {"SMOKETEST_API": api}
    with (folder / "smoke.log").open("wb") as log:
        subprocess.run(command, cwd=folder, env=env, stdout=log, timeout=90, check=False)
    return read(report)


def red(results: Sequence[TestResult]) -> list[TestResult]:
    """Return the results that are not green."""
    return [test for test in results if test.outcome in {Outcome.FAILED, Outcome.ERROR}]


def passed(results: Sequence[TestResult]) -> set[str]:
    """Return the names of the tests that passed, without their modules."""
    return {test.name.rpartition("::")[2] for test in results if test.outcome is Outcome.PASSED}
