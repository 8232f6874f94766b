"""Builds: what Jenkins clients ask for, as runs of one cell each."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.model.access import Asker, Right, Role
from orchestrator.model.errors import ConfigError, Denied, NotFound
from orchestrator.model.ids import AttemptId, RunId, cell_id
from orchestrator.model.job import CALLBACK_TOKEN, CALLBACK_URL, CALLBACKS, Item, Job
from orchestrator.model.request import Request
from orchestrator.model.view import CellDetail
from orchestrator.ports.clock import Clock
from orchestrator.ports.items import Items
from orchestrator.ports.outbox import Notices
from orchestrator.service.desk import Desk
from orchestrator.service.library import Library

KEY = "RUN_ID"
TRACE = "TRACEPARENT"
#: what every job takes, and what it means; Gerrit's own names are understood too
PARAMETERS: Mapping[str, str] = {
    KEY: "a repeat with the same one finds the first build",
    "REPO": "repository: an alias of this lab, or an address",
    "REF": "branch, tag or commit",
    "COMMIT": "the very commit, over REF",
    "ARCH": "the architecture, where the job is not one",
    "REASON": "why it is asked for",
    CALLBACK_URL: "called once by POST when the build is over: the URL of a webhook-step",
    CALLBACK_TOKEN: "sent with that call as its Authorization, as it is",
    TRACE: "the trace that the build belongs to (W3C); the header of that name says the same",
    "GERRIT_PROJECT": "as REPO",
    "GERRIT_REFSPEC": "as REF",
    "GERRIT_PATCHSET_REVISION": "as COMMIT",
}
DEFAULT_REF = "trunk"
LONGEST = 4096
#: an address that can be called, with its port
_CALLABLE = re.compile(
    r"https?://(?:[!-~]*@)?(?:[\w.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?(?:[/?#][!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """Takes what Jenkins clients ask for; every verb is safe to repeat."""

    desk: Desk
    library: Library
    items: Items
    notices: Notices
    clock: Clock

    def jobs(self) -> dict[str, Job]:
        """Return every job by name: the archs, then what was described."""
        found = {
            arch.name: Job(
                name=arch.name,
                arch=arch.name,
                summary=arch.summary,
                parameters=self._defaults() | {"ARCH": arch.name},
            )
            for arch in self.library.lab.archs.values()
        }
        for name, (xml, given) in self._described().items():
            known = {key: text for key, text in given.items() if key in PARAMETERS}
            arch = known.get("ARCH", "")
            found.setdefault(
                name,
                Job(
                    name=name,
                    arch=arch if arch in self.library.lab.archs else "",
                    summary=given.get("", ""),
                    parameters=self._defaults() | known,
                    xml=xml,
                ),
            )
        return found

    def job(self, name: str) -> Job:
        """Return the job; raise `NotFound`."""
        if found := self.jobs().get(name):
            return found
        raise NotFound(f"there is no job {name!r}; each arch is one")

    def start(self, asker: Asker, name: str, given: Mapping[str, str]) -> Item:
        """Ask for the job's cell; a repeat with the same RUN_ID of the same asker finds the first.

        Raises `NotFound`, `Denied`, or another `ConfigError` for what cannot be.
        """
        job = self.job(name)
        if not job.arch:
            raise ConfigError(f"the job {name} names no arch: give its parameter ARCH a default")
        if not asker.may(Right.ASK, job.arch):
            raise Denied(f"{asker.name} may not ask for {job.arch}")
        told = {key: _clean(text) for key, text in given.items() if key in job.parameters}
        values = dict(job.parameters) | told
        _check_callback(values)
        key = told.get(KEY) or secrets.token_hex(16)
        run = self.desk.ask(_request(values, job, asker, f"jenkins:{asker.name}:{name}:{key}"))
        item = self.items.put(
            Item(run=run.id, job=name, arch=job.arch, asker=asker.name, parameters=values)
        )
        self._tell_what_was_over(item)
        return item

    def _tell_what_was_over(self, item: Item) -> None:
        """Call back for a run that ended before it was known that somebody wants the call."""
        if not item.parameters.get(CALLBACK_URL):
            return
        for attempt in self.detail(item).attempts:
            end = AttemptId(attempt.attempt)
            self.notices.tell(CALLBACKS, str(item.run), end, self.clock.now())

    def item(self, number: int) -> Item:
        """Return the item of that number; raise `NotFound`."""
        if found := self.items.find(RunId(number)):
            return found
        raise NotFound(f"there is no queue item {number}")

    def build(self, job: str, number: int) -> tuple[Item, CellDetail]:
        """Return a build with its cell; raise `NotFound`."""
        item = self.item(number)
        if item.job != job:
            raise NotFound(f"{job} has no build {number}")
        return item, self.library.cell(cell_id(item.run, item.arch))

    def detail(self, item: Item) -> CellDetail:
        """Return the cell of an item."""
        return self.library.cell(cell_id(item.run, item.arch))

    def stop(self, asker: Asker, item: Item) -> None:
        """Stop a build of the asker's own; anybody's, for an operator."""
        if item.asker != asker.name and not asker.may(Right.OPERATE):
            raise Denied(f"{asker.name} did not ask for {item.job} {item.run}, {item.asker} did")
        self.desk.cancel_run(item.run)

    def _described(self) -> dict[str, tuple[str, Mapping[str, str]]]:
        """Return each described job's XML, with the defaults that it gives parameters."""
        return {name: (xml, _given(xml)) for name, xml in self.items.described().items()}

    def _defaults(self) -> dict[str, str]:
        named = sorted(repo for repo in self.library.lab.trusted if "/" not in repo)
        return dict.fromkeys(PARAMETERS, "") | {
            "REPO": named[0] if named else "",
            "REF": DEFAULT_REF,
        }


def _check_callback(values: Mapping[str, str]) -> None:
    """Raise `ConfigError` for an address that nobody could call, or a token that cannot be sent."""
    url, token = values[CALLBACK_URL], values[CALLBACK_TOKEN]
    known = _CALLABLE.fullmatch(url)
    if url and not (known and 0 < int(known[1] or 80) < 2**16):
        raise ConfigError("CALLBACK_URL is no http or https address")
    if not token.isascii():
        raise ConfigError("CALLBACK_TOKEN has letters that no header takes")


def _request(values: Mapping[str, str], job: Job, asker: Asker, key: str) -> Request:
    repo = values["GERRIT_PROJECT"] or values["REPO"]
    ref = values["GERRIT_PATCHSET_REVISION"] or values["COMMIT"]
    ref = ref or values["GERRIT_REFSPEC"] or values["REF"]
    if not repo:
        raise ConfigError(f"{job.name} needs the parameter REPO: which repository to test")
    return Request(
        repo=repo,
        ref=ref,
        requester=asker.name,
        archs=(job.arch,),
        reason=values["REASON"] or f"asked for as the Jenkins job {job.name}",
        key=key,
        here=asker.role is Role.VENDOR,
    )


#: a described job's parameter: its name, then its default, in any order
_PARAMETER = re.compile(
    r"<hudson\.model\.\w*ParameterDefinition>(.*?)</hudson\.model\.\w*ParameterDefinition>", re.S
)
_FIELD = re.compile(r"<(name|defaultValue)>([^<]*)</")
_DESCRIPTION = re.compile(r"<description>([^<]*)</description>")


def _given(xml: str) -> dict[str, str]:
    """Return the parameters' defaults, and the job's description under an empty name.

    Read by pattern: an XML parser would follow what somebody else declares in the file.
    """
    found: dict[str, str] = {}
    for body in _PARAMETER.findall(xml):
        fields = dict(_FIELD.findall(body))
        if name := fields.get("name"):
            found[name] = _clean(fields.get("defaultValue", ""))
    outside = _PARAMETER.sub("", xml)
    described = _DESCRIPTION.search(outside)
    return found | {"": _clean(described[1]) if described else ""}


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text)[:LONGEST].strip()
