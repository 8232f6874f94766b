"""The network service's DHCP server: each port's address goes to whoever has the port's MAC."""

import logging
import socketserver
from ipaddress import ip_network

from stratus.db import Database
from stratus.dhcp.message import Kind, Message, Option, address, unpack
from stratus.network.segment import gateway
from stratus.web import Json

PORT = 6767
_SECONDS = 86400
_ANSWERS = {Kind.DISCOVER: Kind.OFFER, Kind.REQUEST: Kind.ACK}


class DhcpServer(socketserver.UDPServer):
    """Answers the hosts, which hand on what their guests ask; strangers get no answer."""

    allow_reuse_address = True

    def __init__(self, host: str, db: Database, log: logging.Logger) -> None:
        """Listen, without answering yet."""
        self.host = host
        self.log = log
        self._db = db
        super().__init__((host, PORT), _Handler)

    def answer(self, asked: Message) -> Message | None:
        """Return what to say; None to say nothing."""
        port = self._port(asked)
        if port is None or asked.kind not in _ANSWERS:
            return None
        wanted = asked.options.get(Option.ADDRESS, address(port["address"]))
        if asked.kind is Kind.REQUEST and wanted != address(port["address"]):
            return Message(kind=Kind.NAK, exchange=asked.exchange, mac=asked.mac, relay=asked.relay)
        return Message(
            kind=_ANSWERS[asked.kind],
            exchange=asked.exchange,
            mac=asked.mac,
            given=port["address"],
            relay=asked.relay,
            options=self._options(port),
        )

    def _port(self, asked: Message) -> Json | None:
        """Return the port with that MAC on the network that the question comes from."""
        sql = "SELECT address, cidr FROM ports JOIN networks ON network = networks.id WHERE mac = ?"
        found = self._db.rows(f"{sql} AND dhcp = 1", asked.mac)
        return next((port for port in found if gateway(port["cidr"]) == asked.relay), None)

    def _options(self, port: Json) -> dict[Option, bytes]:
        return {
            Option.SERVER: address(self.host),
            Option.SECONDS: _SECONDS.to_bytes(4, "big"),
            Option.NETMASK: ip_network(port["cidr"]).netmask.packed,
            Option.ROUTER: address(gateway(port["cidr"])),
        }


class _Handler(socketserver.BaseRequestHandler):
    server: DhcpServer

    def handle(self) -> None:
        data, socket = self.request
        try:
            asked = unpack(data)
        except ValueError as error:
            self.server.log.warning("DHCP: %s says what is none: %s", self.client_address, error)
            return
        said = self.server.answer(asked)
        told = f"{said.kind.name} {said.given}" if said else "nobody that we know"
        self.server.log.info("DHCP: %s of %s: %s", asked.kind.name, asked.mac, told)
        if said is not None:
            socket.sendto(said.pack(), self.client_address)
