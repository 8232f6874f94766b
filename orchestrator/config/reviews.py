"""The review systems whose proposals are tried: `[review.NAME]` of the lab file."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from orchestrator.config import values
from orchestrator.model.document import Entry
from orchestrator.model.review import Forks
from orchestrator.model.secret import Secret

_NONE = Secret("")


class Kind(StrEnum):
    """Which review system it is, and how it is spoken to."""

    GERRIT = "gerrit"
    GERRIT_REST = "gerrit-rest"
    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSystem:
    """One `[review.NAME]`; what does not concern its kind is empty."""

    name: str
    kind: Kind
    #: the lab's names for the system's projects
    projects: Mapping[str, str]
    archs: tuple[str, ...]
    forks: Forks
    contact: str = ""
    label: str = ""
    trust: bool = False
    host: str = ""
    port: int = 0
    user: str = ""
    key: str = ""
    host_key: str = ""
    #: of the API, and of the pages
    url: str = ""
    pages: str = ""
    password: Secret = _NONE
    secret: Secret = _NONE
    #: check runs, written as this GitHub App; empty: commit statuses
    app: str = ""
    app_key: Secret = _NONE


_SHARED = ("kind", "projects", "archs", "forks")
_GERRIT = ("contact", "label", "trust", "user")
_OWN = {
    Kind.GERRIT: (*_GERRIT, "host", "port", "key", "host_key"),
    Kind.GERRIT_REST: (*_GERRIT, "url", "password"),
    Kind.GITHUB: ("url", "pages", "password", "secret", "checks", "app", "app_key"),
    Kind.GITLAB: ("url", "pages", "password", "secret"),
}
_USUAL = {Kind.GITHUB: ("https://api.github.com", "https://github.com")}


def reviews(entry: Entry, repos: Mapping[str, str], home: Path) -> tuple[ReviewSystem, ...]:
    """Return every review system; a project must lead to one of `repos`, unless there are none."""
    return tuple(_system(name, one, repos, home) for name, one in entry.table().items())


def _system(name: str, entry: Entry, repos: Mapping[str, str], home: Path) -> ReviewSystem:
    kind = Kind(entry["kind"].one_of([known.value for known in Kind]))
    entry.table(*_SHARED, *_OWN[kind])
    gerrit = kind in {Kind.GERRIT, Kind.GERRIT_REST}
    usual = Forks.ALWAYS if gerrit else Forks.APPROVED
    api, pages = _addresses(kind, entry)
    checks = entry["checks"].flag(default=False)
    if not checks and (entry["app"].written or entry["app_key"].written):
        raise entry.wrong(f"`{entry.name}` names an App and writes no checks; add checks = true")
    return ReviewSystem(
        name=name,
        kind=kind,
        projects=_projects(entry["projects"], repos),
        archs=entry["archs"].texts(),
        forks=Forks(entry["forks"].one_of([known.value for known in Forks], usual)),
        contact=entry["contact"].text() if gerrit else "",
        label=entry["label"].text(""),
        trust=entry["trust"].flag(default=False),
        host=values.address(entry["host"]) if kind is Kind.GERRIT else "",
        port=values.port(entry["port"], 29418),
        user=entry["user"].text() if gerrit else "",
        key=values.file(entry["key"], home) if kind is Kind.GERRIT else "",
        host_key=_host_key(entry["host_key"]) if kind is Kind.GERRIT else "",
        url=api,
        pages=pages,
        password=_NONE if kind is Kind.GERRIT else values.secret(entry["password"], home),
        secret=_NONE if gerrit else values.secret(entry["secret"], home),
        app=entry["app"].text() if checks else "",
        app_key=values.secret(entry["app_key"], home) if checks else _NONE,
    )


def _addresses(kind: Kind, entry: Entry) -> tuple[str, str]:
    if kind is Kind.GERRIT:
        return "", ""
    api, pages = _USUAL.get(kind, ("", ""))
    url = entry["url"]
    found = values.open_url(url).rstrip("/") if url.written or not api else api
    if kind is Kind.GITLAB and not found.endswith("/api/v4"):
        raise url.wrong(f"`{url.name}` is not GitLab's API; write e.g. https://HOST/api/v4")
    usual = pages or found.removesuffix("/api/v4")
    return found, entry["pages"].text(usual).rstrip("/")


def _projects(entry: Entry, repos: Mapping[str, str]) -> Mapping[str, str]:
    found = {}
    for project, named in entry.table().items():
        alias = named.text()
        if alias not in repos:
            raise named.wrong(f"`{alias}` is no repository of `[repos]`; add it there")
        found[project] = alias
    if not found:
        raise entry.wrong(f'`{entry.name}` names none; write e.g. {{ "group/nova" = "nova" }}')
    return found


def _host_key(entry: Entry) -> str:
    words = entry.text().split()
    if len(words) < 2 or not words[0].startswith(("ssh-", "ecdsa-")):
        advice = "copy a line of `ssh-keyscan -p 29418 HOST`, without the host, and check it"
        raise entry.wrong(f"`{entry.name}` is no host key; {advice}")
    return " ".join(words[:2])
