"""A house's reception: real accounts over the store, with passwords that are cheap to hash."""

import secrets

from argon2 import PasswordHasher

from orchestrator.drivers.accounts.argon2 import Argon2Passwords
from orchestrator.drivers.accounts.sockets import ProcSockets
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.store.opened import Store
from orchestrator.model.account import Rules
from orchestrator.model.secret import Secret
from orchestrator.service.accounts import Accounts
from orchestrator.service.door import Door
from orchestrator.service.lab import Lab
from orchestrator.service.ledger import Ledger
from orchestrator.web.house import Reception

#: the real algorithm, with the least that it takes
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def reception(lab: Lab, store: Store) -> Reception:
    """Return the reception, with nobody in it yet; the house is open to this host's user."""
    clock, rules, passwords = SystemClock(), Rules(), Argon2Passwords(CHEAP)
    return Reception(
        rules=rules,
        accounts=Accounts(
            clock=clock,
            users=store.users,
            sessions=store.sessions,
            passwords=passwords,
            partners=lab.partners,
            archs=lab.archs,
        ),
        door=Door(
            clock=clock,
            rules=rules,
            users=store.users,
            sessions=store.sessions,
            passwords=passwords,
            peers=ProcSockets(),
            host_user="ada",
        ),
        ledger=Ledger(clock=clock, changes=store.changes),
        csrf_key=Secret(secrets.token_hex(16)),
    )
