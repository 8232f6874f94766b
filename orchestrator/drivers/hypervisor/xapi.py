"""XenServer and XCP-ng by XAPI, with the project's own client, XenAPI."""

import http.client
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import XenAPI

from orchestrator.drivers.hypervisor.pinned import PinnedTransport
from orchestrator.model.errors import ConfigError, InfraError, Unreachable
from orchestrator.model.hypervisor import About, Login, Stray, StrayKind
from orchestrator.ports.clock import Deadline

#: what one answer may take, in seconds
ANSWER_SECONDS = 20.0
_LOGIN = "SESSION_AUTHENTICATION_FAILED"
_GONE = "HANDLE_INVALID"
#: storage that a host has by itself
_OWN_STORES = frozenset({"ext", "lvm", "udev", "iso", "tmpfs"})


class XapiHypervisor:
    """Speaks XAPI; every call is a session of its own."""

    def about(self, login: Login, deadline: Deadline) -> About:
        """Log in and return brand, version and what the CPU can do."""
        with _session(login, deadline) as api:
            host = api.host.get_record(api.host.get_all()[0])
            versions = host["software_version"]
            return About(
                product=versions["product_brand"],
                version=versions["product_version"],
                capabilities=tuple(sorted(word for word in host["capabilities"] if word)),
            )

    def strays(self, login: Login, deadline: Deadline) -> tuple[Stray, ...]:
        """Return VMs, networks without a card behind them, and attached storage."""
        with _session(login, deadline) as api:
            return tuple(_strays(api))

    def remove(self, login: Login, stray: Stray, deadline: Deadline) -> None:
        """Halt and destroy a VM, destroy a network, forget a storage repository."""
        with _session(login, deadline) as api:
            try:
                _remove(api, stray)
            except XenAPI.Failure as error:
                if error.details[0] != _GONE:
                    raise


def _strays(api: Any) -> Iterator[Stray]:  # noqa: ANN401  # XenAPI has no types
    for ref, vm in api.VM.get_all_records().items():
        ours = vm["is_control_domain"] or vm["is_a_template"] or vm["is_a_snapshot"]
        if not ours:
            yield Stray(kind=StrayKind.GUEST, name=vm["name_label"], ref=ref)
    wired = {pif["network"] for pif in api.PIF.get_all_records().values()}
    for ref, network in api.network.get_all_records().items():
        internal = network["other_config"].get("is_host_internal_management_network") == "true"
        if ref not in wired and not internal:
            yield Stray(kind=StrayKind.NETWORK, name=network["name_label"], ref=ref)
    for ref, store in api.SR.get_all_records().items():
        if store["type"] not in _OWN_STORES:
            yield Stray(kind=StrayKind.STORE, name=store["name_label"], ref=ref)


def _remove(api: Any, stray: Stray) -> None:  # noqa: ANN401  # XenAPI has no types
    if stray.kind is StrayKind.STORE:
        api.SR.forget(stray.ref)
        return
    if stray.kind is StrayKind.NETWORK:
        api.network.destroy(stray.ref)
        return
    if api.VM.get_power_state(stray.ref) != "Halted":
        api.VM.hard_shutdown(stray.ref)
    api.VM.destroy(stray.ref)


@contextmanager
def _session(login: Login, deadline: Deadline) -> Iterator[Any]:
    """Yield XAPI's methods within a session; raise our errors."""
    where = f"{login.node or login.address}:{login.port}"
    transport = PinnedTransport(login, min(ANSWER_SECONDS, deadline.left()))
    url = f"https://{login.address}:{login.port}"
    session = XenAPI.Session(url, transport)
    try:
        session.login_with_password(login.user, login.password.reveal(), "1.0", "smoketest")
        try:
            yield session.xenapi
        finally:
            with suppress(XenAPI.Failure, OSError, http.client.HTTPException, xmlrpc.client.Error):
                session.xenapi.session.logout()
    except XenAPI.Failure as error:
        raise _failure(where, login, error) from error
    except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
        said = getattr(error, "errmsg", "") or str(error) or type(error).__name__
        raise Unreachable(f"{where} does not answer by XAPI: {said}", node=login.node) from error
    except (TypeError, ValueError, SyntaxError) as error:
        # What the library makes of an answer that is none of XAPI's.
        msg = f"{where} does not answer by XAPI: what came is none of its answers"
        raise Unreachable(msg, node=login.node) from error
    finally:
        transport.close()


def _failure(where: str, login: Login, error: XenAPI.Failure) -> InfraError | ConfigError:
    said = ": ".join(str(word) for word in error.details)
    if error.details[0] == _LOGIN:
        return ConfigError(f"{where} refused our login by XAPI; check user and password")
    return InfraError(f"{where} refused by XAPI: {said}", node=login.node)
