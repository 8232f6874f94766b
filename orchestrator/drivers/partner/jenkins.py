"""A partner reached through its Jenkins.

An order is found again by its key (the parameter RUN_ID) whatever was lost meanwhile: our process,
the answer to our POST, the partner's queue item (they live for five minutes), its whole Jenkins.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestrator.drivers.partner.conversation import Absent, Conversation, Login, Refused
from orchestrator.drivers.partner.result import answer_of, keep_artifacts, keep_console
from orchestrator.model.errors import PartnerError, PartnerSilent
from orchestrator.model.ids import AttemptId
from orchestrator.model.partner import Answer, Contract, Order, Sighting, Standing
from orchestrator.model.secret import Secret, mask
from orchestrator.ports.clock import Deadline

#: builds and queue items that are looked through for ours
RECENT = 100
#: how long a call took, which is no news; the last words about so many attempts are remembered
_TOOK = re.compile(r" \(\d+\.\d s\)$")
_RECALLED, _ATTEMPTS = 8, 256
KEY = "RUN_ID"
COMMIT = "COMMIT"
_PARAMETERS = "actions[parameters[name,value]]"
_BUILDS = f"builds[number,queueId,url,building,result,{_PARAMETERS}]{{0,{RECENT}}}"
_ASKS = "property[parameterDefinitions[name]],actions[parameterDefinitions[name]]"
_JOB = f"buildable,{_ASKS},{_BUILDS}"
_ITEM = f"id,why,cancelled,executable[number,url],{_PARAMETERS}"
_BUILD = f"number,url,building,result,artifacts[relativePath],{_PARAMETERS}"

Address = Callable[[str], str]
Tell = Callable[[AttemptId, str], None]


def _nobody(_attempt: AttemptId, _text: str) -> None:
    """Tell nobody."""


class JenkinsPartner:
    """`ports.partner.Partner` over one Jenkins."""

    def __init__(
        self,
        contract: Contract,
        login: Login,
        repo: Address,
        hook: Address,
        more: Mapping[str, str],
        tell: Tell = _nobody,
    ) -> None:
        """Reach `login`; `repo` and `hook` turn our names into the addresses that it is told.

        `tell` is told each call for an attempt, with what was sent and what came of it.
        """
        self._tell = tell
        self._told: dict[AttemptId, deque[str]] = {}
        self._contract, self._login = contract, login
        self._repo, self._hook, self._more = repo, hook, dict(more)

    def start(self, order: Order, deadline: Deadline) -> Sighting:
        """Ask for the order, unless the partner has it by its key; return what it is there."""
        talk = self._talk(order, deadline)
        try:
            job = talk.json(f"{self._job(order)}/api/json?tree={_JOB}")
            self._refuse_unfit(job, order)
            if found := self._found(talk, order, job):
                return found
            path = f"{self._job(order)}/buildWithParameters"
            where = talk.post(path, self._parameters(order), {"traceparent": _trace(order.key)})
        except Absent:
            name = self._contract.jobs.get(order.arch, order.arch)
            msg = f"{order.partner} has no job {name}, or does not show it to {self._login.user}"
            raise PartnerError(msg) from None
        number = where.rstrip("/").rpartition("/")[2]
        if not number.isdigit():
            # It may have it all the same: the next look searches for the key.
            raise PartnerSilent(f"{order.partner} took the order, but named no queue item")
        return Sighting(standing=Standing.ACCEPTED, queue=int(number), text="in its queue")

    def poll(self, order: Order, known: Sighting, deadline: Deadline) -> Sighting:
        """Return what the order is there; `Standing.ASKED` if the partner knows nothing of it."""
        talk = self._talk(order, deadline)
        try:
            return self._poll(talk, order, known)
        except Refused as refused:
            # It took the order once: a login that is being changed there is no end of it.
            raise PartnerSilent(str(refused)) from refused

    def fetch(self, order: Order, known: Sighting, folder: str, deadline: Deadline) -> Answer:
        """Return the result of an order that is `ANSWERED`; keep its files in `folder`."""
        talk = self._talk(order, deadline)
        path = f"{self._job(order)}/{known.build}"
        secrets = (self._login.token,)
        try:
            build = talk.json(f"{path}/api/json?tree={_BUILD}")
            keep_console(talk, path, Path(folder), secrets)
            artifacts = keep_artifacts(talk, path, build.get("artifacts") or (), Path(folder))
            report = _or_none(talk, f"{path}/testReport/api/json?depth=0")
        except Absent as gone:
            raise PartnerSilent(f"{order.partner} has no {gone} any more") from gone
        if build.get("building") or build.get("result") is None:
            raise PartnerSilent(f"{order.partner} said that it was done, and now that it is not")
        given = _given(build)
        return answer_of(
            order.partner, build["result"], report, artifacts, (given.get(KEY), given.get(COMMIT))
        )

    def cancel(self, order: Order, known: Sighting, deadline: Deadline) -> None:
        """Stop the order there, if it is not over."""
        talk = self._talk(order, deadline)
        try:
            now = self._poll(talk, order, known)
            if now.build and now.standing is not Standing.ANSWERED:
                talk.post(f"{self._job(order)}/{now.build}/stop")
            elif now.queue and not now.build:
                talk.post(f"queue/cancelItem?id={now.queue}")
        except Absent:
            return

    def _talk(self, order: Order, deadline: Deadline) -> Conversation:
        """Begin a conversation about the order.

        Secrets are starred in what is told of it, and what stays the same from look to look is
        told once.
        """
        hidden = (self._login.token, Secret(order.hook))
        recent = self._told.setdefault(order.attempt, deque(maxlen=_RECALLED))
        while len(self._told) > _ATTEMPTS:
            self._told.pop(next(iter(self._told)))

        def tell(text: str) -> None:
            said = _TOOK.sub("", text)
            if said not in recent:
                recent.append(said)
                self._tell(order.attempt, mask(text, hidden))

        return Conversation(self._login, deadline, tell)

    def _poll(self, talk: Conversation, order: Order, known: Sighting) -> Sighting:
        try:
            if known.build:
                build = talk.json(f"{self._job(order)}/{known.build}/api/json?tree={_BUILD}")
                return self._of_build(order, build, known.queue)
            if known.queue:
                return self._of_item(talk, order, known)
        except Absent:
            pass  # an expired item, or a build that a restart renumbered: the key finds it
        try:
            job = talk.json(f"{self._job(order)}/api/json?tree={_JOB}")
        except Absent:
            return Sighting()
        return self._found(talk, order, job) or Sighting()

    def _of_item(self, talk: Conversation, order: Order, known: Sighting) -> Sighting:
        item = talk.json(f"queue/item/{known.queue}/api/json?tree={_ITEM}")
        if _given(item).get(KEY, order.key) != order.key:
            raise Absent("queue item of ours")  # ids begin anew after some restarts
        if item.get("cancelled"):
            raise PartnerError(f"{order.partner} cancelled it in its queue")
        run = item.get("executable") or {}
        if not run.get("number"):
            why = str(item.get("why") or "in its queue")
            return Sighting(standing=Standing.ACCEPTED, queue=known.queue, text=why)
        path = f"{self._job(order)}/{run['number']}"
        return self._of_build(order, talk.json(f"{path}/api/json?tree={_BUILD}"), known.queue)

    def _found(self, talk: Conversation, order: Order, job: Mapping[str, Any]) -> Sighting | None:
        """Return the order by its key, among the job's builds or in the queue."""
        for build in job.get("builds") or ():
            if _given(build).get(KEY) == order.key:
                return self._of_build(order, build, int(build.get("queueId") or 0))
        tree = f"items[id,why,{_PARAMETERS}]"
        for item in talk.json(f"queue/api/json?tree={tree}").get("items") or ():
            if _given(item).get(KEY) == order.key:
                why = str(item.get("why") or "in its queue")
                return Sighting(standing=Standing.ACCEPTED, queue=int(item["id"]), text=why)
        return None

    def _of_build(self, order: Order, build: Mapping[str, Any], queue: int) -> Sighting:
        number = int(build.get("number") or 0)
        over = not build.get("building") and build.get("result") is not None
        url = f"{self._login.url.rstrip('/')}/{self._job(order)}/{number}/"
        standing = Standing.ANSWERED if over else Standing.RUNNING
        return Sighting(standing=standing, queue=queue, build=number, url=url)

    def _refuse_unfit(self, job: Mapping[str, Any], order: Order) -> None:
        """Raise `PartnerError` for a job that could not be found again, or told what to test."""
        name = self._contract.jobs.get(order.arch, order.arch)
        if job.get("buildable") is False:
            raise PartnerError(f"{order.partner} has its job {name} disabled")
        lists = [*(job.get("property") or ()), *(job.get("actions") or ())]
        known = {
            entry.get("name")
            for holder in lists
            for entry in (holder or {}).get("parameterDefinitions") or ()
        }
        for needed in (KEY, COMMIT):
            if needed not in known:
                msg = f"the job {name} of {order.partner} has no string parameter {needed}: add it"
                raise PartnerError(msg)

    def _parameters(self, order: Order) -> dict[str, str]:
        return self._more | {
            KEY: order.key,
            COMMIT: order.commit,
            "ARCH": self._contract.jobs.get(order.arch, order.arch).rpartition("/")[2],
            "REPO": self._repo(order.repo),
            "REF": order.ref,
            "CALLBACK_URL": self._hook(order.hook),
        }

    def _job(self, order: Order) -> str:
        """Return the path of the job, folders in it: `a/b c` is `job/a/job/b%20c`."""
        name = self._contract.jobs.get(order.arch, order.arch)
        return "/".join(f"job/{quote(part, safe='')}" for part in name.split("/"))


def _trace(key: str) -> str:
    """Return the trace of an order (W3C): the same at every try, so that both labs tell of one."""
    digits = sha256(key.encode()).hexdigest()
    return f"00-{digits[:32]}-{digits[32:48]}-01"


def _given(thing: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a queue item or a build."""
    actions: Iterable[Any] = thing.get("actions") or ()
    return {
        str(entry.get("name")): str(entry.get("value"))
        for action in actions
        for entry in (action or {}).get("parameters") or ()
    }


def _or_none(talk: Conversation, path: str) -> Mapping[str, Any] | None:
    try:
        return talk.json(path)
    except Absent:
        return None
