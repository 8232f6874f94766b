"""A compute host: turns orders into guests. `python3 -m stratus.agent --config FILE`."""

import argparse
import hashlib
import logging
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Protocol

from stratus import journal
from stratus.config import Config, load
from stratus.drivers.hardware import Disk, Driver, Link, Order
from stratus.guest import Guest
from stratus.hypervisors.api import Host
from stratus.rpc import call, knows
from stratus.web import Json, Refused, Reply, Request, Route, Server, route

_SIGN_IN_SECONDS = 30.0
_AGAIN_SECONDS = 0.1


class Downloads(Protocol):
    """A module of `stratus.imaging`."""

    def download(self, control: str, key: str, image: str) -> bytes:
        """Return an image's data."""
        ...


class Agent:
    """The guests of one host, made by one driver."""

    def __init__(self, config: Config, driver: Driver, host: Host | None = None) -> None:
        """Run nothing yet; without a host, guests are made from their definitions alone."""
        self._config = config
        self._images: Downloads = import_module(f"stratus.imaging.{config.image_api}")
        self._checksums: dict[str, str] = {}
        self._driver = driver
        self._host = host
        self._guests: dict[str, Guest] = {}
        self._lock = threading.Lock()
        self.ready = False

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", "/health", self._health, public=True),
            route("PUT", "/guests/{server}", self._put),
            route("DELETE", "/guests/{server}", self._delete),
        ]

    def admits(self, request: Request) -> bool:
        """Return whether the request comes from our control."""
        return knows(request, self._config.key)

    def _health(self, _: Request) -> Reply:
        return Reply(status=200 if self.ready else 503, json={"guests": len(self._guests)})

    def _put(self, request: Request) -> Reply:
        order = _order(request.json())
        server = request.parts["server"]
        with self._lock:
            image = self._image(order.instance["image"])
            definition = self._define(order)
            if self._host:
                hardware = self._host.run(server, definition)
            else:
                hardware = self._driver.power_on(definition)
            guest = self._guests.setdefault(server, Guest())
            guest.run(order, hardware, image)
        return Reply(json={})

    def _image(self, image: str) -> str:
        """Return the MD5 of the image's data, which are fetched once."""
        if image not in self._checksums:
            data = self._images.download(self._config.control, self._config.key, image)
            self._checksums[image] = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return self._checksums[image]

    def _define(self, order: Order) -> str:
        """Return the guest's definition, kept for whoever looks for a fault."""
        name = self._config.hypervisor
        number = order.instance["id"]
        try:
            definition = self._driver.define(order)
        except KeyError as missing:
            raise Refused(500, f"{name}: instance {number} has no {missing}") from missing
        folder = self._config.folder / "definitions"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.{name}").write_text(definition)
        return definition

    def _delete(self, request: Request) -> Reply:
        with self._lock:
            guest = self._guests.pop(request.parts["server"], None)
            if guest is not None:
                guest.stop()
                if self._host:
                    self._host.stop(request.parts["server"])
        return Reply(json={})

    def sign_in(self) -> None:
        """Tell the control that we are there; wait for it if it is not."""
        config = self._config
        told = {
            "zone": config.zone,
            "hypervisor": config.hypervisor,
            "url": f"http://{config.address}:{config.agent_port}",
        }
        end = time.monotonic() + _SIGN_IN_SECONDS
        while True:
            try:
                call("PUT", f"{config.control}/agents/{config.host}", config.key, told)
            except Refused:
                if time.monotonic() > end:
                    raise
                time.sleep(_AGAIN_SECONDS)
            else:
                self.ready = True
                return


def _order(told: Json) -> Order:
    return Order(
        instance=told["instance"],
        links=tuple(_link(link) for link in told["links"]),
        disks=tuple(Disk(**disk) for disk in told["disks"]),
        fingerprint=told["fingerprint"],
        metadata=told["metadata"],
    )


def _link(told: Json) -> Link:
    return Link(**{**told, "allowed": tuple((low, high) for low, high in told["allowed"])})


def _host(config: Config) -> Host | None:
    """Return the hypervisor that is told to make guests, None if there is none."""
    if not config.api:
        return None
    module = import_module(f"stratus.hypervisors.{config.hypervisor}")
    made: Host | None = module.Host.told(config.api, config.folder.parent)
    return made


def serve(config: Config, log: logging.Logger) -> None:
    """Sign in, and answer until the process is ended."""
    driver: Driver = import_module(f"stratus.drivers.{config.hypervisor}")
    agent = Agent(config, driver, _host(config))
    server = Server((config.address, config.agent_port), agent.routes(), agent.admits, log)
    answering = threading.Thread(target=server.serve_forever, daemon=True)
    answering.start()
    agent.sign_in()
    log.info("signed in at %s with %s in zone %s", config.control, config.hypervisor, config.zone)
    answering.join()


def main() -> int:
    """Serve until the process is ended; return 1 if it cannot start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    config = load(parser.parse_args().config)
    log = journal.start("stratus.agent")
    try:
        serve(config, log)
    except (OSError, ImportError, Refused) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400  # one line says it all
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
