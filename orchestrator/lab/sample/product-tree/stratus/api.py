"""The control: every API in one process, on one port. `python3 -m stratus.api --config FILE`."""

import argparse
import logging
import sqlite3
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from stratus import journal
from stratus.attachments import Attachments
from stratus.bus import Bus
from stratus.config import Config, load
from stratus.db import Database
from stratus.dhcp.server import DhcpServer
from stratus.ec2.api import Ec2
from stratus.flavors import Flavors
from stratus.guests import Guests
from stratus.hosts import Hosts
from stratus.identity import Identity
from stratus.images import Images
from stratus.images_v1 import ImagesV1
from stratus.inside import Inside
from stratus.keypairs import Keypairs
from stratus.networks import Networks
from stratus.objects import Objects
from stratus.rpc import Caller, call, knows
from stratus.security import SecurityGroups
from stratus.servers import Servers
from stratus.stacks import Stacks
from stratus.volumes import Volumes
from stratus.web import Refused, Request, Route, Server


class Service(Protocol):
    """A part of the control."""

    def routes(self) -> list[Route]:
        """Return what it answers."""
        ...


def control(config: Config, log: logging.Logger) -> Server:
    """Return the server of every API, listening, its database up to date."""
    config.folder.mkdir(parents=True, exist_ok=True)
    db = Database(config.folder / "stratus.sqlite")
    db.migrate()
    guests = Guests(config, db, _caller(config))
    identity, images = Identity(config), Images(config, db)
    networks = Networks(config, db, guests)
    services: tuple[Service, ...] = (
        identity,
        images,
        ImagesV1(images),
        networks,
        SecurityGroups(db, guests),
        Volumes(config, db),
        Objects(db),
        Flavors(config, db),
        Keypairs(db),
        Hosts(config.key, db),
        Servers(db, guests, log),
        Attachments(config, db, guests),
    )
    inside = Inside(_routes(services))
    if config.users_api == "ec2":
        services = (*services, Ec2(inside, identity.secret, log))
    if config.engine:
        services = (*services, Stacks(config.engine, inside))
    if networks.dhcp:
        lessor = DhcpServer(config.address, db, log)
        threading.Thread(target=lessor.serve_forever, daemon=True).start()

    def admits(request: Request) -> bool:
        return identity.admits(request) or knows(request, config.key)

    return Server((config.address, config.api_port), _routes(services), admits, log)


def _routes(services: Iterable[Service]) -> list[Route]:
    return [route for service in services for route in service.routes()]


def _caller(config: Config) -> Caller:
    """Return how agents are reached; raise `Refused` for a way that we do not have."""
    ways = {"direct": call, "queue": Bus().call}
    if config.rpc not in ways:
        raise Refused(500, f"rpc is {config.rpc!r}, and can be {' or '.join(ways)}")
    return ways[config.rpc]


def main() -> int:
    """Serve until the process is ended; return 1 if it cannot start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    config = load(parser.parse_args().config)
    log = journal.start("stratus.api")
    try:
        server = control(config, log)
    except (sqlite3.Error, OSError, ImportError, Refused) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400  # one line says it all
        return 1
    log.info("answers on %s", config.control)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
