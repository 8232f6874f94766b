"""The program: every verb, in the order in which people meet them."""

from importlib.metadata import version
from typing import Annotated

import typer

from orchestrator.cli import (
    act,
    ask,
    bisect,
    box,
    check,
    checkup,
    coverage,
    demo,
    discover,
    doctor,
    drift,
    enrol,
    faults,
    flip,
    image,
    inventory,
    lieutenants,
    look,
    notices,
    partners,
    series,
    simulate,
    store,
    tokens,
    users,
    watching,
    worker,
)
from orchestrator.cli.bundle import Verb, verb
from orchestrator.cli.session import Common

app = typer.Typer(add_completion=False, rich_markup_mode=None)
node = typer.Typer(help="Add a machine, take it out of service, bring it back, or test it.")
found = typer.Typer(help="Find machines that no lab file names yet.")
golden = typer.Typer(help="Keep installed disks, so that reinstalls are fast.")
partner = typer.Typer(help="Work as a partner of somebody else's lab.")
user = typer.Typer(help="Say who may sign in, and as what.")
token = typer.Typer(help="Say who may speak to this orchestrator, and about what.")
stores = typer.Typer(help="Move what the orchestrator remembers to another database.")
lab = typer.Typer(help="Make simulated machines misbehave, or mend them.")

_VERBS: tuple[Verb, ...] = (
    *(demo.demo, box.up, box.down, worker.worker),
    *(ask.run, ask.plan, series.patches),
    *(look.watch, look.show, look.matrix, look.runs, watching.watches),
    *(bisect.bisect, coverage.coverage, flip.flip),
    *(act.recheck, act.cancel, act.promote, act.hold, act.release),
    *(lieutenants.changes, lieutenants.ack, lieutenants.waive),
    *(inventory.archs, inventory.nodes, inventory.who, partners.partners),
    *(notices.notices, notices.replay),
    users.audit,
    *(check.check, doctor.doctor),
    simulate.simulate,
)
_STORE: tuple[Verb, ...] = (store.copy,)
_NODE: tuple[Verb, ...] = (enrol.add, inventory.drain, inventory.restore, checkup.test)
_LAB: tuple[Verb, ...] = (faults.fault, faults.faults, faults.clear, drift.drift)


def _say_version(wanted: bool) -> None:  # noqa: FBT001  # Typer's form of a callback
    if wanted:
        typer.echo(f"smoketest {version('smoketest-orchestrator')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", is_eager=True, callback=_say_version, help="Say which this is."),
]


def smoketest(context: typer.Context, common: Common, *, show_version: Version = False) -> None:
    """Every branch, on every hypervisor, on real machines.

    Exit status: 0 every voting arch passed, 1 the product failed, 2 bad usage or configuration,
    3 undecided, 4 cancelled.
    """
    del show_version
    context.obj = common
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.callback(invoke_without_command=True)(verb(smoketest))
for _verb in _VERBS:
    app.command()(verb(_verb))
app.add_typer(node, name="node")
app.add_typer(found, name="inventory")
app.add_typer(golden, name="image")
app.add_typer(partner, name="partner")
app.add_typer(user, name="user")
app.add_typer(token, name="token")
app.add_typer(lab, name="lab")
for _verb in _NODE:
    node.command()(verb(_verb))
found.command()(verb(discover.discover))
# With one command alone, Typer would take its name for an argument.
found.callback()(lambda: None)
partner.command()(verb(partners.serve))
partner.callback()(lambda: None)
user.command()(verb(users.add))
user.command(name="list")(verb(users.listed))
for _verb in (users.role, users.passwd, users.disable, users.enable):
    user.command()(verb(_verb))
token.command()(verb(tokens.add))
token.command(name="list")(verb(tokens.listed))
token.command()(verb(tokens.revoke))
app.add_typer(stores, name="store")
for _verb in _STORE:
    stores.command()(verb(_verb))
stores.callback()(lambda: None)
golden.command(name="list")(verb(image.images))
golden.command()(verb(image.build))
for _verb in _LAB:
    lab.command()(verb(_verb))
