"""The table of who may do what: each route, the right that it takes, and on what.

`admission.admit` is asked before every route and knows nothing but this table: a route that is not
in it is refused, and a test fails for it. What a right means for each role is in `model/access.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from orchestrator.model.access import Right


class On(StrEnum):
    """What a route is about, as its address names it."""

    #: the lab as a whole
    LAB = "lab"
    #: nothing in particular, so that a vendor may see it: how to set up, which archs there are
    ANYTHING = "anything"
    #: the run `{run}`, with all of its cells
    RUN = "run"
    #: the cell `{run}/{arch}`
    CELL = "cell"
    #: the partner `{name}`
    PARTNER = "partner"
    #: the build `{number}` of a Jenkins client
    BUILD = "build"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a route takes."""

    #: None: whoever comes; where that is not all, the route looks further itself
    right: Right | None
    on: On = On.LAB
    #: what it changes is written down
    record: bool = True
    #: it is called by a program that shows a one-time token or a signature: no form of ours
    program: bool = False


_PROGRAM: Final = Need(right=None, program=True, record=False)
_ANYBODY: Final = Need(right=None)
_READ: Final = Need(right=Right.READ)
_SEE: Final = Need(right=Right.READ, on=On.ANYTHING)
_READ_RUN: Final = Need(right=Right.READ, on=On.RUN)
_READ_CELL: Final = Need(right=Right.READ, on=On.CELL)
_READ_BUILD: Final = Need(right=Right.READ, on=On.BUILD)
_SELF: Final = Need(right=Right.SELF)
_ASK: Final = Need(right=Right.ASK)
#: asks, and stores nothing
_WEIGH: Final = Need(right=Right.ASK, record=False)
_STEER_RUN: Final = Need(right=Right.STEER, on=On.RUN)
_PROMOTE_RUN: Final = Need(right=Right.PROMOTE, on=On.RUN)
_STEER_CELL: Final = Need(right=Right.STEER, on=On.CELL)
_WAIVE: Final = Need(right=Right.WAIVE, on=On.CELL)
#: whoever may waive something may say that they have seen what is new
_LOOK: Final = Need(right=Right.WAIVE, on=On.ANYTHING)
_READ_PARTNER: Final = Need(right=Right.READ, on=On.PARTNER)
_OPERATE: Final = Need(right=Right.OPERATE)
_ADMIT: Final = Need(right=Right.ADMIT)
_DELIVER: Final = Need(right=Right.DELIVER)

_PAGES: Final[Mapping[str, Need]] = {
    "GET /": _READ,
    "GET /ask": _READ,
    "POST /ask": _ASK,
    "POST /ask/estimate": _WEIGH,
    "POST /ask/branches": _WEIGH,
    "GET /queue": _READ,
    "GET /runs/{run}": _READ_RUN,
    "GET /runs/{run}/since/{arch}": _READ_CELL,
    "POST /runs/{run}/cancel": _STEER_RUN,
    "POST /runs/{run}/promote": _PROMOTE_RUN,
    "POST /runs/{run}/recheck": _STEER_RUN,
    "GET /cells/{run}/{arch}": _READ_CELL,
    "POST /cells/{run}/{arch}/recheck": _STEER_CELL,
    "POST /cells/{run}/{arch}/cancel": _STEER_CELL,
    "POST /cells/{run}/{arch}/hold": _STEER_CELL,
    "POST /cells/{run}/{arch}/release": _STEER_CELL,
    "POST /cells/{run}/{arch}/ack": _WAIVE,
    "POST /cells/{run}/{arch}/waive": _WAIVE,
    "POST /cells/{run}/{arch}/waivers/{waiver}/withdraw": _WAIVE,
    "GET /logs/{run}/{arch}/{number}/{name:path}": _READ_CELL,
    "GET /log-lines/{run}/{arch}/{number}/{name:path}": _READ_CELL,
    "GET /lieutenants": _READ,
    "GET /lieutenants/{name}": _READ,
    "POST /lieutenants/{name}/look": _LOOK,
    "GET /nodes": _READ,
    "GET /nodes/{name}": _READ,
    "POST /nodes/{name}/drain": _OPERATE,
    "POST /nodes/{name}/restore": _OPERATE,
    "POST /nodes/{name}/test": _OPERATE,
    "GET /archs": _SEE,
    "GET /partners": _SEE,
    "GET /partners/{name}": _READ_PARTNER,
    "GET /feeds/changes.atom": _READ,
    "GET /feeds/cells.atom": _READ,
    "GET /feeds/runs.atom": _READ,
    "GET /badges/branch.svg": _READ,
    "GET /badges/{arch}.svg": _READ,
    "GET /metrics": _READ,
}
_ACCOUNTS: Final[Mapping[str, Need]] = {
    "GET /sign-in": _ANYBODY,
    "POST /sign-in": _ANYBODY,
    "POST /sign-out": _ANYBODY,
    "POST /sign-in/oidc": _ANYBODY,
    "GET /sign-in/oidc/back": _ANYBODY,
    "GET /account": _SELF,
    "POST /account/password": _SELF,
    "POST /account/tokens": _SELF,
    "POST /account/tokens/{token}/revoke": _SELF,
    "POST /account/sessions/{session}/end": _SELF,
    "GET /users": _ADMIT,
    "POST /users": _ADMIT,
    "POST /users/{name}/role": _ADMIT,
    "POST /users/{name}/password": _ADMIT,
    "POST /users/{name}/disable": _ADMIT,
    "POST /users/{name}/enable": _ADMIT,
    "GET /audit": _ADMIT,
    "GET /api/me": _ANYBODY,
    "GET /api/users": _ADMIT,
    "POST /api/users": _ADMIT,
    "POST /api/users/{name}/role": _ADMIT,
    "POST /api/users/{name}/password": _ADMIT,
    "POST /api/users/{name}/disable": _ADMIT,
    "POST /api/users/{name}/enable": _ADMIT,
    "GET /api/audit": _ADMIT,
    "GET /api/tokens": _SELF,
    "POST /api/tokens": _SELF,
    "POST /api/tokens/{token}/revoke": _SELF,
}
_API: Final[Mapping[str, Need]] = {
    "GET /api/openapi.json": _ANYBODY,
    "GET /api/health": _ANYBODY,
    "GET /api/runs": _READ,
    "GET /api/matrix/window": _READ,
    "GET /api/standing": _READ,
    "GET /api/queue": _READ,
    "GET /api/leases": _READ,
    "GET /api/lieutenants": _READ,
    "GET /api/lieutenants/{name}": _READ,
    "POST /api/lieutenants/{name}/look": _LOOK,
    "GET /api/runs/{run}/events": _READ_RUN,
    "GET /api/cells": _READ,
    "GET /api/cells/{run}/{arch}/attempts": _READ_CELL,
    "GET /api/cells/{run}/{arch}/attempts/{number}": _READ_CELL,
    "GET /api/cells/{run}/{arch}/attempts/{number}/events": _READ_CELL,
    "GET /api/cells/{run}/{arch}/attempts/{number}/files": _READ_CELL,
    "GET /api/cells/{run}/{arch}/waivers": _READ_CELL,
    "POST /api/cells/{run}/{arch}/ack": _WAIVE,
    "POST /api/cells/{run}/{arch}/waive": _WAIVE,
    "POST /api/cells/{run}/{arch}/waivers/{waiver}/withdraw": _WAIVE,
    "POST /api/runs": _ASK,
    "POST /api/plan": _WEIGH,
    "POST /api/patches": _WEIGH,
    "GET /api/runs/{run}": _READ_RUN,
    "GET /api/runs/{run}/export/{form}": _READ_RUN,
    "POST /api/runs/{run}/cancel": _STEER_RUN,
    "POST /api/runs/{run}/promote": _PROMOTE_RUN,
    "GET /api/cells/{run}/{arch}": _READ_CELL,
    "POST /api/cells/{run}/{arch}/cancel": _STEER_CELL,
    "POST /api/cells/{run}/{arch}/promote": Need(right=Right.PROMOTE, on=On.CELL),
    "POST /api/cells/{run}/{arch}/recheck": _STEER_CELL,
    "POST /api/cells/{run}/{arch}/hold": _STEER_CELL,
    "POST /api/cells/{run}/{arch}/release": _STEER_CELL,
    "GET /api/files/{run}/{arch}/{number}/{name:path}": _READ_CELL,
    # a repository that the lab does not name takes the right to ask: the route sees to it
    "GET /api/coverage": _READ,
    "GET /api/flip": _READ,
    "POST /api/cells/{run}/{arch}/bisect": Need(right=Right.ASK, on=On.CELL),
    "GET /api/archs": _SEE,
    "GET /api/archs/{arch}": _SEE,
    "GET /api/who": _SEE,
    # a repository that the lab does not name takes the right to ask: the route sees to it
    "GET /api/branches": _READ,
    # one hears of what one may see: the route sees to it
    "GET /api/events": _SEE,
    "GET /api/watches": _READ,
    "GET /api/nodes": _READ,
    "GET /api/nodes/{name}": _READ,
    "GET /api/nodes/{name}/leases": _READ,
    "POST /api/nodes/{name}/drain": _OPERATE,
    "POST /api/nodes/{name}/restore": _OPERATE,
    "POST /api/nodes/{name}/test": _OPERATE,
    "GET /api/lab/faults": _READ,
    "POST /api/lab/faults": _OPERATE,
    "DELETE /api/lab/faults/{node}": _OPERATE,
    # they hold addresses of people
    "GET /api/notices": _OPERATE,
    "POST /api/notices/{message}/replay": _OPERATE,
    "GET /api/partners": _SEE,
    "GET /api/partners/{name}": _READ_PARTNER,
    "POST /api/partner/next": Need(right=Right.DELIVER, record=False),
    "POST /api/partner/progress": Need(right=Right.DELIVER, record=False),
    "POST /api/partner/result": _DELIVER,
}
_JENKINS: Final[Mapping[str, Need]] = {
    "GET /jenkins": _SEE,
    "GET /jenkins/api/{form}": _SEE,
    "GET /jenkins/me/api/{form}": _SEE,
    "GET /jenkins/crumbIssuer/api/xml": _SEE,
    "GET /jenkins/crumbIssuer/api/{form}": _SEE,
    # of builds and waiting items one is told those that one may see: the route sees to it
    "GET /jenkins/job/{job}/api/{form}": _SEE,
    "GET /jenkins/job/{job}": _SEE,
    "POST /jenkins/job/{job}/buildWithParameters": _ASK,
    # the job's token stands in the call: the route sees to it
    "POST /jenkins/buildByToken/buildWithParameters": _ANYBODY,
    "POST /jenkins/job/{job}/build": _ASK,
    "GET /jenkins/queue/api/{form}": _SEE,
    "GET /jenkins/queue/item/{number}/api/{form}": _READ_BUILD,
    "GET /jenkins/queue/item/{number}": _READ_BUILD,
    # one's own, or anybody's for an operator: the route sees to it
    "POST /jenkins/queue/cancelItem": _ASK,
    "GET /jenkins/job/{job}/{number}/api/{form}": _READ_BUILD,
    "GET /jenkins/job/{job}/{number}": _READ_BUILD,
    "GET /jenkins/job/{job}/{number}/consoleText": _READ_BUILD,
    "GET /jenkins/job/{job}/{number}/logText/progressiveText": _READ_BUILD,
    "POST /jenkins/job/{job}/{number}/logText/progressiveText": Need(
        right=Right.READ, on=On.BUILD, record=False
    ),
    "GET /jenkins/job/{job}/{number}/testReport/api/{form}": _READ_BUILD,
    "GET /jenkins/job/{job}/{number}/artifact/{name:path}": _READ_BUILD,
    "POST /jenkins/job/{job}/{number}/stop": _ASK,
    "POST /jenkins/createItem": _OPERATE,
    "GET /jenkins/job/{job}/config.xml": _OPERATE,
    "POST /jenkins/job/{job}/config.xml": _OPERATE,
    "POST /jenkins/job/{job}/doDelete": _OPERATE,
}
#: what machines, review systems and partners' Jenkins call: each shows what only it can know
_PROGRAMS: Final[Mapping[str, Need]] = {
    "GET /boot/first.ipxe": _PROGRAM,
    "GET /boot/ipxe.efi": _PROGRAM,
    "GET /boot/ipxe": _PROGRAM,
    "GET /boot/{token}/linux": _PROGRAM,
    "GET /boot/{token}/initrd.gz": _PROGRAM,
    "GET /boot/{token}/preseed.cfg": _PROGRAM,
    "GET /boot/{token}/answers": _PROGRAM,
    "GET /boot/{token}/answers/{name}": _PROGRAM,
    "GET /boot/{token}/licence": _PROGRAM,
    "GET /boot/{token}/files/{name}": _PROGRAM,
    "GET /boot/{token}/authorized_keys": _PROGRAM,
    "GET /boot/{token}/arrived": _PROGRAM,
    "POST /boot/{token}/arrived": _PROGRAM,
    "POST /hooks/{name}": _PROGRAM,
    "POST /hook/{hook}": _PROGRAM,
}

#: `METHOD /route` -> what it takes; HEAD is GET
NEEDS: Final[Mapping[str, Need]] = {**_PAGES, **_ACCOUNTS, **_API, **_JENKINS, **_PROGRAMS}


def need_of(method: str, route: str) -> Need | None:
    """Return what the route takes, or None for one that the table forgot."""
    return NEEDS.get(f"{'GET' if method == 'HEAD' else method} {route}")
