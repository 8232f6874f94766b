"""Verbs about what there is, and who answers for it."""

from typing import Annotated

import typer

from orchestrator.cli import tables
from orchestrator.cli.session import Session
from orchestrator.model.view import NodeView

Name = Annotated[str, typer.Argument(metavar="NAME", help="A node: `smoketest nodes` lists them.")]


def archs(session: Session) -> None:
    """List the reference architectures."""
    found = session.client().archs()
    session.show({"archs": found}, tables.archs(found))


def nodes(session: Session) -> None:
    """List the machines: state, holder, and why one is out of service."""
    found = session.client().nodes()
    session.show({"nodes": found}, tables.nodes(found))


def drain(
    session: Session,
    node: Name,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="For those who wonder.")] = "",
) -> None:
    """Take a node out of service once its present lease ends."""
    _show(session, node, session.client().set_node(node, "drain", {"reason": reason}))


def restore(session: Session, node: Name) -> None:
    """Bring a node back into service as it is: marks and attestation forgotten."""
    _show(session, node, session.client().set_node(node, "restore"))


def who(
    session: Session,
    subject: Annotated[str, typer.Argument(metavar="ARCH|HYPERVISOR|NETWORK|PATH")],
) -> None:
    """Say who answers for an arch, a hypervisor, a network model or a path of the product."""
    owner = session.client().who(subject)
    people = ", ".join(owner.lieutenants) or "nobody is named"
    said = f"{subject}: {people} ({owner.because}: {', '.join(owner.archs)})"
    session.show(owner, said)


def _show(session: Session, name: str, found: tuple[NodeView, ...]) -> None:
    ours = [node for node in found if node.name == name]
    session.show({"nodes": found}, tables.nodes(ours))
