"""A house's partners: one that comes to us, and one whose Jenkins is out of reach."""

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.partner.pull import PullPartner
from orchestrator.drivers.signature.ed25519 import Ed25519Verifier
from orchestrator.drivers.store.opened import Store
from orchestrator.model.partner import Contract
from orchestrator.model.secret import Secret
from orchestrator.ports.engine import Engine
from orchestrator.service.gate import Gate
from orchestrator.service.lab import Lab
from orchestrator.service.partnership import Partnership

#: the archs are what no machine of the house can do
CONTRACTS = {
    "hp": Contract(name="hp", jobs={"kvm-lefthand": "kvm-lefthand"}, driver="pull"),
    "citrix": Contract(
        name="citrix", jobs={"xenserver-gpu": "gpu/nightly"}, url="https://ci.example.org/"
    ),
}


def gate(lab: Lab, store: Store, token: Secret) -> Gate:
    """Return the house's gate."""
    return Gate(
        clock=SystemClock(),
        tokens=store.tokens,
        users=store.users,
        operator=token,
        partners=lab.partners,
        archs=lab.archs,
    )


def partnership(lab: Lab, store: Store, engine: Engine) -> Partnership:
    """Return what watches over the house's partners."""
    return Partnership(
        clock=SystemClock(),
        contracts=lab.partners,
        partners={"hp": PullPartner(store.deliveries)},
        trouble=lambda name: "left alone" if name == "citrix" else "",
        orders=store.orders,
        deliveries=store.deliveries,
        tokens=store.tokens,
        verifier=Ed25519Verifier(),
        runs=store.runs,
        queue=store.queue,
        engine=engine,
    )
