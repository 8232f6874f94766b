"""The boot server, walked through as firmware and installer do."""

import base64
import logging
import secrets
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from itertools import product
from pathlib import Path

import pytest

from orchestrator.lab.ipxe import Verb, expand, parse
from orchestrator.model.ids import AttemptId
from orchestrator.model.offer import Offer
from orchestrator.model.secret import Secret
from orchestrator.web import boot
from orchestrator.web.house import ImageFiles
from tests.unit.web_house import IMAGE, Furnished, furnish, offer, public_key

ATTEMPT = AttemptId("1/kvm-flat/1")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Furnished]:
    with furnish(tmp_path) as found:
        yield found


@pytest.fixture
def offered(home: Furnished) -> Offer:
    node = home.house.library.lab.nodes["n01"]
    return home.store.offers.put(offer(home.url, node, ATTEMPT))


def test_a_machine_is_led_from_its_mac_to_its_call_back(home: Furnished, offered: Offer) -> None:
    firmware = home.client()
    script = firmware.get("/boot/ipxe", params={"mac": offered.mac.upper()})
    assert script.text == offered.script
    assert script.headers["content-type"].startswith("text/plain")
    base = f"/boot/{offered.token}"
    image = home.house.images(IMAGE)
    assert firmware.get(f"{base}/linux").content == image.kernel.read_bytes()
    assert firmware.get(f"{base}/initrd.gz").content == image.initrd.read_bytes()
    assert firmware.get(f"{base}/preseed.cfg").text == offered.answers
    assert firmware.get(f"{base}/authorized_keys").text == f"{offered.public_key}\n"
    ssh = public_key("root@n01")
    assert firmware.get(f"{base}/arrived", params={"ssh": ssh}).status_code == HTTPStatus.OK
    found = home.store.offers.by_token(offered.token)
    assert found is not None
    assert found.fetched == ("script", "kernel", "initrd", "answers", "key")
    kept = home.house.files.read(ATTEMPT, "flight.log", 0, 9999).decode()
    assert [
        line.partition(" network n01 HTTP: it ")[2].partition(",")[0] for line in kept.splitlines()
    ] == [
        *("fetched its boot script", "fetched kernel", "fetched initrd", "fetched its answers"),
        *("fetched the public key", "called home"),
    ]
    assert offered.token not in kept
    assert found.access is not None
    assert found.access.host_key == ssh.rpartition(" ")[0]
    assert (found.access.address, found.access.port, found.access.user) == (
        "127.0.7.1",
        22022,
        "root",
    )


def test_a_rack_begins_at_one_address(home: Furnished, offered: Offer) -> None:
    firmware = home.client()
    first = firmware.get("/boot/first.ipxe")
    assert first.headers["content-type"].startswith("text/plain")
    commands = parse(first.text)
    (chain,) = (command for command in commands if command.verb is Verb.CHAIN)
    settings = {"netX/mac:hexhyp": offered.mac.replace(":", "-")}
    asked = expand(chain.rest, settings).split()[-1]
    # iPXE reads everything before a colon as a scheme
    assert ":" not in asked
    assert firmware.get(str(first.url.join(asked))).text == offered.script
    assert [c.rest for c in commands if c.verb is Verb.GOTO].count("again") == 1


def test_ipxe_itself_is_served_to_firmware_that_boots_by_http(
    home: Furnished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ipxe.efi"
    monkeypatch.setattr(boot, "_IPXE_EFI", program)
    missing = home.client().get("/boot/ipxe.efi")
    assert missing.status_code == HTTPStatus.NOT_FOUND
    assert missing.text.endswith("type there: apt-get install ipxe\n")
    program.write_bytes(secrets.token_bytes(5000))
    assert home.client().head("/boot/ipxe.efi").headers["content-length"] == "5000"
    found = home.client().get("/boot/ipxe.efi")
    assert found.content == program.read_bytes()
    assert found.headers["content-type"] == "application/efi"


def test_a_token_is_good_for_one_key(home: Furnished, offered: Offer) -> None:
    address = f"/boot/{offered.token}/arrived"
    first, second = public_key(), public_key()
    assert home.client().post(address, params={"ssh": first}).status_code == HTTPStatus.OK
    assert home.client().get(address, params={"ssh": first}).status_code == HTTPStatus.OK
    answer = home.client().get(address, params={"ssh": second})
    assert answer.status_code == HTTPStatus.CONFLICT
    assert "n01 called home already" in answer.text
    found = home.store.offers.by_token(offered.token)
    assert found is not None
    assert found.access is not None
    assert first.startswith(found.access.host_key)


def _not_keys() -> list[str]:
    good = public_key("")
    rsa = base64.b64encode(b"\x00\x00\x00\x07ssh-rsa" + secrets.token_bytes(40)).decode()[:68]
    return [
        "",
        "ssh-ed25519",
        good[:-4],
        f"{good}AAAA",
        good.replace("+", " ") if "+" in good else good.replace("AAAA", "AA A"),
        f"ssh-rsa {rsa}",
        f"ssh-ed25519 {rsa}",
        f"{good} comment\nssh-ed25519 second",
        f"{good} two words",
        f" {good}",
        f'command="sh" {good}',
        good.replace("ssh-ed25519", "ecdsa-sha2"),
    ]


def test_only_a_host_key_is_taken(home: Furnished, offered: Offer) -> None:
    for text in _not_keys():
        answer = home.client().get(f"/boot/{offered.token}/arrived", params={"ssh": text})
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, text
    found = home.store.offers.by_token(offered.token)
    assert found is not None
    assert found.access is None


def test_without_an_offer_there_is_nothing(home: Furnished, offered: Offer) -> None:
    home.store.offers.drop(offered.node, offered.attempt)
    names = ("linux", "initrd.gz", "preseed.cfg", "authorized_keys", "arrived?ssh=x", "else")
    for token, name in product((offered.token, "nobody", "%00", "ipxe"), names):
        answer = home.client().get(f"/boot/{token}/{name}")
        assert answer.status_code == HTTPStatus.NOT_FOUND, (token, name)
        assert answer.headers["content-type"].startswith("text/plain")
    unknown = home.client().get("/boot/ipxe", params={"mac": offered.mac})
    assert unknown.status_code == HTTPStatus.NOT_FOUND


def test_an_image_that_is_missing_is_said_to_be(home: Furnished, offered: Offer) -> None:
    home.house.images(IMAGE).initrd.unlink()
    answer = home.client().get(f"/boot/{offered.token}/initrd.gz")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert f"the initrd of {IMAGE}" in answer.text
    node = home.house.library.lab.nodes["n02"]
    other = home.store.offers.put(
        replace(offer(home.url, node, ATTEMPT), image="plan9", token=secrets.token_hex(9))
    )
    assert "plan9" in home.client().get(f"/boot/{other.token}/linux").text


def test_no_token_in_the_access_log(
    home: Furnished, offered: Offer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="uvicorn.access"):
        home.client().get("/boot/ipxe", params={"mac": offered.mac})
        home.client().get(f"/boot/{offered.token}/preseed.cfg?again=1")
        home.client().get(f"/boot/{offered.token}/arrived", params={"ssh": public_key()})
        home.client().get(f"/boot/{offered.token}")
    lines = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert len(lines) == 4
    assert "/boot/******/preseed.cfg?again=1" in lines[1]
    assert not [line for line in lines if offered.token in line]


def test_answers_in_parts_and_a_licence_key_under_the_token(home: Furnished) -> None:
    node = home.house.library.lab.nodes["n01"]
    images: dict[str, ImageFiles] = home.house.images.__self__  # type: ignore[attr-defined]
    licence = Secret(secrets.token_hex(8))
    images[IMAGE] = replace(images[IMAGE], licence=licence)
    text = "=== ks.cfg\nvmaccepteula\n=== boot.cfg\nkernel=b.b00\n"
    made = home.store.offers.put(replace(offer(home.url, node, ATTEMPT), answers=text))
    base, firmware = f"/boot/{made.token}", home.client()
    assert firmware.get(f"{base}/answers/ks.cfg").text == "vmaccepteula\n"
    assert firmware.get(f"{base}/answers/boot.cfg").text == "kernel=b.b00\n"
    assert firmware.get(f"{base}/answers/other").status_code == HTTPStatus.NOT_FOUND
    assert firmware.get(f"{base}/licence").text == f"{licence.reveal()}\n"
    called = {"ssh": public_key(), "tls": "AB" * 32}
    assert firmware.get(f"{base}/arrived", params={**called, "tls": "AB"}).status_code == 422
    assert firmware.get(f"{base}/arrived", params=called).status_code == HTTPStatus.OK
    found = home.store.offers.by_token(made.token)
    assert found is not None
    assert found.access is not None
    assert found.access.certificate == "ab" * 32
    assert firmware.get(f"{base}/licence").status_code == HTTPStatus.NOT_FOUND, "home already"
    assert licence.reveal() not in repr(found)
