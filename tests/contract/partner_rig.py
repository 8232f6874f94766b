"""A cell that goes to a partner, walked through the real flow over a real store."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.partner.breaker import Breaker
from orchestrator.drivers.partner.conversation import Login
from orchestrator.drivers.partner.jenkins import JenkinsPartner
from orchestrator.drivers.signature.ed25519 import Ed25519Verifier
from orchestrator.drivers.store.opened import Store
from orchestrator.drivers.vault.keyfile import KeyFileVault
from orchestrator.flow import Flow
from orchestrator.model.arch import Alternative, Means
from orchestrator.model.event import Event
from orchestrator.model.ids import AttemptId, CellId
from orchestrator.model.partner import Contract
from orchestrator.model.run import Cell
from orchestrator.model.secret import Secret
from orchestrator.ports.kit import Kit
from orchestrator.ports.partner import Partner
from orchestrator.service.partnership import Partnership
from orchestrator.stages.lease import schedule
from tests.contract.storing import arch, ask, plan

NAME = "hp"
ARCH = "kvm-lefthand"
CELL = CellId(f"1/{ARCH}")
CONTRACT = Contract(
    name=NAME, jobs={ARCH: "vendor/a b"}, accept=60.0, deadline=240.0, poll=0.02, url="http://hp/"
)


class Nobody:
    """Leaves no processes behind, and nothing runs."""

    def end(self, _attempt: AttemptId) -> int:
        return 0

    def wake(self) -> None:
        return None


@dataclass
class Rig:
    """One run whose only cell goes to the partner first."""

    store: Store
    folder: Path
    driver: Partner
    contract: Contract
    sha: str = "c0ffee" * 6 + "cafe"

    def __post_init__(self) -> None:
        ways = (Alternative(means=Means.PARTNER, partner=NAME), Alternative(means=Means.SIMULATOR))
        ask(self.store, plan(replace(arch(ARCH), alternatives=ways), sha=self.sha))

    def grant(self) -> None:
        """Give the cell's attempt what it needs."""
        self.store.queue.grant(schedule, SystemClock().now())

    def walk(self, number: int = 1) -> None:
        """Walk an attempt through the whole flow, as a process does that is not killed."""
        self.flow().walk(AttemptId(f"{CELL}/{number}"), lambda: None)

    def flow(self) -> Flow:
        """Return the flow as a process has it that just started."""
        return Flow(kit=self.kit(), runs=self.store.runs, nodes={}, root=str(self.folder / "files"))

    def kit(self) -> Kit:
        """Return what stages work with."""
        nothing: Any = None
        parts = dict.fromkeys(Kit.__dataclass_fields__, nothing)
        store = self.store
        real = {
            "clock": SystemClock(),
            "vault": KeyFileVault(self.folder / "key"),
            "orphans": Nobody(),
            "notify": (),
            # of what reaches machines there is none
            **{name: {} for name in ("power", "console", "boot", "inspects")},
            **{name: {} for name in ("switches", "sessions")},
            **{name: getattr(store, name) for name in ("queue", "nodes", "events", "orders")},
            "contracts": {NAME: self.contract},
            "partners": {NAME: self.driver},
        }
        return Kit(**{**parts, **real})

    def partnership(self) -> Partnership:
        """Return what welcomes latecomers and keeps the scoreboard."""
        store, engine = self.store, Nobody()
        return Partnership(
            clock=SystemClock(),
            contracts={NAME: self.contract},
            partners={NAME: self.driver},
            trouble=lambda _: "",
            orders=store.orders,
            deliveries=store.deliveries,
            tokens=store.tokens,
            verifier=Ed25519Verifier(),
            runs=store.runs,
            queue=store.queue,
            engine=engine,  # type: ignore[arg-type]
        )

    def cell(self) -> Cell:
        """Return the cell as people see it."""
        return self.store.runs.cell(CELL)

    def events(self, number: int = 1) -> tuple[Event, ...]:
        """Return what happened to an attempt."""
        return self.store.events.of(AttemptId(f"{CELL}/{number}"))

    def key(self, number: int = 1) -> str:
        """Return what the attempt's order is known by at the partner."""
        found = self.store.orders.find(AttemptId(f"{CELL}/{number}"))
        return found.order.key if found else ""

    def standing(self, number: int = 1) -> str:
        """Return where the attempt's order is."""
        found = self.store.orders.find(AttemptId(f"{CELL}/{number}"))
        return found.standing if found else ""


def jenkins(url: str, contract: Contract = CONTRACT, user: str = "smoketest") -> Partner:
    """Return the driver of the Jenkins at `url`."""
    login = Login(name=contract.name, url=url, user=user, token=Secret("0123456789abcdef"))
    return JenkinsPartner(contract, login, str, "http://main.example/hook/".__add__, {})


def guarded(driver: Partner, name: str = NAME) -> Partner:
    """Return the driver with its circuit breaker."""
    return Breaker(driver, SystemClock(), name)
