"""Attest: decide whether a freshly installed machine may be trusted with the product.

A canary first: its disk can be written, the card that it booted from has a link, its clock is
right, its BMC reads on. A hypervisor that called home with a certificate is asked by its own
management interface instead, and has nothing on it that no fresh install has. Then what must be
true of it after each install is compared with what was when a person last trusted it; a machine
that is not what it was is taken out of service at once.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from orchestrator.model.attestation import (
    Attestation,
    BmcReport,
    Fact,
    SelfReport,
    differences,
    successor,
)
from orchestrator.model.errors import InfraError, OutOfTime, Unreachable
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.hypervisor import named
from orchestrator.model.node import Access, NodeState
from orchestrator.model.run import Host, Task
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit

#: seconds for one machine's answer, and for one BMC's
SHELL_SECONDS = 180.0
BMC_SECONDS = 90.0
#: seconds that a machine's clock may be off ours
SKEW_SECONDS = 60.0
#: free space below which no product can be laid down
FREE_BYTES = 256 << 20
_MEBI = 1 << 20


def attest(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield CHECKED and ATTESTED for each machine; raise `InfraError` naming the one that fails."""
    for host, access in task.access:
        if not task.happened(Kind.ATTESTED, host.node.name):
            yield from _one(task, host, access, kit, deadline)


def _one(task: Task, host: Host, access: Access, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    if face := kit.face(task, host, access):
        yield from _managed(task, host, access, kit, deadline.within(SHELL_SECONDS, face))
        return
    before = kit.clock.now()
    inside = _look(task, host, access, kit, deadline)
    skew = _skew(inside.clock, before, kit.clock.now())
    bmc = _inspect(host, kit, deadline)
    for complaint in _complaints(host, inside, skew, bmc):
        raise InfraError(f"{host.node.name}: {complaint}", node=host.node.name)
    yield _event(Kind.CHECKED, host, _healthy(host, inside, skew))
    source = kit.boot[host.node.boot].offered(host.node, task.attempt)
    facts = {*inside.facts, *bmc.facts, (Fact.SOURCE.value, source)}
    found = Attestation(facts=tuple(sorted(facts)))
    yield _event(Kind.ATTESTED, host, _compare(task, host, found, kit))


def _managed(
    task: Task, host: Host, access: Access, kit: Kit, deadline: Deadline
) -> Iterator[Event]:
    """Yield the same of a hypervisor; raise `InfraError` if it is not as fresh as an install."""
    node, session = host.node, kit.sessions[kit.face(task, host, access)]
    login = kit.login(task, host, access, deadline)
    about = session.about(login, deadline)
    if left := session.strays(login, deadline):
        msg = f"{node.name} has {named(left)} after its install"
        text = f"{msg}, so it was not installed from nothing; check what it boots"
        raise InfraError(text, node=node.name)
    bmc = _inspect(host, kit, deadline)
    if not bmc.powered:
        msg = "it answers, but its BMC reads off: reset the BMC, or correct its address"
        raise InfraError(f"{node.name}: {msg}", node=node.name)
    said = f"{about.product} {about.version} answers, with nothing on it; its BMC reads on"
    yield _event(Kind.CHECKED, host, said)
    source = kit.boot[node.boot].offered(node, task.attempt)
    facts = {*bmc.facts, (Fact.SOURCE.value, source), (Fact.KERNEL.value, about.version)}
    found = Attestation(facts=tuple(sorted(facts)))
    yield _event(Kind.ATTESTED, host, _compare(task, host, found, kit))


def _event(kind: Kind, host: Host, text: str) -> Event:
    return Event(kind=kind, stage=Stage.ATTEST, node=host.node.name, text=text)


def _look(task: Task, host: Host, access: Access, kit: Kit, deadline: Deadline) -> SelfReport:
    name = host.node.name
    key = kit.boot[host.node.boot].key(task.attempt)
    try:
        return kit.canary.look(access, key, deadline.within(SHELL_SECONDS, f"looking at {name}"))
    except (Unreachable, OutOfTime) as gone:
        msg = f"{name} was installed but does not say how it is: {gone}; read its console"
        raise Unreachable(msg, node=name) from gone


def _inspect(host: Host, kit: Kit, deadline: Deadline) -> BmcReport:
    """Return what the BMC tells, in one conversation; its power state at least."""
    node = host.node
    limit = deadline.within(BMC_SECONDS, f"asking the BMC of {node.name}")
    try:
        if node.power in kit.inspects:
            return kit.inspects[node.power].inspect(node, limit)
        return BmcReport(powered=kit.power[node.power].is_on(node, limit))
    except OutOfTime as late:
        raise InfraError(f"{late}: reset it", node=node.name) from late


def _skew(clock: datetime, before: datetime, after: datetime) -> float:
    """Return the seconds by which a clock that was read between two of our times is off."""
    if before - timedelta(seconds=1) <= clock <= after:  # it tells whole seconds
        return 0.0
    nearest = before if clock < before else after
    return (clock - nearest).total_seconds()


def _complaints(host: Host, inside: SelfReport, skew: float, bmc: BmcReport) -> Iterator[str]:
    """Yield what is wrong: what was measured, and what to do about it."""
    if inside.disk_trouble:
        yield f"its disk cannot be written to ({inside.disk_trouble}): check disk and controller"
    if inside.free_bytes < FREE_BYTES:
        free = f"{inside.free_bytes // _MEBI} of {inside.disk_bytes // _MEBI} MiB of its disk"
        yield f"only {free} are free after the install: partition it otherwise, or fit a larger one"
    cards = {card.mac: card for card in inside.cards}
    booted = cards.get(host.node.mac.lower())
    if booted is None:
        has = ", ".join(cards) or "none"
        mac = host.node.mac
        yield f"it has no network card {mac} (it has {has}): correct its `mac` in the lab file"
    elif not booted.link:
        yield f"its network card {booted.name} ({booted.mac}) has no link: check cable and switch"
    if abs(skew) > SKEW_SECONDS:
        yield f"its clock is {skew:+.0f} s off ours: set it, or let the image take the time by NTP"
    if not bmc.powered:
        yield "it answers over SSH, but its BMC reads off: reset the BMC, or correct its address"


def _healthy(host: Host, inside: SelfReport, skew: float) -> str:
    free = f"{inside.free_bytes // _MEBI} of {inside.disk_bytes // _MEBI} MiB free"
    links = sum(card.link for card in inside.cards)
    cards = f"{len(inside.cards)} network cards, {links} with link, {host.node.mac} among them"
    return f"disk writable, {free}; {cards}; clock {skew:+.0f} s; its BMC reads on"


def _compare(task: Task, host: Host, found: Attestation, kit: Kit) -> str:
    """Return how the machine compares; take it out of service if it is not what it was."""
    roles = {role.name: role.install for role in task.arch.roles}
    node, image, now = host.node.name, roles[host.lease.role], kit.clock.now()
    known = kit.attestations.record(node, image, found, now)
    changed = differences(known.reference, found)
    since = f"{known.since:%Y-%m-%d %H:%M} UTC"
    if changed:
        what = f"{node} is not as it was trusted on {since}: {'; '.join(changed)}"
        msg = f"{what}: find out who changed it, then `smoketest node restore {node}`"
        kit.nodes.set_state(node, NodeState.QUARANTINED, msg, now)
        raise InfraError(msg, node=node)
    heir = successor(known.reference, found)
    if heir != known.reference:
        kit.attestations.renew(node, image, heir)
    first = known.since == now
    told = f"{found.digest}, its reference from now on" if first else f"{found.digest}, as {since}"
    return f"{told} ({len(found.facts)} facts)"
