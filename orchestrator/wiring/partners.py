"""The lab's partners: what was agreed with each, and what reaches it."""

from collections.abc import Mapping
from functools import partial

from orchestrator.config.partners import Partner as Declared
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.partner.breaker import Breaker
from orchestrator.drivers.partner.conversation import Login
from orchestrator.drivers.partner.jenkins import JenkinsPartner, Tell
from orchestrator.drivers.partner.pull import PullPartner
from orchestrator.drivers.signature.ed25519 import Ed25519Verifier
from orchestrator.drivers.store.opened import Store
from orchestrator.model.flight import Track
from orchestrator.model.ids import AttemptId
from orchestrator.model.partner import Contract
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Clock
from orchestrator.ports.engine import Engine
from orchestrator.ports.flight import FlightLog
from orchestrator.ports.kit import Kit
from orchestrator.ports.orders import Deliveries
from orchestrator.ports.partner import Partner
from orchestrator.service.partnership import Partnership
from orchestrator.wiring.lab import LabParts


def contracts(lab: LabParts) -> dict[str, Contract]:
    """Return what the lab file agrees with each partner."""
    return {name: declared.contract for name, declared in lab.partners.items()}


def partners(
    lab: LabParts, deliveries: Deliveries, clock: Clock, url: str, log: FlightLog
) -> dict[str, Partner]:
    """Return the driver of each partner; a Jenkins has a circuit breaker before it.

    Calls to a Jenkins stand in the flight log of the attempt that they are for.
    """

    def tell(attempt: AttemptId, text: str) -> None:
        log.tell(attempt, Track.PARTNER, "", text)

    return {
        name: _driver(declared, lab.aliases, deliveries, (clock, tell), url)
        for name, declared in lab.partners.items()
    }


def _driver(
    declared: Declared,
    aliases: Mapping[str, str],
    deliveries: Deliveries,
    around: tuple[Clock, Tell],
    url: str,
) -> Partner:
    clock, tell = around
    contract = declared.contract
    if not contract.url:
        return PullPartner(deliveries)
    login = Login(
        name=contract.name,
        url=contract.url,
        user=declared.user,
        token=declared.token,
        certificates=declared.certificates,
    )
    repo = partial(told, declared, aliases)
    hook = f"{url}/hook/".__add__
    jenkins = JenkinsPartner(contract, login, repo, hook, declared.parameters, tell)
    return Breaker(jenkins, clock, contract.name)


def told(declared: Declared, aliases: Mapping[str, str], repo: str) -> str:
    """Return what a repository of ours is called in what the partner is told."""
    return declared.repos.get(repo) or aliases.get(repo, repo)


def partnership(kit: Kit, store: Store, engine: Engine) -> Partnership:
    """Return what watches over the partners that stages ask."""

    def trouble(name: str) -> str:
        driver = kit.partners.get(name)
        return driver.trouble() if isinstance(driver, Breaker) else ""

    return Partnership(
        clock=kit.clock,
        contracts=kit.contracts,
        partners=kit.partners,
        trouble=trouble,
        orders=store.orders,
        deliveries=store.deliveries,
        tokens=store.tokens,
        verifier=Ed25519Verifier(),
        runs=store.runs,
        queue=store.queue,
        engine=engine,
    )


def local_jenkins(contract: Contract, user: str, token: Secret) -> tuple[Partner, Clock]:
    """Return what reaches a Jenkins of one's own, for a partner's worker."""
    login = Login(name=contract.name, url=contract.url, user=user, token=token)
    return JenkinsPartner(contract, login, str, lambda _: "", {}), SystemClock()
