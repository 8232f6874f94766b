"""BMCs that were found: as a table for people, and as `[[nodes]]` for a lab file."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from orchestrator.cli.durations import counted
from orchestrator.cli.tables import table as empty
from orchestrator.model.discovery import (
    IPMI_PORT,
    Finding,
    IpmiFound,
    LoginState,
    Machine,
    RedfishFound,
)

_LOGINS = {
    LoginState.UNTRIED: "",
    LoginState.WELCOME: "ok",
    LoginState.DENIED: "wrong user or password",
    LoginState.SILENT: "silent: most meet an unknown user so",
    LoginState.FAILED: "failed",
}


def table(findings: Sequence[Finding]) -> Table:
    """Return one row per machine behind a BMC, or per BMC that told of none."""
    made = empty("address", "IPMI", "Redfish", "login", "power", "what it is of", "node")
    for finding in findings:
        for machine in finding.machines or (Machine(),):
            made.add_row(
                finding.address,
                _ipmi(finding.ipmi),
                _redfish(finding.redfish),
                login(finding),
                machine.power or "-",
                _about(machine) or "-",
                ", ".join(finding.nodes) or "-",
            )
    return made


def login(finding: Finding) -> str:
    """Return what became of the logins, in a few words; `-` if none was tried."""
    said = []
    for name, answer in (("IPMI", finding.ipmi), ("Redfish", finding.redfish)):
        if answer and (word := _LOGINS[answer.login] or answer.said):
            detail = f" ({answer.said})" if answer.login is LoginState.FAILED else ""
            said.append(f"{name}: {word}{detail}")
    return "; ".join(said) or "-"


def summary(findings: Sequence[Finding], asked: int, *, tried: bool) -> str:
    """Return the sentence below the table, with what to do next."""
    answers = "of 1 address" if asked == 1 else f"of {asked:,} addresses"
    if not findings:
        return (
            f"No BMC answers at any {answers}: are the range and --port right, and does this "
            "host reach the BMCs' network?"
        )
    fresh = sum(not finding.nodes for finding in findings)
    new = "all" if fresh == len(findings) else fresh or "none"
    said = f"{counted(len(findings), 'BMC')} {answers}; {new} new to the running lab, if one runs."
    if not tried:
        return f"{said} With --user and --password each says what it is of."
    return f"{said} With --toml they come as tables for a lab file."


def tables(findings: Sequence[Finding], user: str, password: str) -> Iterator[str]:
    """Yield the lines of a lab file's `[[nodes]]`; FILL_IN stands where only people know.

    `password` is the reference to it, which is all that a lab file holds.
    """
    yield "# BMCs that answered. Fill in what says FILL_IN, then: smoketest check lab.toml"
    for finding in findings:
        for number, machine in enumerate(finding.machines or (Machine(),), start=1):
            suffix = f"-{number}" if len(finding.machines) > 1 else ""
            yield ""
            yield from _node(finding, machine, suffix)
            yield ""
            yield from _bmc(finding, user, password)


def _node(finding: Finding, machine: Machine, suffix: str) -> Iterator[str]:
    if finding.nodes:
        yield f"# the running lab has it already, as {', '.join(finding.nodes)}"
    yield f"# {_about(machine) or 'the BMC did not tell what it is of'}"
    yield "[[nodes]]"
    yield f'name = "bmc-{finding.address.replace(".", "-")}{suffix}"   # FILL_IN: as you call it'
    yield _mac(machine)
    yield 'capabilities = []   # FILL_IN: what roles may ask for, such as "x86_64", "kvm"'
    yield 'address = "FILL_IN"   # where its SSH answers once it is installed'
    if _by_redfish(finding):
        yield 'power = "redfish"'


def _mac(machine: Machine) -> str:
    if not machine.macs:
        kept = f"; {machine.bmc_mac} is the BMC's own" if machine.bmc_mac else ""
        return f'mac = "FILL_IN"   # of the network card that it boots from{kept}'
    others = f", or {', '.join(machine.macs[1:])}" if machine.macs[1:] else ""
    return f'mac = "{machine.macs[0]}"   # FILL_IN: is it the card that it boots from{others}?'


def _bmc(finding: Finding, user: str, password: str) -> Iterator[str]:
    answer = finding.redfish if _by_redfish(finding) else finding.ipmi
    port = answer.port if answer else IPMI_PORT
    yield "[nodes.bmc]"
    yield f'address = "{finding.address}"'
    yield f"port = {port}"
    refused = LoginState.WELCOME not in {a.login for a in (finding.ipmi, finding.redfish) if a}
    comment = "   # FILL_IN: the BMC refused this one" if user and refused else ""
    yield f"user = {_quoted(user or 'FILL_IN')}{comment}"
    yield f"password = {_quoted(password or 'env:FILL_IN')}   # never the password itself"


def _by_redfish(finding: Finding) -> bool:
    """Return whether the BMC is better commanded by Redfish: when IPMI is not to be had."""
    usable = finding.ipmi is not None and finding.ipmi.version == "2.0"
    return finding.redfish is not None and not usable


def _ipmi(answer: IpmiFound | None) -> str:
    if answer is None:
        return "-"
    return f"{answer.version or 'answers a ping'} {', '.join(answer.auth)}".strip()


def _redfish(answer: RedfishFound | None) -> str:
    if answer is None:
        return "-"
    plain = "" if answer.encrypted else ", unencrypted"
    return f"{answer.version} {answer.vendor}".strip() + plain


def _about(machine: Machine) -> str:
    named = {"serial": machine.serial, "guid": machine.guid, "MAC": ", ".join(machine.macs)}
    parts = [" ".join(filter(None, (machine.maker, machine.model)))]
    parts += [f"{name} {value}" for name, value in named.items() if value]
    return ", ".join(filter(None, parts))


def _quoted(text: str) -> str:
    """Return `text` as a TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(letter for letter in escaped if letter.isprintable())}"'
