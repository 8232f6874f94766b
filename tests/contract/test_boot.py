"""The law of the boot port, over the preseed driver."""

import secrets
import shutil
import stat
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.boot.install import InstallBoot
from orchestrator.drivers.boot.preseed import PreseedMethod
from orchestrator.drivers.boot.rendering import TEMPLATES
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.lab.answers import unsettled
from orchestrator.lab.ipxe import Verb
from orchestrator.lab.ipxe import parse as parse_script
from orchestrator.lab.preseed import parse as parse_answers
from orchestrator.model.arch import Role
from orchestrator.model.errors import ConfigError, OutOfTime
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.installing import Answer
from orchestrator.model.node import Access, Bmc, Node, Provenance
from orchestrator.model.offer import Offer
from orchestrator.model.secret import Secret
from orchestrator.ports.boot import Boot
from orchestrator.ports.clock import Deadline

ATTEMPT = AttemptId("7/kvm-flat/1")
URL = "http://127.0.0.1:8470/boot"
DEBIAN = Image(
    name="debian-12",
    suite="bookworm",
    kernel="/srv/linux",
    initrd="/srv/initrd.gz",
    mirror_host="mirror.lab:8080",
    mirror_directory="/debian",
)


class Shelf:
    """The offers of a store, in memory: one for a node, kept until it is dropped."""

    def __init__(self) -> None:
        self.offers: dict[str, Offer] = {}
        self.lock = threading.Lock()

    def put(self, offer: Offer) -> Offer:
        with self.lock:
            kept = self.offers.get(offer.node)
            if not kept or kept.attempt != offer.attempt:
                self.offers[offer.node] = offer
            return self.offers[offer.node]

    def find(self, node: str, attempt: AttemptId) -> Offer | None:
        offer = self.offers.get(node)
        return offer if offer and offer.attempt == attempt else None

    def by_mac(self, mac: str) -> Offer | None:
        return next((offer for offer in self.offers.values() if offer.mac == mac.lower()), None)

    def by_token(self, token: str) -> Offer | None:
        return next((offer for offer in self.offers.values() if offer.token == token), None)

    def fetched(self, token: str, what: str) -> None:
        offer = self.by_token(token)
        if offer:
            self.offers[offer.node] = replace(offer, fetched=(*offer.fetched, what))

    def arrive(self, token: str, access: Access) -> bool:
        offer = self.by_token(token)
        if not offer or offer.access:
            return False
        self.offers[offer.node] = replace(offer, access=access)
        return True

    def drop(self, node: str, attempt: AttemptId) -> None:
        if self.find(node, attempt):
            del self.offers[node]


def node(name: str = "node1") -> Node:
    return Node(
        name=name,
        mac="52:54:00:00:00:01",
        bmc=Bmc(address="127.0.0.1", port=623, user="admin", password=Secret(secrets.token_hex())),
        provenance=Provenance.SIMULATED,
        capabilities=frozenset(),
        address="127.0.0.1",
        ssh_port=2222,
    )


def role(image: str) -> Role:
    return Role(name="cloud", count=1, needs=frozenset(), install=image, groups=("all",))


def soon() -> Deadline:
    return Deadline(SystemClock(), 10)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def boot(shelf: Shelf, tmp_path: Path) -> Boot:
    return by_preseed(shelf, tmp_path)


def by_preseed(shelf: Shelf, folder: Path, templates: Path = TEMPLATES) -> Boot:
    methods = {"preseed": PreseedMethod(templates)}
    return InstallBoot(shelf, lambda _: URL, {"debian-12": DEBIAN}, folder / "keys", methods)


def offered(boot: Boot, shelf: Shelf, name: str = "node1") -> Offer:
    boot.offer(node(name), role("debian-12"), ATTEMPT, soon())
    offer = shelf.find(name, ATTEMPT)
    assert offer
    return offer


def test_the_answers_satisfy_a_parser_of_the_installers_kind(boot: Boot, shelf: Shelf) -> None:
    offer = offered(boot, shelf)
    answers = parse_answers(offer.answers)
    assert unsettled(answers) is None
    assert offer.answers.startswith("#_preseed_V1\n")
    assert answers["mirror/http/hostname"].value == "mirror.lab:8080"
    assert answers["mirror/suite"].value == "bookworm"
    assert f"{URL}/{offer.token}/authorized_keys" in answers["preseed/late_command"].value
    assert f"{URL}/{offer.token}/arrived?ssh=" in answers["preseed/late_command"].value


def test_the_script_loads_the_installer_by_token(boot: Boot, shelf: Shelf) -> None:
    offer = offered(boot, shelf)
    assert len(offer.token) == 32
    url = f"{URL}/{offer.token}"
    commands = {command.verb: command.words({}) for command in parse_script(offer.script)}
    assert {Verb.KERNEL, Verb.INITRD, Verb.BOOT} <= set(commands)
    assert commands[Verb.KERNEL][0] == f"{url}/linux"
    assert f"preseed/url={url}/preseed.cfg" in commands[Verb.KERNEL]
    assert "auto=true" in commands[Verb.KERNEL]
    assert "hostname=node1" in commands[Verb.KERNEL]
    assert commands[Verb.INITRD] == (f"{url}/initrd.gz",)


def test_the_late_command_installs_the_key_and_calls_home(
    boot: Boot, shelf: Shelf, tmp_path: Path
) -> None:
    """Run as the installer would, with a wget that notes what it was asked for."""
    late = parse_answers(offered(boot, shelf).answers)["preseed/late_command"].value
    target, asked = tmp_path / "target", tmp_path / "asked"
    (target / "etc/ssh").mkdir(parents=True)
    (target / "etc/ssh/ssh_host_ed25519_key.pub").write_text("ssh-ed25519 AA+B/C= root@node1\n")
    wget = tmp_path / "wget"
    wget.write_text(f'#!/bin/sh\nfor last; do :; done\necho "$last" >> {asked}\necho key > "$3"\n')
    wget.chmod(0o755)
    command = late.replace("/target", str(target))
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["sh", "-c", command], env=env, check=True)
    keys, home = asked.read_text().splitlines()
    assert keys.endswith("/authorized_keys")
    assert home.endswith("/arrived?ssh=ssh-ed25519%20AA%2BB/C=%20root@node1")
    installed = target / "root/.ssh/authorized_keys"
    assert stat.S_IMODE(installed.stat().st_mode) == 0o600
    assert stat.S_IMODE(installed.parent.stat().st_mode) == 0o700


def test_a_repeat_changes_nothing(boot: Boot, shelf: Shelf) -> None:
    first = offered(boot, shelf)
    key = Path(boot.key(ATTEMPT)).read_bytes()
    assert offered(boot, shelf) == first
    assert Path(boot.key(ATTEMPT)).read_bytes() == key


def test_each_offer_has_a_token_of_its_own(boot: Boot, shelf: Shelf) -> None:
    tokens = {offered(boot, shelf, f"node{number}").token for number in range(20)}
    assert len(tokens) == 20
    boot.withdraw(node(), ATTEMPT)
    assert offered(boot, shelf).token not in tokens


def test_the_key_belongs_to_the_attempt_and_fits_the_public_half(boot: Boot, shelf: Shelf) -> None:
    one, two = offered(boot, shelf, "node1"), offered(boot, shelf, "node2")
    assert one.public_key == two.public_key
    path = Path(boot.key(ATTEMPT))
    assert path.name == "7_kvm-flat_1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True)
    assert told.stdout.split()[:2] == one.public_key.split()[:2]
    boot.offer(node("node3"), role("debian-12"), AttemptId("7/kvm-flat/2"), soon())
    other = shelf.find("node3", AttemptId("7/kvm-flat/2"))
    assert other
    assert other.public_key != one.public_key


def test_offers_at_the_same_time_share_one_key(boot: Boot, shelf: Shelf) -> None:
    names = [f"node{number}" for number in range(8)]
    crowd = [threading.Thread(target=offered, args=(boot, shelf, name)) for name in names]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert len({offer.public_key for offer in shelf.offers.values()}) == 1
    assert len(shelf.offers) == 8


def test_the_last_withdrawal_takes_the_key_along(boot: Boot, shelf: Shelf, tmp_path: Path) -> None:
    offered(boot, shelf, "node1")
    offered(boot, shelf, "node2")
    boot.withdraw(node("node1"), ATTEMPT)
    assert Path(boot.key(ATTEMPT)).exists()
    for _ in range(2):
        boot.withdraw(node("node2"), ATTEMPT)
    assert not shelf.offers
    assert not list((tmp_path / "keys").iterdir())


def test_arrival_and_fetches_are_told_for_this_attempt_only(boot: Boot, shelf: Shelf) -> None:
    offer = offered(boot, shelf)
    assert boot.arrived(node(), ATTEMPT) is None
    assert boot.fetched(node(), ATTEMPT) == ()
    access = Access(address="127.0.0.1", port=2222, user="root", host_key="ssh-ed25519 AAAA")
    shelf.fetched(offer.token, "script")
    assert shelf.arrive(offer.token, access)
    assert boot.arrived(node(), ATTEMPT) == access
    assert boot.fetched(node(), ATTEMPT) == ("script",)
    assert boot.arrived(node(), AttemptId("7/kvm-flat/2")) is None
    assert boot.fetched(node("node2"), ATTEMPT) == ()


def test_an_unknown_image_is_named_with_those_there_are(boot: Boot, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no image 'xcp-8' to install node1 with; .*debian-12"):
        boot.offer(node(), role("xcp-8"), ATTEMPT, soon())
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("d-i time/zone string Etc/UTC", "d-i time/zone", "is not `owner question type value`"),
        ("partman/confirm boolean true", "partman/confirm boolean yes", "must be true or false"),
        ("partman/confirm boolean true", "partman/confirm bool true", "the unknown type 'bool'"),
        ("{{ image.suite }}", "{{ image.sweet }}", "no attribute 'sweet'"),
        ("{{ image.suite }}", "{% if %}", "Expected an expression"),
    ],
)
def test_answers_that_cannot_work_are_refused_with_template_and_line(
    shelf: Shelf, tmp_path: Path, old: str, new: str, words: str
) -> None:
    broken, line = rewrite(tmp_path, old, new)
    boot = by_preseed(shelf, tmp_path, templates=tmp_path)
    with pytest.raises(ConfigError) as raised:
        boot.offer(node(), role("debian-12"), ATTEMPT, soon())
    assert words in str(raised.value)
    assert str(raised.value).startswith(f"{broken}:{line}: ")
    assert not shelf.offers


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("d-i time/zone string Etc/UTC\n", "", "no answer for time/zone"),
        ("{{ image.suite }}", "", "empty answer for mirror/suite"),
    ],
)
def test_answers_that_the_installer_would_ask_for_are_missed(
    shelf: Shelf, tmp_path: Path, old: str, new: str, words: str
) -> None:
    rewrite(tmp_path, old, new)
    boot = by_preseed(shelf, tmp_path, templates=tmp_path)
    with pytest.raises(ConfigError, match=words):
        boot.offer(node(), role("debian-12"), ATTEMPT, soon())
    assert not shelf.offers


def rewrite(folder: Path, old: str, new: str) -> tuple[Path, int]:
    """Copy the templates with one change in the answers; return the file and the line."""
    shutil.copytree(TEMPLATES, folder, dirs_exist_ok=True)
    broken = folder / "preseed.cfg.j2"
    before, found, after = broken.read_text().partition(old)
    assert found
    broken.write_text(before + new + after)
    return broken, before.count("\n") + 1


def test_no_time_left_offers_nothing(boot: Boot, shelf: Shelf) -> None:
    with pytest.raises(OutOfTime):
        boot.offer(node(), role("debian-12"), ATTEMPT, Deadline(SystemClock(), 0))
    assert not shelf.offers


def test_no_private_key_is_in_what_the_node_gets(boot: Boot, shelf: Shelf) -> None:
    offer = offered(boot, shelf)
    assert "PRIVATE" not in offer.script + offer.answers + offer.public_key
    assert "PRIVATE" in Path(boot.key(ATTEMPT)).read_text()


def test_answers_that_the_installer_would_not_hear_are_refused(tmp_path: Path) -> None:
    asked = (Answer(key="disk", value="sdb", source="archs/a.yaml:8"),)
    boot = InstallBoot(
        Shelf(), lambda _: URL, {"debian-12": DEBIAN}, tmp_path, {"preseed": PreseedMethod()}
    )
    with pytest.raises(ConfigError, match=r"archs/a\.yaml:8: debian-12 is installed by preseed"):
        boot.offer(node(), replace(role("debian-12"), answers=asked), ATTEMPT, soon())
