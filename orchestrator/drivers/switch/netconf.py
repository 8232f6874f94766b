"""A switch that speaks NETCONF (RFC 6241) and OpenConfig: the access VLAN of each port."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from lxml import etree
from ncclient import NCClientError, manager
from ncclient.operations import RPCError
from ncclient.transport.errors import AuthenticationError, SSHUnknownHostError
from paramiko import SSHException

from orchestrator.model.errors import ConfigError, InfraError, Unreachable
from orchestrator.model.node import Access
from orchestrator.ports.clock import Deadline

#: what one conversation may take, in seconds
SECONDS = 60.0
_INTERFACES = "http://openconfig.net/yang/interfaces"
_ETHERNET = "http://openconfig.net/yang/interfaces/ethernet"
_VLAN = "http://openconfig.net/yang/vlan"
_BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
_TAG = f".//{{{_VLAN}}}access-vlan"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetconfSwitch:
    """`ports.switch.Switch` by NETCONF; its candidate configuration is used if it has one."""

    name: str
    access: Access
    #: path of the private key
    key: str
    #: the VLAN that is each port's own
    vlans: Mapping[str, int]

    def join(self, ports: Sequence[str], deadline: Deadline) -> str:
        """Put the ports into the VLAN of the first; raise `InfraError` if one is not in it then."""
        vlan = self.vlans[ports[0]]
        limit = deadline.within(SECONDS, f"configuring {self.name}")
        with self._session(limit) as session:
            _edit(session, _tree(_BASE, "config", ports, vlan))
            shown = session.get_config(source="running", filter=_tree(_BASE, "filter", ports))
            found = dict(_shown(shown.data_ele))
        for port in ports:
            if found.get(port) != str(vlan):
                msg = f"{self.name} took port {port} for VLAN {vlan} and shows it otherwise"
                raise InfraError(f"{msg}: {found.get(port) or 'no access VLAN'}")
        return f"VLAN {vlan} of {self.name}"

    @contextmanager
    def _session(self, limit: Deadline) -> Iterator[Any]:
        limit.check()
        try:
            with manager.connect(
                host=self.access.address,
                port=self.access.port,
                username=self.access.user,
                key_filename=self.key,
                hostkey_b64=self.access.host_key.split()[1],
                allow_agent=False,
                look_for_keys=False,
                timeout=limit.left(),
                manager_params={"timeout": limit.left()},
            ) as session:
                yield session
        except RPCError as error:
            said = error.message or error.tag or "no reason given"
            raise InfraError(f"{self.name} refused by NETCONF: {said}") from error
        except AuthenticationError as error:
            msg = f"{self.name} refused our login by NETCONF; check its user and key"
            raise ConfigError(msg) from error
        except SSHUnknownHostError as error:
            msg = f"{self.name} shows another host key than the lab file says"
            raise Unreachable(msg) from error
        except (NCClientError, SSHException, OSError) as error:
            raise Unreachable(f"{self.name} does not answer by NETCONF: {error}") from error


def _edit(session: Any, config: etree._Element) -> None:  # noqa: ANN401  # ncclient has no types
    if ":candidate" not in session.server_capabilities:
        session.edit_config(target="running", config=config)
        return
    with session.locked("candidate"):
        try:
            session.edit_config(target="candidate", config=config)
            session.commit()
        except RPCError:
            with suppress(RPCError):
                session.discard_changes()
            raise


def _tree(space: str, root: str, ports: Sequence[str], vlan: int | None = None) -> etree._Element:
    """Return OpenConfig's tree of the ports: with the VLAN as configuration, else as a filter."""
    made = etree.Element(f"{{{space}}}{root}", nsmap={None: space})
    if vlan is None:
        made.set("type", "subtree")
    interfaces = etree.SubElement(made, f"{{{_INTERFACES}}}interfaces")
    for port in ports:
        interface = etree.SubElement(interfaces, f"{{{_INTERFACES}}}interface")
        etree.SubElement(interface, f"{{{_INTERFACES}}}name").text = port
        ethernet = etree.SubElement(interface, f"{{{_ETHERNET}}}ethernet")
        switched = etree.SubElement(ethernet, f"{{{_VLAN}}}switched-vlan")
        if vlan is not None:
            config = etree.SubElement(switched, f"{{{_VLAN}}}config")
            etree.SubElement(config, f"{{{_VLAN}}}interface-mode").text = "ACCESS"
            etree.SubElement(config, f"{{{_VLAN}}}access-vlan").text = str(vlan)
    return made


def _shown(data: etree._Element) -> Iterator[tuple[str, str]]:
    for interface in data.iter(f"{{{_INTERFACES}}}interface"):
        name = interface.findtext(f"{{{_INTERFACES}}}name", "")
        yield name, interface.findtext(_TAG, "")
