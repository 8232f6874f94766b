"""Somebody else's lab: what it agreed to, what it was asked, and what its answer is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestrator.model.errors import PartnerError, ProductFailed
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.verdict import Verdict


class Standing(StrEnum):
    """Where an order is."""

    #: sent, or about to be; nobody there has said that he has it
    ASKED = "asked"
    #: in the partner's queue
    ACCEPTED = "accepted"
    RUNNING = "running"
    #: its result was taken in
    ANSWERED = "answered"
    #: its time was up while the partner worked on it
    LATE = "late"
    #: its time was up without a sign of it
    SILENT = "silent"
    #: the partner does not want it, or lost it
    REFUSED = "refused"
    #: we stopped it
    WITHDRAWN = "withdrawn"
    #: what came late of it was taken in by a later attempt
    TAKEN = "taken"


#: nobody waits for these any more, but a result may still come
LATECOMERS = frozenset({Standing.LATE, Standing.SILENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the lab file says of a partner; seconds from the moment of asking."""

    name: str
    #: arch -> what it is called there
    jobs: Mapping[str, str]
    #: until it must have the order in its queue, and until the result must be there
    accept: float = 900
    deadline: float = 7200
    #: between two looks
    poll: float = 10
    #: its machines are hardware, so that it may turn a cell green that requires that
    hardware: bool = True
    #: where people look, or empty
    url: str = ""
    #: the driver that reaches it
    driver: str = "jenkins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a partner is asked for one attempt; a repeat with the same key finds the first."""

    attempt: AttemptId
    partner: str
    arch: str
    key: str
    repo: str
    ref: str
    commit: str
    #: the secret end of the address that the partner may call back
    hook: str
    asked_at: datetime
    due_at: datetime
    #: until when an earlier attempt waited for it, which was given up; None: there was none
    first_due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a look at the partner found of an order."""

    standing: Standing = Standing.ASKED
    #: its place in the partner's queue and its build, 0 while there is none
    queue: int = 0
    build: int = 0
    url: str = ""
    #: e.g. what it waits for there
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An order with what is known of it."""

    order: Order
    seen: Sighting = Sighting()
    standing: Standing = Standing.ASKED
    accepted_at: datetime | None = None
    running_at: datetime | None = None
    #: when it was over, in whatever way
    over_at: datetime | None = None
    #: what the partner claimed, in its own words
    claim: str = ""


class Claim(StrEnum):
    """What a partner says a build came to, in Jenkins' words."""

    SUCCESS = "SUCCESS"
    UNSTABLE = "UNSTABLE"
    FAILURE = "FAILURE"
    NOT_BUILT = "NOT_BUILT"
    ABORTED = "ABORTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file that a partner's build left, as we fetched it."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of a partner's build; `tests` is None without a test report."""

    claim: Claim
    tests: tuple[TestResult, ...] | None
    artifacts: tuple[Artifact, ...] = ()
    #: the key and commit that the build says it was for, empty if it does not say
    key: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a partner that comes to us made of an order."""

    order: Order | None = None
    seen: Sighting = Sighting()
    #: what it brought, and its signature
    answer: Answer | None = None
    signed: str = ""
    console: str = ""
    #: we stopped it
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a partner's attempt and another one, not its own, said of the same thing."""

    attempt: AttemptId
    theirs: Verdict
    other: AttemptId
    ours: Verdict


_RED = (Outcome.FAILED, Outcome.ERROR)
_ENDED = {
    Claim.FAILURE: "says FAILURE, and no test report says what of the product failed",
    Claim.UNSTABLE: "says UNSTABLE, but its report has no failed test",
    Claim.NOT_BUILT: "did not build it (NOT_BUILT)",
    Claim.ABORTED: "aborted the build",
}


def weigh(order: Order, answer: Answer) -> None:
    """Return if the answer proves that the product works there.

    Raises `ProductFailed` for a red test, and `PartnerError` for an answer that proves nothing:
    one without tests, one that contradicts its own report, one about something else.
    """
    who = order.partner
    for what, theirs, ours in (
        ("order", answer.key, order.key),
        ("commit", answer.commit, order.commit),
    ):
        if theirs and theirs != ours:
            raise PartnerError(f"{who} answered for another {what} ({theirs}, not {ours})")
    red = [test for test in answer.tests or () if test.outcome in _RED]
    if answer.claim is Claim.SUCCESS and red:
        msg = f"{who} says SUCCESS, but its own report has {len(red)} red: {red[0].name}"
        raise PartnerError(f"{msg}; neither is believed")
    if red and answer.claim in {Claim.UNSTABLE, Claim.FAILURE}:
        more = f" (and {len(red) - 1} more of {len(answer.tests or ())} tests)" * (len(red) > 1)
        raise ProductFailed(f"{red[0].name}: {red[0].message}{more}, at {who}")
    if answer.claim is not Claim.SUCCESS:
        raise PartnerError(f"{who} {_ENDED[answer.claim]}")
    if not any(test.outcome is Outcome.PASSED for test in answer.tests or ()):
        has = "has no passed test" if answer.tests is not None else "is missing"
        raise PartnerError(f"{who} says SUCCESS, but its test report {has}: that proves nothing")
