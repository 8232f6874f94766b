"""Pages and API over a long history: 20 clients who read a page, then look at it for a while.

`python -m tests.bench.pages CELLS [FOLDER]` says how many cells; a folder keeps the store for the
next time. `python -m tests.bench.pages serve FOLDER` is the server's process.
"""

import asyncio
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import psutil

from orchestrator.model.arch import Arch
from orchestrator.web.limits import Allowance
from orchestrator.web.server import spare_collector
from tests.bench.history import write
from tests.orchestrating import ROOT
from tests.unit.web_house import arch, furnish

ARCHS, NODES, CELLS = 200, 200, 1_000_000
CLIENTS, SECONDS, PAUSE = 20, 30.0, 1.0
TARGET, LISTENERS = 100.0, 500
PEOPLE = 20
#: looks of one client, to tell the server's own work from what else the host does
ALONE = 20
#: percent of a processor, below which the server is done with starting
IDLE = 5.0
_TOOK = re.compile(r"dur=([\d.]+)")


def bench(cells: int = CELLS, folder: str = "") -> None:
    """Print the p95 of each page and of its API, and how many listeners were held."""
    with serving(cells, folder) as (url, token, server):
        _measure(url, cells // ARCHS, server)
        asyncio.run(_listen(url, token, random.randint(1, cells // ARCHS)))  # noqa: S311


@contextmanager
def serving(cells: int, folder: str = "") -> Iterator[tuple[str, str, psutil.Process]]:
    """Yield the address, token and process of a server over so many cells; a folder keeps them."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(folder or scratch)
        home.mkdir(parents=True, exist_ok=True)
        file = home / "store.sqlite"
        if not file.exists():
            began = time.monotonic()
            write(file, archs(), [f"n{n + 1:02d}" for n in range(NODES)], cells)
            size = file.stat().st_size >> 20
            print(f"{cells} cells written in {time.monotonic() - began:.0f} s: {size} MiB")
        with _server(home) as served:
            yield served


def archs() -> list[Arch]:
    """Return 200 archs of a few hypervisors, ten to a lieutenant."""
    kinds = ("kvm", "xenserver", "hyperv", "vmware")
    return [
        replace(
            arch(kinds[number % 4], f"net{number:03d}"),
            lieutenants=(f"team{number % PEOPLE}@example.org",),
        )
        for number in range(ARCHS)
    ]


def serve(folder: str) -> None:
    """Serve the store in `folder` until standard input ends."""
    home = Path(folder)
    for name in ("product", "attempts", "cache"):
        subprocess.run(("rm", "-rf", str(home / name)), check=True)
    with furnish(home, NODES, archs(), Allowance(requests=10**9)) as served:
        spare_collector()  # as in the real one
        print(served.url, served.house.token.reveal(), flush=True)
        sys.stdin.read()


@contextmanager
def _server(home: Path) -> Iterator[tuple[str, str, psutil.Process]]:
    command = [sys.executable, "-m", "tests.bench.pages", "serve", str(home)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url, token = process.stdout.readline().split()
        assert process.stdin
        try:
            yield url, token, psutil.Process(process.pid)
        finally:
            process.stdin.close()


def _looks(runs: int) -> Mapping[str, Callable[[], str]]:
    """Return an address of each kind; runs and cells from all of the history."""
    names = [quote(one.name) for one in archs()]

    def cell() -> str:
        return f"{random.randint(1, runs)}/{random.choice(names)}"  # noqa: S311

    def person() -> str:
        return quote(f"team{random.randrange(PEOPLE)}@example.org")  # noqa: S311

    return {
        "matrix page": lambda: "/",
        "run page": lambda: f"/runs/{random.randint(1, runs)}",  # noqa: S311
        "cell page": lambda: f"/cells/{cell()}",
        "lieutenant page": lambda: f"/lieutenants/{person()}",
        "matrix API": lambda: "/api/matrix/window",
        "runs API": lambda: "/api/runs?limit=5",
        "run API": lambda: f"/api/runs/{random.randint(1, runs)}",  # noqa: S311
        "cell API": lambda: f"/api/cells/{cell()}",
        "red cells API": lambda: "/api/cells?verdict=failed&limit=50",
        "arch's cells API": lambda: f"/api/cells?arch={random.choice(names)}",  # noqa: S311
        "lieutenant API": lambda: f"/api/lieutenants/{person()}",
    }


def _measure(url: str, runs: int, server: psutil.Process) -> None:
    looks = _looks(runs)
    while server.cpu_percent(0.5) > IDLE:  # it reads what it remembers when it starts
        pass
    alone = {name: _alone(url, look, server) for name, look in looks.items()}
    took: defaultdict[str, list[float]] = defaultdict(list)
    over = time.monotonic() + SECONDS
    threads = [
        threading.Thread(target=_client, args=(url, looks, took, over)) for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"server time, {CLIENTS} clients, each with {PAUSE:.0f} s between two looks, in ms:")
    for name, times in took.items():
        p95 = statistics.quantiles(times, n=20)[-1]
        print(
            f"{name:18} p95 {p95:7.1f} (target {TARGET:.0f}), median"
            f" {statistics.median(times):6.1f}; processor {alone[name]:5.1f}, {len(times)} looks"
        )


def _alone(url: str, look: Callable[[], str], server: psutil.Process) -> float:
    """Return the milliseconds of processor that the server takes for a look."""
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        _look(client, look())
        before = server.cpu_times()
        for _ in range(ALONE):
            _look(client, look())
        after = server.cpu_times()
    return (after.user + after.system - before.user - before.system) * 1000 / ALONE


def _client(
    url: str,
    looks: Mapping[str, Callable[[], str]],
    took: defaultdict[str, list[float]],
    over: float,
) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        time.sleep(random.random() * PAUSE)  # noqa: S311
        while time.monotonic() < over:
            name = random.choice(list(looks))  # noqa: S311
            took[name].append(_look(client, looks[name]()))
            time.sleep(PAUSE * (0.5 + random.random()))  # noqa: S311


def _look(client: httpx.Client, address: str) -> float:
    """Return the milliseconds that the server took until its answer began."""
    answer = client.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == httpx.codes.OK, (address, answer.status_code, answer.text[:300])
    found = _TOOK.search(answer.headers["server-timing"])
    assert found
    return float(found[1])


async def _listen(url: str, token: str, run: int) -> None:
    """Hold the listeners, let something happen in that run, and print when all of them knew."""
    place = urlsplit(url)
    streams = [await asyncio.open_connection(place.hostname, place.port) for _ in range(LISTENERS)]
    for _, writer in streams:
        writer.write(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    held = await asyncio.gather(*(_until(reader, b"retry: ") for reader, _ in streams))
    right = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=right, trust_env=False, timeout=60) as one:
        address = f"/api/cells/{run}/{quote(archs()[0].name)}/recheck"
        answer = await one.post(address, json={"reason": "the bench wants an event"})
        assert answer.status_code == httpx.codes.OK, answer.text
        began = time.monotonic()
        told = await asyncio.gather(*(_until(reader, b"id: ") for reader, _ in streams))
        took = (time.monotonic() - began) * 1000
        health = await one.get("/api/health")
        assert health.status_code == httpx.codes.OK
    print(
        f"{sum(held)} of {LISTENERS} event streams held (target {LISTENERS}); after something"
        f" happened, {sum(told)} of them knew within {took:.0f} ms"
    )
    for _, writer in streams:
        writer.close()


async def _until(reader: asyncio.StreamReader, begin: bytes) -> bool:
    while line := await asyncio.wait_for(reader.readline(), 60):
        if line.startswith(begin):
            return True
    return False


def main(words: Sequence[str]) -> None:
    """Be the server, or bench with as many cells as asked for."""
    if words[:1] == ["serve"]:
        serve(words[1])
    else:
        bench(int(words[0]) if words else CELLS, *words[1:2])


if __name__ == "__main__":
    main(sys.argv[1:])
