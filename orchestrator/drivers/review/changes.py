"""Gerrit's JSON, of its SSH commands and of its REST API, as proposals."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from orchestrator.model.review import Fate, Proposal, Remark

_FATES = {"MERGED": Fate.MERGED, "ABANDONED": Fate.ABANDONED}
_ABOUT = re.compile(r"^Patch Set (\d+)")
_ADDRESS = re.compile(r"^/(?:#/)?(?:c/)?(?:.+/\+/)?(\d+)(?:/\d+)?/?$")
_CHANGE_ID = re.compile(r"I[0-9a-f]{40}")


def term(name: str, host: str) -> str:
    """Return the query for a change by number, Change-Id or address; empty for none of ours."""
    if name.isdecimal() or _CHANGE_ID.fullmatch(name):
        return f"change:{name}"
    parts = urlsplit(name)
    path = f"/#{parts.fragment}" if parts.fragment else parts.path
    found = _ADDRESS.match(path.replace("/#/", "/"))
    return f"change:{found[1]}" if found and parts.hostname == host else ""


def from_query(row: Mapping[str, Any], *, outside: bool) -> Proposal | None:
    """Return the change of a line of `gerrit query`; None if it lacks what we need."""
    newest = row.get("currentPatchSet") or {}
    if not {"project", "number"} <= row.keys() or not {"revision", "ref"} <= newest.keys():
        return None
    return Proposal(
        project=str(row["project"]),
        number=str(row["number"]),
        sha=str(newest["revision"]),
        ref=str(newest["ref"]),
        branch=str(row.get("branch", "")),
        fate=_FATES.get(str(row.get("status", "")).upper(), Fate.OPEN),
        author=_name(row.get("owner")),
        message=str(row.get("commitMessage", "")),
        url=str(row.get("url", "")),
        revision=int(newest.get("number", 0)),
        outside=outside,
        draft=bool(row.get("wip")),
        remarks=tuple(
            _remark(said.get("timestamp"), said.get("reviewer"), said.get("message"))
            for said in row.get("comments") or ()
        ),
    )


def from_rest(row: Mapping[str, Any], pages: str, *, outside: bool) -> Proposal | None:
    """Return the change of a ChangeInfo with its current revision; None if it lacks that."""
    sha = row.get("current_revision", "")
    newest = (row.get("revisions") or {}).get(sha)
    if not newest:
        return None
    number = str(row["_number"])
    return Proposal(
        project=str(row["project"]),
        number=number,
        sha=str(sha),
        ref=str(newest["ref"]),
        branch=str(row.get("branch", "")),
        fate=_FATES.get(str(row.get("status", "")), Fate.OPEN),
        author=_name(row.get("owner")),
        message=str((newest.get("commit") or {}).get("message", "")),
        url=f"{pages}/c/{row['project']}/+/{number}",
        revision=int(newest.get("_number", 0)),
        outside=outside,
        draft=bool(row.get("work_in_progress")),
        remarks=tuple(
            _remark(said.get("date"), said.get("author"), said.get("message"))
            for said in row.get("messages") or ()
        ),
    )


def _remark(when: object, who: Mapping[str, Any] | None, text: object) -> Remark:
    said = str(text or "")
    author = _name(who)
    about = _ABOUT.match(said)
    named = f"{when}\0{author}\0{said}"
    return Remark(
        id=sha256(named.encode()).hexdigest()[:32],
        author=author,
        text=said,
        # Whoever may write under a change may ask for a recheck: these are the rules of the house.
        trusted=True,
        revision=int(about[1]) if about else 0,
    )


def _name(who: Mapping[str, Any] | None) -> str:
    found = who or {}
    return str(found.get("username") or found.get("email") or found.get("name") or "somebody")
