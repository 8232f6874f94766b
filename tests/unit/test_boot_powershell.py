"""The scripts of Windows' first log-on: PowerShell, by the grammar that editors use."""

import pytest
import tree_sitter
import tree_sitter_powershell

from orchestrator.drivers.boot.windows import WindowsMethod
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.offer import parts
from orchestrator.model.secret import Secret

IMAGE = Image(
    name="windows-2022",
    suite="",
    kernel="wimboot",
    initrd="boot.wim",
    mirror_host="media.lab",
    mirror_directory="/windows",
    extras=(("BCD", "BCD"), ("boot.sdi", "boot.sdi")),
    edition="Windows Server 2022 SERVERSTANDARD",
    licence=Secret("AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"),
)
NODE = Node(
    name="r1",
    mac="52:54:00:00:00:01",
    bmc=Bmc(address="192.0.2.9", port=623, user="lab", password=Secret("none")),
    provenance=Provenance.PHYSICAL,
    capabilities=frozenset({"x86_64"}),
    address="192.0.2.10",
)
URL = "http://192.0.2.1:8080/boot/t0ken-of-one-install_0123456789ab"


def mistakes(script: str) -> list[int]:
    """Return the lines, from 1, on which the script is no PowerShell."""
    grammar = tree_sitter.Language(tree_sitter_powershell.language())
    left = [tree_sitter.Parser(grammar).parse(script.encode()).root_node]
    found: list[int] = []
    while left:
        node = left.pop()
        left += node.children
        found += [node.start_point[0] + 1] if node.is_error or node.is_missing else []
    return sorted(found)


def test_each_script_is_powershell() -> None:
    answers = parts(WindowsMethod().render(NODE, IMAGE, AttemptId("7/hyperv/1"), URL).answers)
    scripts = {name: text for name, text in answers.items() if name.endswith(".ps1")}
    assert set(scripts) == {"first-logon.ps1", "home.ps1"}
    assert {name: mistakes(text) for name, text in scripts.items()} == {
        name: [] for name in scripts
    }


@pytest.mark.parametrize("text", ["$a = 1\nif ($a { 1 }", "$a =", '"never closed'])
def test_the_grammar_finds_a_mistake(text: str) -> None:
    assert mistakes(text)
