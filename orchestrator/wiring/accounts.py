"""Build what lets people in."""

import getpass
import ipaddress

from orchestrator.config.accounts import Oidc
from orchestrator.drivers.accounts.argon2 import Argon2Passwords
from orchestrator.drivers.accounts.oidc import OidcProvider
from orchestrator.drivers.accounts.sockets import ProcSockets
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.store.opened import Store
from orchestrator.model.secret import Secret
from orchestrator.service import door
from orchestrator.service.accounts import Accounts
from orchestrator.service.ledger import Ledger
from orchestrator.web.house import Reception
from orchestrator.wiring.home import Home
from orchestrator.wiring.lab import LabParts


def reception(home: Home, lab: LabParts, store: Store) -> Reception:
    """Return what lets people in, and writes down what they do."""
    clock, passwords = SystemClock(), Argon2Passwords()
    return Reception(
        rules=lab.people.rules,
        accounts=Accounts(
            clock=clock,
            users=store.users,
            sessions=store.sessions,
            passwords=passwords,
            partners=lab.partners,
            archs=lab.archs,
        ),
        door=door.Door(
            clock=clock,
            rules=lab.people.rules,
            users=store.users,
            sessions=store.sessions,
            passwords=passwords,
            peers=ProcSockets(),
            host_user=_host_user(lab),
            oidc=_oidc(lab.people.oidc),
        ),
        ledger=Ledger(clock=clock, changes=store.changes),
        csrf_key=Secret(home.vault().derive("csrf")),
        url=lab.url,
    )


def _host_user(lab: LabParts) -> str:
    """Return who started us, if nobody but this host can reach us; else nothing."""
    inside = ipaddress.ip_address(lab.address).is_loopback if _numeric(lab.address) else False
    if lab.url or not (inside or lab.address == "localhost"):
        return ""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "local"


def _numeric(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _oidc(said: Oidc | None) -> door.Oidc | None:
    if said is None:
        return None
    provider = OidcProvider(
        issuer=said.issuer,
        client_id=said.client_id,
        client_secret=said.client_secret,
        certificates=said.certificates,
        scopes=said.scopes,
        groups_claim=said.groups_claim,
        name_claim=said.name_claim,
    )
    return door.Oidc(name=said.name, provider=provider, grants=said.grants)
