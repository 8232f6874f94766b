"""XenServer's toolstack, XAPI, by its own client library."""

import json
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import XenAPI

from stratus.drivers.hardware import Hardware
from stratus.hypervisors.api import Api, Pinned
from stratus.web import Json, Refused

_SECONDS = 20.0


class _Transport(xmlrpc.client.SafeTransport):
    """XML-RPC over a pinned connection."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._pinned = Pinned(api, _SECONDS)

    def make_connection(self, host: Any) -> Pinned:  # noqa: ANN401, ARG002  # the library's form
        return self._pinned


class Host:
    """Guests as VM, VIF and VBD records."""

    def __init__(self, api: Api) -> None:
        """Take where XAPI answers."""
        self._api = api

    @classmethod
    def told(cls, told: dict[str, str], folder: Path) -> Self:
        """Return what the configuration says."""
        return cls(Api.told(told, folder))

    def run(self, server: str, definition: str) -> Hardware:
        """Make the VM anew, start it, and return what XAPI says that it has."""
        with self._session() as xapi:
            _destroy(xapi, server)
            vm = _create(xapi, json.loads(definition))
            xapi.VM.start(vm, False, False)  # noqa: FBT003  # XAPI's signature
            return _found(xapi, vm)

    def stop(self, server: str) -> None:
        """Shut the VM down and destroy it."""
        with self._session() as xapi:
            _destroy(xapi, server)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        api = self._api
        session = XenAPI.Session(f"https://{api.address}:{api.port}", _Transport(api))
        try:
            session.login_with_password(api.user, api.password, "1.0", "stratus")
            yield session.xenapi
            session.xenapi.session.logout()
        except XenAPI.Failure as error:
            raise Refused(500, f"xenserver: {': '.join(map(str, error.details))}") from error
        except (OSError, xmlrpc.client.Error) as error:
            raise Refused(503, f"xenserver: XAPI does not answer: {error}") from error


def _destroy(xapi: Any, server: str) -> None:  # noqa: ANN401  # XenAPI has no types
    for ref, vm in xapi.VM.get_all_records().items():
        if vm["other_config"].get("nova_uuid") == server:
            if vm["power_state"] != "Halted":
                xapi.VM.hard_shutdown(ref)
            xapi.VM.destroy(ref)


def _create(xapi: Any, record: Json) -> str:  # noqa: ANN401  # XenAPI has no types
    vm: str = xapi.VM.create(
        {
            "name_label": record["name_label"],
            "memory_static_max": "268435456",
            "VCPUs_max": "1",
            "PV_args": "",
            "PV_bootloader": record["PV_bootloader"],
            "other_config": record["other_config"],
        }
    )
    for vif in record["VIFs"]:
        network = _named(xapi.network, vif["network"])
        xapi.VIF.create({**vif, "VM": vm, "network": network, "other_config": {}})
    store = xapi.SR.get_by_name_label("Local storage")[0]
    for vbd in record["VBDs"]:
        vdi = {"name_label": vbd["VDI"], "SR": store, "virtual_size": "1048576", "type": "user"}
        disk = xapi.VDI.create({**vdi, "sharable": False, "read_only": False, "other_config": {}})
        device = {"VM": vm, "VDI": disk, "userdevice": vbd["userdevice"], "bootable": False}
        xapi.VBD.create({**device, "mode": "RW", "type": "Disk", "other_config": {}})
    return vm


def _named(kind: Any, name: str) -> str:  # noqa: ANN401  # XenAPI has no types
    """Return the network of that name, made if there is none."""
    there = kind.get_by_name_label(name)
    return str(there[0] if there else kind.create({"name_label": name, "other_config": {}}))


def _found(xapi: Any, vm: str) -> Hardware:  # noqa: ANN401  # XenAPI has no types
    record = xapi.VM.get_record(vm)
    vifs = sorted((xapi.VIF.get_record(ref) for ref in record["VIFs"]), key=_device)
    vbds = [xapi.VBD.get_record(ref) for ref in record["VBDs"]]
    return Hardware(
        name=record["name_label"],
        macs=tuple(vif["MAC"] for vif in vifs),
        disks=tuple((vbd["userdevice"], xapi.VDI.get_name_label(vbd["VDI"])) for vbd in vbds),
    )


def _device(vif: Json) -> int:
    return int(vif["device"])
