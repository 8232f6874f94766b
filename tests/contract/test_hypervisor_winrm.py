"""WinRM and Hyper-V's WMI: the driver's law, and what the real client needs of the simulator."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pypsrp.exceptions import WSManFaultError
from pypsrp.shell import Process, WinRS
from pypsrp.wsman import SelectorSet, WSMan

from orchestrator.drivers.hypervisor import winrm as driver
from orchestrator.drivers.hypervisor.winrm import WinrmHypervisor
from orchestrator.lab.hypervisors.served import Fault
from orchestrator.lab.hypervisors.winrm import VIRTUALIZATION, HyperV
from orchestrator.model.errors import ConfigError, InfraError, Unreachable
from orchestrator.model.hypervisor import StrayKind
from orchestrator.model.secret import Secret
from tests.contract import hypervisor_host
from tests.contract.hypervisor_host import hosted, soon

SERVICE = f"{VIRTUALIZATION}/Msvm_VirtualSystemManagementService"
SYSTEM = f"{VIRTUALIZATION}/Msvm_ComputerSystem"
WSEN = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"


Host = hypervisor_host.Host[HyperV]


@pytest.fixture(scope="module")
def served() -> Iterator[Host]:
    with hosted(lambda password: HyperV(password=password), "Administrator", "n05") as found:
        yield found


@pytest.fixture
def host(served: Host) -> Host:
    """The one host of this file, as fresh as after an install."""
    served.desk.fault = Fault.NONE
    served.simulator.__post_init__()
    return served


def client(host: Host) -> WSMan:
    return driver._client(host.login, 20)


def xml(kind: str, **properties: str) -> str:
    """An object as WMI's XML text."""
    made = ElementTree.Element("INSTANCE", CLASSNAME=kind)
    for name, value in properties.items():
        inner = ElementTree.SubElement(made, "PROPERTY", NAME=name, TYPE="string")
        ElementTree.SubElement(inner, "VALUE").text = value
    return ElementTree.tostring(made, encoding="unicode")


def call(wsman: WSMan, method: str, **texts: str) -> ElementTree.Element:
    """Call a method of the management service with texts for its input."""
    wanted = ElementTree.Element(f"{{{SERVICE}}}{method}_INPUT")
    for name, text in texts.items():
        ElementTree.SubElement(wanted, f"{{{SERVICE}}}{name}").text = text
    return wsman.invoke(f"{SERVICE}/{method}", SERVICE, wanted)


def guest(wsman: WSMan, name: str = "guest") -> str:
    """Define a virtual machine; return its GUID."""
    settings = xml("Msvm_VirtualSystemSettingData", ElementName=name)
    answer = call(wsman, "DefineSystem", SystemSettings=settings)
    return answer.findtext(f".//{{{SERVICE}}}ResultingSystem", "")


def switched(wsman: WSMan, guid: str, state: str) -> str:
    wanted = ElementTree.Element(f"{{{SYSTEM}}}RequestStateChange_INPUT")
    ElementTree.SubElement(wanted, f"{{{SYSTEM}}}RequestedState").text = state
    selectors = SelectorSet()
    selectors.add_option("Name", guid)
    answer = wsman.invoke(f"{SYSTEM}/RequestStateChange", SYSTEM, wanted, None, selectors)
    return answer.findtext(f".//{{{SYSTEM}}}ReturnValue", "")


def test_what_answers_is_told(host: Host) -> None:
    about = WinrmHypervisor().about(host.login, soon())
    assert about.product == "Microsoft Windows Server 2022 Standard"
    assert (about.version, about.capabilities) == ("10.0.20348", ("vmms",))


def test_what_a_branch_left_is_found_and_removed_once_and_again(host: Host) -> None:
    assert WinrmHypervisor().strays(host.login, soon()) == ()
    with client(host) as wsman:
        guid = guest(wsman)
        assert switched(wsman, guid, "2") == "0"
    strays = WinrmHypervisor().strays(host.login, soon())
    assert [(s.kind, s.name, s.ref) for s in strays] == [(StrayKind.GUEST, "guest", guid)]
    for stray in (*strays, *strays):
        WinrmHypervisor().remove(host.login, stray, soon())
    assert WinrmHypervisor().strays(host.login, soon()) == ()


def test_a_wrong_password_is_ours_to_mend(host: Host) -> None:
    wrong = replace(host.login, password=Secret("wrong"))
    with pytest.raises(ConfigError, match="refused our login by WinRM"):
        WinrmHypervisor().about(wrong, soon())


def test_another_certificate_is_told_nothing(host: Host) -> None:
    other = replace(host.login, certificate="00" * 32)
    with pytest.raises(Unreachable, match="another certificate"):
        WinrmHypervisor().about(other, soon())


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.HANGS_UP, Fault.GARBLES])
def test_no_answer_of_the_protocol_is_unreachable(host: Host, fault: Fault) -> None:
    host.desk.fault = fault
    with pytest.raises(Unreachable, match="does not answer by WinRM"):
        WinrmHypervisor().about(host.login, soon())


def test_a_host_that_is_starting_is_the_labs_fault(host: Host) -> None:
    host.desk.fault = Fault.STARTING
    with pytest.raises(InfraError, match="it is starting"):
        WinrmHypervisor().about(host.login, soon())


# What the client's documentation has it do.


def test_a_command_is_run_in_a_shell(host: Host) -> None:
    with client(host) as wsman, WinRS(wsman) as shell:
        known = Process(shell, "hostname")
        known.invoke()
        assert (known.rc, known.stdout) == (0, b"HYPERV\r\n")
        unknown = Process(shell, "frobnicate")
        unknown.invoke()
        assert (unknown.rc, b"is not recognized" in unknown.stderr) == (1, True)


def test_a_shell_that_is_gone_is_refused_by_windows_own_number(host: Host) -> None:
    with client(host) as wsman:
        shell = WinRS(wsman)
        shell.open()
        gone = SelectorSet()
        gone.add_option("ShellId", "none")
        shell._selector_set = gone
        with pytest.raises(WSManFaultError) as refused:
            shell.command("hostname", None)
    assert refused.value.code == driver._NOT_FOUND


def test_a_long_list_is_pulled(host: Host) -> None:
    with client(host) as wsman:
        guid = guest(wsman)
        context = wsman.enumerate(SYSTEM, ElementTree.Element(f"{{{WSEN}}}Enumerate"))
        wanted = ElementTree.Element(f"{{{WSEN}}}Pull")
        text = context.findtext(f".//{{{WSEN}}}EnumerationContext", "")
        ElementTree.SubElement(wanted, f"{{{WSEN}}}EnumerationContext").text = text
        page = wsman.pull(SYSTEM, wanted)
        names = [item.text for item in page.iter(f"{{{SYSTEM}}}Name")]
        assert names == ["HYPERV", guid]
        with pytest.raises(WSManFaultError):
            wsman.pull(SYSTEM, wanted)


def test_settings_that_hyperv_refuses(host: Host) -> None:
    with client(host) as wsman:
        wrong = call(wsman, "DefineSystem", SystemSettings=xml("Msvm_Nothing"))
        assert wrong.findtext(f".//{{{SERVICE}}}ReturnValue") == "32773"
        guid = guest(wsman)
        assert switched(wsman, guid, "2") == "0"
        assert switched(wsman, guid, "2") == "32775"
        with pytest.raises(WSManFaultError):
            call(wsman, "DefineSystem", SystemSettings="no XML")
        with pytest.raises(WSManFaultError):
            call(wsman, "Frobnicate")
        with pytest.raises(WSManFaultError, match="cannot find"):
            wsman.enumerate(f"{VIRTUALIZATION}/Msvm_Nothing", ElementTree.Element("x"))
