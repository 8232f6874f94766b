"""BMCs found among addresses: the lab's own, a Redfish emulator, old ones, and silence."""

import secrets
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.discovery import http, ipmi, rmcp
from orchestrator.lab.certificate import self_signed
from orchestrator.model.discovery import Finding, Login, LoginState, Search
from orchestrator.model.secret import Secret
from orchestrator.ports.discovery import Discovery
from orchestrator.wiring.discovery import discovery
from tests.bench.bmcs import Hall, hall
from tests.contract.test_power_redfish import OTHER, OURS, emulated, free_ports, system

#: nothing listens there
SILENT = ("127.201.0.1", "127.201.0.2")


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for silence less long than on a rack."""
    monkeypatch.setattr(rmcp, "ANSWER", 0.5)


@pytest.fixture(scope="module")
def found() -> Iterator[Discovery]:
    with discovery() as made:
        yield made


@pytest.fixture(scope="module")
def bmcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(tmp_path_factory.mktemp("hall"), 2) as made:
        yield made


def search(where: Discovery, asked: Search) -> dict[str, Finding]:
    """Return what was found by address; every address must be told of once."""
    told: list[tuple[int, Finding | None]] = []
    where.search(asked, lambda done, finding: told.append((done, finding)))
    assert [done for done, _ in told] == list(range(1, len(asked.addresses) + 1))
    return {finding.address: finding for _, finding in told if finding}


def search_of(bmcs: Hall, user: str = "", password: str = "") -> Search:
    bmc = bmcs.nodes[0].bmc
    login = Login(user=user, password=Secret(password)) if user else None
    return Search(addresses=(*SILENT, bmc.address), port=bmc.port, login=login, at_once=2)


def test_a_bmc_among_silent_addresses_says_how_it_lets_log_in(found: Discovery, bmcs: Hall) -> None:
    (one,) = search(found, search_of(bmcs)).values()
    assert one.address == bmcs.nodes[0].bmc.address
    assert one.redfish is None
    assert one.ipmi
    assert (one.ipmi.version, one.ipmi.auth) == ("2.0", ("rmcp+",))
    assert one.ipmi.login is LoginState.UNTRIED
    assert one.machines == ()
    assert not bmcs.log(2), "nobody was to ask that one"


def test_who_may_log_in_is_told_of_the_machine(found: Discovery, bmcs: Hall) -> None:
    bmc = bmcs.nodes[0].bmc
    asked = search_of(bmcs, bmc.user, bmc.password.reveal())
    (one,) = search(found, asked).values()
    assert one.ipmi
    assert one.ipmi.login is LoginState.WELCOME
    (machine,) = one.machines
    assert machine.power == "off"
    assert len(machine.guid) == 36
    (again,) = search(found, asked).values()
    assert again == one
    sessions = {line["session"] for line in bmcs.log(1) if "session" in line}
    assert len(sessions) == 2, "each search logs in once"


@pytest.mark.parametrize("user", ["admin", "nobody"])
def test_a_wrong_login_is_told_apart(found: Discovery, bmcs: Hall, user: str) -> None:
    password = secrets.token_hex(8)
    (one,) = search(found, search_of(bmcs, user, password)).values()
    assert one.ipmi
    assert one.ipmi.login is LoginState.DENIED
    assert one.machines == ()
    assert password not in repr(one)


def test_what_an_inventory_record_says(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"Manufacturer": "Acme ", "Product name": "R2\x00\x1b[2J", "Board serial number": "B7"}
    monkeypatch.setattr(ipmi, "_fru", lambda _: told)
    assert ipmi._first(told, "Serial Number", "Board serial number") == "B7"
    assert ipmi._first(told, "Product name") == "R2 [2J"
    assert ipmi._first(told, "Model") == ""


@contextmanager
def answering(reply: Callable[[bytes], bytes]) -> Iterator[tuple[str, int]]:
    """Yield where each packet is answered with what `reply` makes of it, if anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.201.1.1", 0))
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    packet, client = server.recvfrom(2048)
                except TimeoutError:
                    continue
                if said := reply(packet):
                    server.sendto(said, client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        over.set()
        thread.join()


def pong(packet: bytes) -> bytes:
    """Answer an ASF ping as IPMI 2.0, section 13.2.4 has it; nothing else."""
    if packet[3] != 6 or packet[8] != 0x80:
        return b""
    return (
        packet[:8]
        + bytes((0x40, packet[9], 0, 16))
        + struct.pack(">I", 4542)
        + bytes(4)
        + (b"\x81" + bytes(7))
    )


def capabilities(packet: bytes, *, code: int, kinds: int, extended: int) -> bytes:
    """Answer Get Channel Authentication Capabilities."""
    body = bytes((0x20, 0x04, 0x38, code, 1, kinds, 0, extended, 0, 0, 0, 0))
    return packet[:13] + bytes((len(body) + 4,)) + b"\x81\x1c\x63" + body + b"\x00"


def old(packet: bytes) -> bytes:
    """Answer as a BMC of IPMI 1.5 that refuses the question of 2.0."""
    if packet[3] != 7:
        return b""
    new = packet[20] & 0x80
    return capabilities(packet, code=0xCC if new else 0, kinds=0x15, extended=0)


def noise(packet: bytes) -> bytes:
    return packet[:4] + secrets.token_bytes(3)


@pytest.mark.parametrize(
    ("reply", "version", "auth"),
    [(pong, "", ()), (old, "1.5", ("none", "md5", "password"))],
)
def test_bmcs_that_know_less(
    found: Discovery, reply: Callable[[bytes], bytes], version: str, auth: tuple[str, ...]
) -> None:
    login = Login(user="admin", password=Secret(secrets.token_hex(8)))
    with answering(reply) as (address, port):
        (one,) = search(found, Search(addresses=(address,), port=port, login=login)).values()
    assert one.ipmi
    assert (one.ipmi.version, one.ipmi.auth) == (version, auth)
    assert one.ipmi.login is LoginState.UNTRIED


def test_noise_is_no_bmc(found: Discovery) -> None:
    with answering(noise) as (address, port):
        assert search(found, Search(addresses=(address,), port=port)) == {}


def test_an_address_is_asked_gently(found: Discovery) -> None:
    heard: list[bytes] = []

    def note(packet: bytes) -> bytes:
        heard.append(packet)
        return b""

    with answering(note) as (address, port):
        assert search(found, Search(addresses=(address,), port=port)) == {}
    assert len(heard) == 4


def here(port: int, login: Login | None = None) -> Search:
    """Return a search for Redfish on this host, and for IPMI where nobody is."""
    return Search(addresses=("127.0.0.1", *SILENT), port=1, redfish_port=port, login=login)


class TestRedfish:
    def test_it_tells_of_itself_and_to_its_user_of_its_machines(
        self, found: Discovery, tmp_path: Path
    ) -> None:
        systems = [system(3, OURS), system(4, OTHER)]
        with emulated(tmp_path, systems) as device:
            (one,) = search(found, here(device.port)).values()
            assert one.ipmi is None
            assert one.redfish
            assert (one.redfish.encrypted, one.redfish.login) == (False, LoginState.UNTRIED)
            assert one.redfish.version.startswith("1.")
            login = Login(user=device.user, password=Secret(device.password))
            (told,) = search(found, here(device.port, login)).values()
            wrong = replace(login, password=Secret(secrets.token_hex(8)))
            (refused,) = search(found, here(device.port, wrong)).values()
            assert device.sessions() == [], "a login was left open"
        assert told.redfish
        assert told.redfish.login is LoginState.WELCOME
        assert {machine.macs for machine in told.machines} == {(OURS,), (OTHER,)}
        assert {machine.power for machine in told.machines} == {"off"}
        assert told.machines[0].guid.startswith("00000000-")
        assert refused.redfish
        assert refused.redfish.login is LoginState.DENIED
        assert refused.machines == ()

    def test_a_password_is_sent_to_no_stranger(self, found: Discovery, tmp_path: Path) -> None:
        certificate = tmp_path / "bmc.pem"
        certificate.write_bytes(self_signed("127.0.0.1", "bmc").pem)
        with emulated(tmp_path, [system(3, OURS)], certificate=str(certificate)) as device:
            login = Login(user=device.user, password=Secret(device.password))
            (careful,) = search(found, here(device.port, login)).values()
            (trusting,) = search(found, replace(here(device.port, login), insecure=True)).values()
        assert careful.redfish
        assert careful.redfish.encrypted
        assert careful.redfish.login is LoginState.UNTRIED
        assert "--insecure" in careful.redfish.said
        assert careful.machines == ()
        assert trusting.redfish
        assert trusting.redfish.login is LoginState.WELCOME
        assert trusting.machines[0].macs == (OURS,)

    @pytest.mark.parametrize(
        "said",
        [
            b"HTTP/1.1 200 OK\r\n\r\n<html>a printer</html>",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"",
        ],
    )
    def test_other_servers_are_no_bmc(self, found: Discovery, said: bytes) -> None:
        (port,) = free_ports(1)
        with socket.create_server(("127.0.0.1", port)) as server:
            thread = threading.Thread(target=_say, args=(server, said))
            thread.start()
            assert search(found, here(port)) == {}
            thread.join()

    def test_one_that_stalls_holds_nobody_up(
        self, found: Discovery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "CONNECT", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as server:
            assert search(found, here(server.getsockname()[1])) == {}


def _say(server: socket.socket, said: bytes) -> None:
    """Answer two visitors, the one who would encrypt and the one who would not."""
    for _ in range(2):
        client, _ = server.accept()
        with client:
            client.settimeout(5)
            client.recv(4096)
            client.sendall(said)
