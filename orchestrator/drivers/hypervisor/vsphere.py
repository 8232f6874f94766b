"""ESXi and vCenter by the vSphere API, with VMware's own client, pyVmomi."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from xml.parsers.expat import ExpatError

from pyVim.connect import Connect, Disconnect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl
from pyVmomi.Security import ThumbprintMismatchException

from orchestrator.drivers.hypervisor.pinned import probe, unverified
from orchestrator.model.errors import ConfigError, InfraError, Unreachable
from orchestrator.model.hypervisor import About, Login, Stray, StrayKind
from orchestrator.ports.clock import Deadline

#: what one answer may take, in seconds
ANSWER_SECONDS = 20
#: vSphere 6.5's: all that is asked for is in it, and every later one speaks it as well
API = "vim.version.version10"
#: port groups that a host has by itself
_OWN_NETWORKS = frozenset({"VM Network", "Management Network"})
#: datastores that somebody mounted
_MOUNTED = frozenset({"NFS", "NFS41", "VVOL"})
_KINDS = {
    StrayKind.GUEST: vim.VirtualMachine,
    StrayKind.NETWORK: vim.Network,
    StrayKind.STORE: vim.Datastore,
}


class VsphereHypervisor:
    """Speaks the vSphere API; every call is a session of its own."""

    def about(self, login: Login, deadline: Deadline) -> About:
        """Return product, version, and whether a host or a vCenter answers."""
        with _session(login, deadline) as content:
            about = content.about
            hosts = _all(content, vim.HostSystem)
            return About(
                product=about.fullName,
                version=about.version,
                capabilities=(about.apiType, f"{len(hosts)} hosts"),
            )

    def strays(self, login: Login, deadline: Deadline) -> tuple[Stray, ...]:
        """Return virtual machines, port groups and mounted datastores."""
        with _session(login, deadline) as content:
            return tuple(
                Stray(kind=kind, name=found.name, ref=found._moId)
                for kind, what in _KINDS.items()
                for found in _all(content, what)
                if _left(kind, found)
            )

    def remove(self, login: Login, stray: Stray, deadline: Deadline) -> None:
        """Switch a virtual machine off and destroy it; destroy a port group, unmount a store."""
        with _session(login, deadline) as content:
            found = [o for o in _all(content, _KINDS[stray.kind]) if o._moId == stray.ref]
            for one in found:
                _remove(stray.kind, one)


def _left(kind: StrayKind, found: Any) -> bool:  # noqa: ANN401  # made at run time
    if kind is StrayKind.GUEST:
        return not (found.config and found.config.template)
    if kind is StrayKind.NETWORK:
        return type(found) is vim.Network and found.name not in _OWN_NETWORKS
    return found.summary.type in _MOUNTED


def _remove(kind: StrayKind, one: Any) -> None:  # noqa: ANN401  # made at run time
    if kind is StrayKind.GUEST:
        if one.runtime.powerState != "poweredOff":
            WaitForTask(one.PowerOffVM_Task())
        WaitForTask(one.Destroy_Task())
    elif kind is StrayKind.NETWORK:
        for host in one.host:
            host.configManager.networkSystem.RemovePortGroup(one.name)
    else:
        for mount in one.host:
            mount.key.configManager.datastoreSystem.RemoveDatastore(one)


def _all(content: Any, kind: Any) -> list[Any]:  # noqa: ANN401  # made at run time
    """Return every object of a kind below the root folder."""
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], recursive=True)
    try:
        return list(view.view)
    finally:
        view.Destroy()


@contextmanager
def _session(login: Login, deadline: Deadline) -> Iterator[Any]:
    where = f"{login.node or login.address}:{login.port}"
    seconds = max(1, int(min(ANSWER_SECONDS, deadline.left())))
    probe(login, seconds)
    try:
        instance = _connected(login, seconds)
        try:
            yield instance.RetrieveContent()
        finally:
            with suppress(vmodl.MethodFault, OSError):
                Disconnect(instance)
    except vim.fault.InvalidLogin as error:
        msg = f"{where} refused our login by vSphere; check user and password"
        raise ConfigError(msg) from error
    except vim.fault.HostConnectFault as error:
        # What the library makes of anything that is no answer of vSphere's.
        raise Unreachable(
            f"{where} does not answer by vSphere: {error.msg}", node=login.node
        ) from error
    except vmodl.MethodFault as error:
        said = error.msg or type(error).__name__
        raise InfraError(f"{where} refused by vSphere: {said}", node=login.node) from error
    except ThumbprintMismatchException as error:
        msg = f"{where} shows another certificate than the one that it called home with"
        raise Unreachable(msg, node=login.node) from error
    except (OSError, http.client.HTTPException, ExpatError) as error:
        msg = f"{where} does not answer by vSphere: {error}"
        raise Unreachable(msg, node=login.node) from error


def _connected(login: Login, seconds: int) -> Any:  # noqa: ANN401  # made at run time
    try:
        return Connect(
            host=login.address,
            port=login.port,
            user=login.user,
            pwd=login.password.reveal(),
            sslContext=unverified(),
            thumbprint=login.certificate,
            version=API,
            httpConnectionTimeout=seconds,
        )
    except AttributeError as error:
        # So the library meets an answer in which there is nothing of vSphere's.
        raise http.client.HTTPException("what came is none of its answers") from error
