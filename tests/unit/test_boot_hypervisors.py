"""Rendered answers of XenServer, ESXi, Windows: fifty roles, and what is refused before power-on.

None of these was run on hardware: docs/hypervisors.md says what was proven how.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator import archs
from orchestrator.drivers.boot import esxi, windows, xenserver
from orchestrator.drivers.boot.esxi import EsxiMethod
from orchestrator.drivers.boot.method import Method
from orchestrator.drivers.boot.windows import WindowsMethod
from orchestrator.drivers.boot.xenserver import XenServerMethod
from orchestrator.lab.ipxe import parse as parse_script
from orchestrator.model.arch import Role
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.offer import parts
from orchestrator.model.secret import Secret

ATTEMPT = AttemptId("7/hyperv-flat/1")
TOKEN = "t0ken-of-one-install_0123456789ab"
URL = f"http://192.0.2.1:8080/boot/{TOKEN}"
KEY = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
NODE = Node(
    name="r1",
    mac="52:54:00:00:00:01",
    bmc=Bmc(address="192.0.2.9", port=623, user="lab", password=Secret("none")),
    provenance=Provenance.PHYSICAL,
    capabilities=frozenset({"x86_64"}),
    address="192.0.2.10",
    nics=(("eth0", "52:54:00:00:00:01"), ("vmnic1", "52:54:00:00:00:02")),
    disks=(("sda", 480), ("sdb", 16)),
)
MEDIA = "title=x\nkernel=/b.b00\nkernelopt=runweasel\nmodules=/jumpstrt.gz --- /useropts.gz\n"
METHODS: dict[str, Method] = {
    "xenserver": XenServerMethod(),
    "esxi": EsxiMethod(),
    "windows": WindowsMethod(),
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    media = tmp_path_factory.mktemp("media") / "boot.cfg"
    media.write_text(MEDIA)
    names = ("xen.gz", "BCD", "boot.sdi")
    return Image(
        name="hypervisor",
        suite="",
        kernel="kernel",
        initrd="initrd",
        mirror_host="media.lab",
        mirror_directory="/install/x",
        extras=(*((name, name) for name in names), ("boot.cfg", str(media))),
        edition="Windows Server 2022 SERVERSTANDARD",
        licence=Secret(KEY),
    )


def read(folder: Path, answers: str) -> Role:
    """The role of an arch file with those answers, which begin on its line 8."""
    text = f"""\
arch: hyperv-real
summary: x
deploy: {{play: site.yml}}
smoke: {{suite: compute}}
roles:
  host:
    install: hypervisor
    answers: {answers}
"""
    file = folder / "arch.yaml"
    file.write_text(text)
    return archs.load([file])[0].roles[0]


def asked(image: Image, role: Role) -> Image:
    """The image as `InstallBoot` hands it to a method."""
    return replace(image, answers=role.answers, role=role.source)


ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "disk": st.just("sda"),
        "disk_gib": st.integers(1, 480),
        "nic": st.sampled_from(["eth0", "vmnic1", NODE.mac]),
        "vlan": st.integers(1, 4094),
        "timezone": st.sampled_from(["UTC", "Etc/UTC", "America/Argentina/Buenos_Aires"]),
        "licence": st.sampled_from(["required", "evaluation"]),
    },
)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers=ANSWERS)
def test_fifty_roles_render_answers_that_parse_and_hold_no_secret(
    method: str, image: Image, tmp_path_factory: pytest.TempPathFactory, answers: dict[str, object]
) -> None:
    folder = tmp_path_factory.mktemp("arch")
    known = dict(answers)
    if method == "esxi" and known.get("nic") == "eth0":
        known["nic"] = "vmnic1"  # what ESXi calls cards
    quoted = {key: f'"{value}"' if ":" in str(value) else value for key, value in known.items()}
    role = read(folder, "{" + ", ".join(f"{k}: {v}" for k, v in quoted.items()) + "}")
    rendered = METHODS[method].render(NODE, asked(image, role), ATTEMPT, URL)
    assert KEY not in rendered.answers + rendered.script
    assert parse_script(rendered.script)
    found = parts(rendered.answers)
    for name, check in CHECKS[method].items():
        assert check(found[name]) == ()
    assert f"{URL}/arrived?ssh=" in rendered.answers or "$url/arrived?ssh=" in rendered.answers
    wanted = "52:54:00:00:00:02" if known.get("nic") == "vmnic1" else NODE.mac
    shown = rendered.answers + rendered.script
    assert wanted in shown or wanted.upper().replace(":", "-") in shown
    assert (str(known["vlan"]) in rendered.answers) if "vlan" in known else True


CHECKS = {
    "xenserver": {"answerfile": xenserver.faults},
    "esxi": {"ks.cfg": esxi.faults, "boot.cfg": esxi.boot_faults},
    "windows": {"autounattend.xml": windows.faults},
}

REFUSED = [
    ("{nic: eth7}", {}, ":8: r1 has no network card eth7; it has eth0 (52:54:00:00:00:01)"),
    ('{nic: "52:54:00:00:00:99"}', {}, ":8: r1 has no network card 52:54:00:00:00:99"),
    ("{disk: nvme0n1}", {}, ":8: r1 has no disk nvme0n1; it has sda, sdb"),
    ("{disk: sdb}", {}, ":8: r1's disk sdb has 16 GiB, and"),
    ("{disk_gib: 1000}", {}, ":8: r1's disk sda has 480 GiB, and 1000 are needed"),
    ("{licence: required}", {"licence": None}, ":8: the image hypervisor has no licence key"),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("answers", "changes", "says"), REFUSED)
def test_what_the_machine_or_image_lacks_is_refused_by_file_and_line(
    method: str,
    answers: str,
    changes: dict[str, None],
    says: str,
    image: Image,
    tmp_path: Path,
) -> None:
    wanted = replace(asked(image, read(tmp_path, answers)), **changes)
    with pytest.raises(ConfigError) as refused:
        METHODS[method].render(NODE, wanted, ATTEMPT, URL)
    assert f"{tmp_path / 'arch.yaml'}{says}" in str(refused.value)


def test_windows_wants_a_licence_key_unless_it_is_an_evaluation(
    image: Image, tmp_path: Path
) -> None:
    bare = replace(image, licence=None)
    with pytest.raises(ConfigError, match="has no licence key, and its installer stops"):
        METHODS["windows"].render(NODE, bare, ATTEMPT, URL)
    role = read(tmp_path, "{licence: evaluation}")
    rendered = METHODS["windows"].render(NODE, asked(bare, role), ATTEMPT, URL)
    assert "/licence" not in rendered.answers


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ("{vlan: 4095}", ":8: `roles.host.answers.vlan` is 4095; VLANs go from 1 to 4094"),
        ("{disk: /dev/sda}", ":8: `roles.host.answers.disk` is `/dev/sda`"),
        ("{licence: bought}", "write required or evaluation"),
        ("{root_password: x}", ":8: unknown key `roles.host.answers.root_password`"),
    ],
)
def test_answers_that_no_install_understands_are_refused(
    answers: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, answers)
    assert says in str(refused.value)


#: one component, with a disk where none belongs
UNATTEND = """\
<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="{}">
<component name="Microsoft-Windows-Setup" processorArchitecture="amd64" language="de">
<Disk/></component></settings></unattend>
"""

BROKEN = [
    (xenserver.faults, "<installation>", "1: is no XML"),
    (xenserver.faults, "<restore/>", "begins with <restore>"),
    (xenserver.faults, '<installation mode="fresh"/>', "has 0 of <primary-disk>"),
    (
        xenserver.faults,
        '<installation mode="fresh">\n<password>x</password></installation>',
        "2: <password> has no place in <installation>",
    ),
    (esxi.faults, "vmaccepteula\npartition /\n", "2: partition is no command"),
    (esxi.faults, "install --overwritevmfs\n", "1: install names no disk"),
    (esxi.faults, "network --device=eth0\n", "1: network cannot have --device 'eth0'"),
    (windows.faults, "<unattend/>", "is not of urn:schemas-microsoft-com:unattend"),
    (windows.faults, UNATTEND.format("specialise"), "'Microsoft-Windows-Setup' in the pass 'spec"),
    (windows.faults, UNATTEND.format("windowsPE"), "<Disk> has no place in <component>"),
    (windows.faults, UNATTEND.format("windowsPE"), "<component> has language='de', which"),
    (windows.faults, UNATTEND.format("windowsPE"), "no Microsoft-Windows-Shell-Setup in the pass"),
]


@pytest.mark.parametrize(("check", "text", "says"), BROKEN)
def test_the_grammars_find_what_is_wrong(check: object, text: str, says: str) -> None:
    assert callable(check)
    assert any(says in fault for fault in check(text)), check(text)


def scripts(image: Image) -> Iterator[tuple[str, str]]:
    found = parts(METHODS["xenserver"].render(NODE, image, ATTEMPT, URL).answers)
    yield "bash", found["post-install"]
    ks = parts(METHODS["esxi"].render(NODE, image, ATTEMPT, URL).answers)["ks.cfg"]
    yield "sh", ks.partition("%firstboot --interpreter=busybox\n")[2]


def test_the_shells_that_run_them_can_read_the_scripts(image: Image) -> None:
    for shell, script in scripts(image):
        done = subprocess.run(
            (shell, "-n"), input=script, text=True, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_the_password_of_answers_is_the_token_and_no_other_word(image: Image) -> None:
    for method in ("esxi", "windows"):
        answers = METHODS[method].render(NODE, image, ATTEMPT, URL).answers
        assert f"{TOKEN}aA1!" in answers
        again = METHODS[method].render(NODE, image, ATTEMPT, f"{URL}2").answers
        assert f"{TOKEN}aA1!" not in again
