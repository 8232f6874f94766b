"""The form that asks for a run: what was filled in, and what is wrong with which field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex

from pydantic import ValidationError

from orchestrator.model.errors import (
    Denied,
    Impossible,
    NotFound,
    PatchFailed,
    SmoketestError,
)
from orchestrator.model.request import Lane, Request, Select
from orchestrator.web.bodies import RequestBody

#: fields of the form that several of its inputs make up
ARCH, PATCH, NAME = "arch:", "patch:", "name:"
#: which field an error of the desk is about, if its sentence does not tell
_ABOUT: Mapping[type[SmoketestError], str] = {
    Denied: "trust_code",
    Impossible: "archs",
    PatchFailed: "patches",
    NotFound: "ref",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is filled in; `faults` are sentences by the field that they are about."""

    repo: str = ""
    ref: str = ""
    requester: str = ""
    archs: tuple[str, ...] = ()
    select: str = Select.ALL
    patches: tuple[tuple[str, str], ...] = ()
    others: str = ""
    lane: str = Lane.ASKED
    reason: str = ""
    trust_code: bool = False
    key: str = field(default_factory=lambda: token_hex(16))
    faults: Mapping[str, str] = field(default_factory=dict)


class Wrong(Exception):
    """What was filled in cannot be asked for; the faults by field."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Take the sentences by the field that they are about."""
        super().__init__("; ".join(faults.values()))
        self.faults = faults


def draft(fields: Mapping[str, str], name: str) -> Draft:
    """Return what the fields of the form say; `name` is who sent it, if that is known."""
    patches = tuple(
        (fields.get(f"{NAME}{key.removeprefix(PATCH)}", "") or "pasted.patch", _unix(text))
        for key, text in fields.items()
        if key.startswith(PATCH) and text.strip()
    )
    return Draft(
        repo=fields.get("repo", "").strip(),
        ref=fields.get("ref", "").strip(),
        requester=name or fields.get("requester", "").strip(),
        archs=tuple(key.removeprefix(ARCH) for key in fields if key.startswith(ARCH)),
        select=fields.get("select", Select.ALL),
        patches=patches,
        others=fields.get("others", ""),
        lane=fields.get("lane", Lane.ASKED),
        reason=fields.get("reason", "").strip(),
        trust_code="trust_code" in fields,
        key=fields.get("key", "") or token_hex(16),
    )


def request(filled: Draft) -> Request:
    """Return the request that was filled in; raise `Wrong`."""
    body: dict[str, object] = {
        "repo": filled.repo,
        "ref": filled.ref,
        "requester": filled.requester,
        "archs": filled.archs,
        "select": filled.select,
        "patches": [{"name": name, "text": text} for name, text in filled.patches],
        "others": _others(filled.others),
        "lane": filled.lane,
        "reason": filled.reason,
        "trust_code": filled.trust_code,
        "key": filled.key,
    }
    try:
        return RequestBody.model_validate(body).request()
    except ValidationError as error:
        faults = {str(fault["loc"][0]): _sentence(fault["msg"]) for fault in error.errors()}
        raise Wrong(faults) from error


def faults_of(error: SmoketestError) -> dict[str, str]:
    """Return an error of the desk beside the field that it is about."""
    text = str(error)
    about = next((name for kind, name in _ABOUT.items() if isinstance(error, kind)), "repo")
    if about == "ref" and "arch" in text:
        about = "archs"
    return {about: text}


def _others(text: str) -> list[dict[str, str]]:
    """Return the refs of other repositories, one a line; raise `Wrong`."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        repo, _, ref = line.rpartition("@")
        if not repo or not ref or ":" in ref:
            msg = f"{line!r} names no repository and ref: write REPO@REF, one on each line"
            raise Wrong({"others": msg})
        found.append({"repo": repo, "ref": ref})
    return found


def _sentence(message: str) -> str:
    if "at least 1 character" in message:
        return "this is needed"
    return message[:1].lower() + message[1:]


def _unix(text: str) -> str:
    """Return a patch as it was before a browser made its line ends those of a form."""
    return text.replace("\r\n", "\n").rstrip("\n") + "\n"
