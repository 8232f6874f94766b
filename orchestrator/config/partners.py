"""The lab file's partners: `[partners.NAME]`, other labs that take some of the cells."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from orchestrator.config import values
from orchestrator.model.document import Entry, hint
from orchestrator.model.partner import Contract
from orchestrator.model.secret import Secret

JENKINS: Final = "jenkins"
PULL: Final = "pull"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_KEYS = (
    *("url", "user", "token", "certificates", "pull", "jobs", "accept", "deadline", "poll"),
    *("hardware", "repos", "parameters"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A partner as the lab file declares it."""

    contract: Contract
    user: str = ""
    token: Secret = field(default_factory=lambda: Secret(""))
    #: file of certificates that its Jenkins' is checked against, or empty: the system's
    certificates: str = ""
    #: our names of repositories -> the address that the partner is told
    repos: Mapping[str, str] = field(default_factory=dict)
    #: what else its jobs are given
    parameters: Mapping[str, str] = field(default_factory=dict)
    #: where each arch of its jobs was read, `file:line`
    sources: Mapping[str, str] = field(default_factory=dict)


def partners(entry: Entry, home: Path) -> dict[str, Partner]:
    """Return the partners by name."""
    return {name: _partner(name, table, home) for name, table in entry.table().items()}


def _partner(name: str, entry: Entry, home: Path) -> Partner:
    entry.table(*_KEYS)
    if not _NAME.fullmatch(name) or name == "any":
        raise entry.wrong(f"`{name}` is no name of a partner; use a-z, 0-9, - and _, but not `any`")
    pulls = entry["pull"].flag(default=False)
    if pulls:
        _refuse_login(entry)
    token = entry["token"]
    return Partner(
        contract=_contract(name, entry, pulls=pulls),
        user=entry["user"].text(""),
        token=values.secret(token, home) if token.written else Secret(""),
        certificates=_certificates(entry["certificates"], home),
        repos=_texts(entry["repos"]),
        parameters=_texts(entry["parameters"]),
        sources=_sources(entry["jobs"]),
    )


def _contract(name: str, entry: Entry, *, pulls: bool) -> Contract:
    usual = Contract(name=name, jobs={})
    accept = entry["accept"].seconds(usual.accept)
    deadline = entry["deadline"].seconds(usual.deadline)
    if accept > deadline:
        raise entry["accept"].wrong(
            f"`{entry.name}.accept` is longer than `deadline`, which is for all of it; mend one"
        )
    return Contract(
        name=name,
        jobs=_jobs(entry["jobs"]),
        accept=accept,
        deadline=deadline,
        poll=entry["poll"].seconds(usual.poll),
        hardware=entry["hardware"].flag(default=True),
        url="" if pulls else _url(entry["url"]),
        driver=PULL if pulls else JENKINS,
    )


def _jobs(entry: Entry) -> dict[str, str]:
    """Return arch -> job: of a table, or of a list of archs that are called the same there."""
    if isinstance(entry.value, Mapping):
        found = {arch: job.text().strip("/") for arch, job in entry.table().items()}
    else:
        found = {arch: arch for arch in entry.texts()}
    if not found:
        raise entry.wrong(f"`{entry.name}` is missing; name the archs that this partner takes")
    return found


def _sources(entry: Entry) -> dict[str, str]:
    if isinstance(entry.value, Mapping):
        return {arch: job.source for arch, job in entry.table().items()}
    return {item.text(): item.source for item in entry.items()}


def strangers(declared: Mapping[str, Partner], archs: Collection[str]) -> Iterator[str]:
    """Yield `file:line: what is wrong` for every job of an arch that there is not."""
    for name, partner in declared.items():
        for arch, source in partner.sources.items():
            if arch not in archs:
                yield f"{source}: {name} takes {arch}, which is no arch; {hint(arch, archs)}"


def _url(entry: Entry) -> str:
    url = values.open_url(entry)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise entry.wrong(f"`{entry.name}` is no address of a Jenkins; write https://HOST/PATH/")
    return url


def _refuse_login(entry: Entry) -> None:
    """Raise for what only a partner has that we go to."""
    for key in ("url", "user", "token", "certificates"):
        if entry[key].written:
            why = "it comes to us; make its token with `smoketest token add`"
            raise entry[key].wrong(f"a partner with `pull` has no `{key}`: {why}")


def _certificates(entry: Entry, home: Path) -> str:
    return values.file(entry, home) if entry.written else ""


def _texts(entry: Entry) -> dict[str, str]:
    return {key: text.text() for key, text in entry.table().items()}
