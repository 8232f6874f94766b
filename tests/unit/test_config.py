"""lab.toml: what is read, what is refused, in which words, and that no secret gets out."""

import secrets
import tomllib
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from orchestrator.config import labfile as config
from orchestrator.config.labfile import Drivers, Ipmi
from orchestrator.drivers.boot import preseed
from orchestrator.model.errors import ConfigError
from orchestrator.model.node import Provenance

ENVIRONMENT = '"env:LAB_TEST_BMC"'
EXAMPLE = Path(__file__).parents[2] / "docs" / "lab.example.toml"

LAB = """\
[lab]
name = "rack-2"
port = 8080

[store]
url = "postgresql://lab@db/lab"

[repos]
nova = "https://git.example.com/nova"
mine = { url = "./repos/mine", trusted = true }

[images.debian-12]
suite = "bookworm"
kernel = "linux"
initrd = "initrd.gz"
mirror = "http://mirror.example.com/debian"

[drivers.power.ipmi]
gap = 2.5

[[nodes]]
name = "r1"
mac = "3C-EC-EF-00-00-01"
capabilities = ["kvm", "x86_64"]
address = "10.20.0.11"
ssh_port = 22
[nodes.bmc]
address = "10.20.1.11"
port = 623
user = "root"
password = "env:LAB_TEST_BMC"

[[nodes]]
name = "r2"
mac = "3c:ec:ef:00:00:02"
provenance = "emulated"
address = "r2.example.com"
bmc = { address = "2001:db8::2", user = "root", password = "file:r2.bmc" }
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_TEST_BMC", secrets.token_hex(8))
    (tmp_path / "r2.bmc").write_text(secrets.token_hex(8) + "\n")
    (tmp_path / "r2.bmc").chmod(0o600)
    for name in ("linux", "initrd.gz"):
        (tmp_path / name).touch()
    path = tmp_path / "lab.toml"
    path.write_text(LAB)
    return path


def test_a_lab_file_is_read_whole(lab: Path) -> None:
    read = config.load(lab)
    assert (read.name, read.address, read.port) == ("rack-2", "127.0.0.1", 8080)
    assert (read.store_url, read.trust_code) == ("postgresql://lab@db/lab", False)
    mine = str(lab.parent / "repos" / "mine")
    assert read.repos == {"nova": "https://git.example.com/nova", "mine": mine}
    assert read.trusted == {"mine"}
    assert read.manners.ipmi == Ipmi(gap=2.5)
    assert read.folders == config.builtin()
    first, second = read.nodes
    assert (first.mac, first.provenance) == ("3c:ec:ef:00:00:01", Provenance.PHYSICAL)
    assert (first.power, first.console, first.boot) == ("ipmi", "sol", "install")
    assert first.capabilities == {"kvm", "x86_64"}
    assert (second.provenance, second.address) == (Provenance.EMULATED, "r2.example.com")
    assert (second.ssh_port, second.ssh_user, second.capabilities) == (22, "root", frozenset())
    assert (second.bmc.address, second.bmc.port) == ("2001:db8::2", 623)


def test_an_image_is_what_the_boot_driver_takes(lab: Path) -> None:
    image = config.load(lab).images["debian-12"]
    assert preseed.Image(**asdict(image)) == preseed.Image(
        name="debian-12",
        suite="bookworm",
        kernel=str(lab.parent / "linux"),
        initrd=str(lab.parent / "initrd.gz"),
        mirror_host="mirror.example.com",
        mirror_directory="/debian",
    )


def test_an_empty_file_is_a_lab_without_nodes(lab: Path) -> None:
    lab.write_text("")
    read = config.load(lab)
    assert (read.name, read.nodes, read.store_url, read.manners.ipmi) == ("lab", (), "", Ipmi())


def test_folders_are_relative_to_the_file(lab: Path) -> None:
    (lab.parent / "plays").mkdir()
    lab.write_text('[folders]\nplaybooks = "plays"\n')
    folders = config.load(lab).folders
    assert folders.playbooks == lab.parent / "plays"
    assert folders.archs == config.builtin().archs


def test_the_built_in_folders_are_those_of_the_checkout() -> None:
    folders = config.builtin()
    assert folders.archs == EXAMPLE.parents[1] / "reference_archs"
    assert folders.suites == folders.archs / "suites"
    assert folders.playbooks.is_dir()


def test_secrets_are_fetched_and_never_shown(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = secrets.token_hex(8)
    monkeypatch.setenv("LAB_TEST_BMC", value)
    read = config.load(lab)
    assert read.nodes[0].bmc.password.reveal() == value
    in_file = (lab.parent / "r2.bmc").read_text().strip()
    assert read.nodes[1].bmc.password.reveal() == in_file
    assert value not in repr(read)
    assert in_file not in repr(read)


#: (what is replaced in LAB, by what, the line and sentence of the error)
WRONG = [
    ("[store]", "[stor]", 5, "unknown key `stor`; did you mean `store`?"),
    ("port = 8080", "prot = 8080", 3, "unknown key `lab.prot`; did you mean `port`?"),
    ("port = 8080", "port = 70000", 3, "`lab.port` is 70000; write at most 65535"),
    ("port = 8080", 'port = "8080"', 3, "`lab.port` is text; write a whole number"),
    ("port = 8080", "port = true", 3, "`lab.port` is a truth value; write a whole number"),
    ("port = 8080", "trust_code = 1", 3, "`lab.trust_code` is a number; write true or false"),
    (
        "port = 8080",
        'address = "127.0.0.300"',
        3,
        "`127.0.0.300` is no IP address or host name; write one such as 10.0.0.7 or"
        " bmc7.example.com",
    ),
    (
        "lab@db",
        "lab:hidden@db",
        6,
        "`store.url` holds a password; leave it out: a store's comes from PGPASSWORD or ~/.pgpass,"
        " a repository's from git",
    ),
    ('url = "./', 'ulr = "./', 10, "unknown key `repos.mine.ulr`; did you mean `url`?"),
    (
        "https://git",
        "https://me:hidden@git",
        9,
        "`repos.nova` holds a password; leave it out: a store's comes from PGPASSWORD or ~/.pgpass,"
        " a repository's from git",
    ),
    ('suite = "bookworm"\n', "", 12, "`images.debian-12.suite` is missing; add it"),
    (
        "http://mirror.example.com/debian",
        "mirror.example.com",
        16,
        "`mirror.example.com` is no mirror; installers fetch by http://HOST/FOLDER",
    ),
    ("gap = 2.5", "gap = -1", 19, "`drivers.power.ipmi.gap` is -1.0; write at least 0"),
    ("gap = 2.5", "tires = 2", 19, "unknown key `drivers.power.ipmi.tires`; did you mean `tries`?"),
    (
        "power.ipmi]",
        "power.ipmmi]",
        18,
        "unknown key `drivers.power.ipmmi`; did you mean `ipmi`?",
    ),
    (
        "power.ipmi]\ngap = 2.5",
        "power.redfish]\ncertificates = 'none.pem'",
        19,
        "there is no file {home}/none.pem; fetch it or mend `drivers.power.redfish.certificates`",
    ),
    (
        "power.ipmi]\ngap = 2.5",
        "power.pdu]\nversion = 3",
        19,
        "`drivers.power.pdu.version` is 3; write 1, or 2 for 2c",
    ),
    (
        "power.ipmi]\ngap = 2.5",
        "power.pdu]\nstate = '1.3.x'",
        19,
        "`drivers.power.pdu.state` is `1.3.x`, which is no OID; write numbers with dots",
    ),
    (
        "ssh_port = 22",
        f"pdu = {{ address = '10.20.2.5', community = {ENVIRONMENT}, outlets = [] }}",
        26,
        "`nodes[0].pdu.outlets` names no outlets; write their numbers in quotes, one per power"
        ' supply, e.g. ["7"]',
    ),
    (
        "ssh_port = 22",
        f"pdu = {{ address = '10.20.2.5', community = {ENVIRONMENT}, outlets = ['7', '7'] }}",
        26,
        "`nodes[0].pdu.outlets` names outlet 7 twice; mend one",
    ),
    ('name = "r1"\n', "", 21, "`nodes[0].name` is missing; add it"),
    ('name = "r1"', 'name = "r 1"', 22, "`r 1` is no name; use letters, digits and . _ -"),
    (
        'name = "r2"',
        'name = "r1"',
        34,
        "name r1 is given to another node on line 22; mend one",
    ),
    (
        "3c:ec:ef:00:00:02",
        "3c:ec:ef:00:00:01",
        35,
        "MAC 3c:ec:ef:00:00:01 is given to another node on line 23; mend one",
    ),
    (
        "3c:ec:ef:00:00:02",
        "3c:ec:ef:00:02",
        35,
        "`3c:ec:ef:00:02` is no MAC address of a machine; write that of the network card, e.g."
        " 52:54:00:12:34:56",
    ),
    (
        "3c:ec:ef:00:00:02",
        "ff:ff:ff:ff:ff:ff",
        35,
        "`ff:ff:ff:ff:ff:ff` is no MAC address of a machine; write that of the network card, e.g."
        " 52:54:00:12:34:56",
    ),
    (
        "2001:db8::2",
        "10.20.1.11",
        38,
        "BMC 10.20.1.11:623 is given to another node on line 28; mend one",
    ),
    (
        "r2.example.com",
        "10.20.0.11",
        37,
        "address 10.20.0.11:22 is given to another node on line 25; mend one",
    ),
    (
        "r2.example.com",
        "r2_example",
        37,
        "`r2_example` is no IP address or host name; write one such as 10.0.0.7 or"
        " bmc7.example.com",
    ),
    (
        '"emulated"',
        '"emulatd"',
        36,
        "`nodes[1].provenance` is `emulatd`, which is unknown; did you mean `emulated`?",
    ),
    (
        '"emulated"',
        '"partner"',
        36,
        "`nodes[1].provenance` is `partner`, which is unknown; known: `physical`, `emulated`,"
        " `simulated`",
    ),
    (
        "ssh_port = 22",
        "ssh_prot = 22",
        26,
        "unknown key `nodes[0].ssh_prot`; did you mean `ssh_port`?",
    ),
    (
        "ssh_port = 22",
        'power = "ipmii"',
        26,
        "`nodes[0].power` is `ipmii`, which is unknown; did you mean `ipmi`?",
    ),
    ("port = 623", "port = 0", 29, "`nodes[0].bmc.port` is 0; write at least 1"),
    (
        ENVIRONMENT,
        '"env:LAB_TEST_NONE"',
        31,
        "the environment has no LAB_TEST_NONE; export it before the start",
    ),
    (
        ENVIRONMENT,
        '"calvin"',
        31,
        "`nodes[0].bmc.password` is written out; this file is no place for secrets: write env:NAME"
        " or file:PATH",
    ),
    (ENVIRONMENT, "4711", 31, "`nodes[0].bmc.password` is a number; put it in quotes"),
    ("gap = 2.5", "gap = ", 19, "not TOML: invalid value; mend this line"),
    ("gap = 2.5", "gap = 2\ngap = 3", 20, "not TOML: cannot overwrite a value; mend this line"),
]


@pytest.mark.parametrize(("old", "new", "line", "sentence"), WRONG)
def test_a_mistake_is_named_with_its_line(
    lab: Path, old: str, new: str, line: int, sentence: str
) -> None:
    assert LAB.count(old) == 1
    sentence = sentence.format(home=lab.parent)
    lab.write_text(LAB.replace(old, new))
    known = Drivers(power={"ipmi"}, console={"sol"}, boot={"install"})
    with pytest.raises(ConfigError) as caught:
        config.load(lab, drivers=known)
    assert str(caught.value) == f"{lab}:{line}: {sentence}"


def test_a_secret_file_is_only_for_its_owner(lab: Path) -> None:
    secret = lab.parent / "r2.bmc"
    for mode in (0o640, 0o604, 0o644):
        secret.chmod(mode)
        with pytest.raises(ConfigError) as caught:
            config.load(lab)
        sentence = f"others may read the secret in {secret}; type: chmod 600 {secret}"
        assert str(caught.value) == f"{lab}:38: {sentence}"
    secret.write_text("\n")
    secret.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        config.load(lab)
    assert str(caught.value) == f"{lab}:38: secret file {secret} is empty; write the secret into it"
    secret.unlink()
    with pytest.raises(ConfigError) as caught:
        config.load(lab)
    sentence = f"secret file {secret}: No such file or directory; make it, with mode 0600"
    assert str(caught.value) == f"{lab}:38: {sentence}"


def test_what_the_file_names_must_be_there(lab: Path) -> None:
    (lab.parent / "initrd.gz").unlink()
    with pytest.raises(ConfigError) as caught:
        config.load(lab)
    missing = f"there is no file {lab.parent}/initrd.gz"
    assert str(caught.value) == f"{lab}:15: {missing}; fetch it or mend `images.debian-12.initrd`"
    lab.write_text('[folders]\nsuites = "none"\n')
    with pytest.raises(ConfigError) as caught:
        config.load(lab)
    missing = f"there is no folder {lab.parent}/none"
    assert str(caught.value) == f"{lab}:2: {missing}; make it or mend `folders.suites`"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "lab.toml")
    sentence = "cannot be read: No such file or directory; name the lab file"
    assert str(caught.value) == f"{tmp_path}/lab.toml: {sentence}"


def test_the_example_loads_and_names_every_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    for folder in ("reference_archs/suites", "playbooks"):
        (tmp_path / folder).mkdir(parents=True)
    (docs / "netboot" / "debian-12").mkdir(parents=True)
    for name in ("linux", "initrd.gz"):
        (docs / "netboot" / "debian-12" / name).touch()
    (docs / "secrets").mkdir()
    for name in ("r2-02.bmc", "pdu", "switch"):
        (docs / "secrets" / name).write_text(secrets.token_hex(8))
        (docs / "secrets" / name).chmod(0o600)
    (docs / "bmc-authority.pem").touch()
    monkeypatch.setenv("SMOKETEST_BMC_PASSWORD", secrets.token_hex(8))
    monkeypatch.setenv("HP_JENKINS_TOKEN", secrets.token_hex(8))
    (docs / "lab.toml").write_text(EXAMPLE.read_text())
    read = config.load(docs / "lab.toml")
    assert [node.name for node in read.nodes] == ["r2-01", "r2-02"]
    assert read.folders.suites == tmp_path / "reference_archs" / "suites"
    assert read.trusted == {"demo"}
    assert read.manners.ipmi == Ipmi()
    plain = tomllib.loads(EXAMPLE.read_text())
    told = {"accounts", "people", "mail", "notices", "watch", "limits", "partners", "switches"}
    assert set(plain) == {"lab", "store", "repos", "folders", "images", "drivers", "nodes", *told}
    assert set(plain["nodes"][0]) == {field.name for field in fields(read.nodes[0])}
    for name, usual in asdict(config.Manners()).items():
        written = {"certificates": "", **plain["drivers"]["power"][name]}
        assert written | {"certificates": ""} == usual | {"certificates": ""}
    assert set(plain["drivers"]["power"]["redfish"]) == set(asdict(config.Manners())["redfish"])
