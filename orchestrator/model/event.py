"""What happened to an attempt: the only record that states are derived from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestrator.model.node import Access, Cause
from orchestrator.model.result import TestResult
from orchestrator.model.verdict import Blame, Ruling


class Stage(StrEnum):
    """A step of the flow; `flow.ORDER` holds their order."""

    LEASE = "lease"
    PARTNER = "partner"
    PROVISION = "provision"
    ATTEST = "attest"
    DEPLOY = "deploy"
    SMOKE = "smoke"
    COLLECT = "collect"
    VERDICT = "verdict"
    REPORT = "report"
    RELEASE = "release"


#: the stages that can go wrong for the product; once one failed, the others of them are skipped
WORK = frozenset({Stage.PARTNER, Stage.PROVISION, Stage.ATTEST, Stage.DEPLOY, Stage.SMOKE})


class Kind(StrEnum):
    """What an event says."""

    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    RESUMED = "resumed"
    #: a node was given to this attempt
    LEASED = "leased"
    #: its boot answers are ready under a one-time token
    OFFERED = "offered"
    POWERED_OFF = "powered-off"
    BOOT_SET = "boot-set"
    POWERED_ON = "powered-on"
    #: it called home; `access` says how to log in
    ARRIVED = "arrived"
    #: it answers over SSH with the host key it called home with
    READY = "ready"
    #: its disk, network card, clock and BMC are in order
    CHECKED = "checked"
    #: it is what it was when it was last trusted
    ATTESTED = "attested"
    #: a partner was asked, has taken it up, works on it, and gave its result
    ASKED = "asked"
    ACCEPTED = "accepted"
    BUILDING = "building"
    ANSWERED = "answered"
    #: the partner's time was up while it worked, and without a word of it
    LATE = "late"
    SILENT = "silent"
    #: a line of progress: an Ansible task, a test
    PROGRESS = "progress"
    #: the product is laid down and answers
    DEPLOYED = "deployed"
    #: `tests` holds what the suite said
    TESTED = "tested"
    COLLECTED = "collected"
    #: the services' logs tell why it failed: `text` says it, `excerpt` shows it; `tests` are the
    #: red ones, each with its own excerpt
    DIAGNOSED = "diagnosed"
    #: `ruling` holds the verdict
    JUDGED = "judged"
    REPORTED = "reported"
    HELD = "held"
    FREED = "freed"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, in one stage of one attempt; `at` is set when it is stored."""

    kind: Kind
    stage: Stage
    text: str = ""
    node: str = ""
    blame: Blame | None = None
    #: of a failure: what `node` is suspected of
    cause: Cause = Cause.WORK
    access: Access | None = None
    tests: tuple[TestResult, ...] = ()
    excerpt: str = ""
    ruling: Ruling | None = None
    at: datetime | None = None
    #: position in the whole store's history, for resuming a stream
    seq: int = 0
