"""Every error that crosses a layer, classed by who must act.

SmoketestError              blame, and a sentence for a person
+- InfraError               a machine or the network: retried on another machine
|  +- PowerError            the BMC did not do what it was told
|  |  +- PowerDenied        the BMC refused our name or password: no retry helps
|  |  +- PowerUnchanged     the BMC said yes and did nothing
|  +- BootTimeout           powered on, never called home
|  +- Unreachable           installed, but SSH does not answer
+- OutOfTime                a stage used up its budget
+- ConfigError              the request, an arch or the lab file is wrong: stop and say where
|  +- NotFound              no such run, cell, arch, node, branch ...
|  +- Impossible            the lab lacks what the request needs
|  +- PatchFailed           a patch does not apply
|  +- Denied                the asker may not do this
|  +- Throttled             too much in too short a time: the asker must wait
|  +- Occupied              somebody else has the machine, or the name
+- ProductFailed            the product did wrong: a verdict, never retried
+- PartnerError             somebody else's lab
|  +- PartnerSilent         it cannot be reached now: tried again until its time is up
+- Undelivered              nobody took a message: tried again
|  +- Refused               the other side will never take it
+- Cancelled                somebody stopped it
+- LeaseLost                our lease was taken over: a stale holder must not touch the node
+- Bug                      anything else: ours
   +- StoreAway             the store does not answer: done again once it does, never a verdict
"""

from typing import ClassVar

from orchestrator.model.node import Cause
from orchestrator.model.verdict import Blame, Verdict


class SmoketestError(Exception):
    """Something went wrong."""

    blame: ClassVar[Blame] = Blame.ORCHESTRATOR
    verdict: ClassVar[Verdict] = Verdict.BROKEN

    def __init__(self, message: str = "", *, node: str = "") -> None:
        """Take the sentence for a person (default: the class's) and the node it is about."""
        super().__init__(message or (type(self).__doc__ or "").split("\n")[0])
        self.node = node


class InfraError(SmoketestError):
    """A machine or the network failed; the cell is tried on another machine."""

    blame = Blame.INFRA


class PowerError(InfraError):
    """The machine's BMC did not do what it was told."""


class PowerDenied(PowerError):
    """The BMC refused our user name or password."""


class PowerUnchanged(PowerError):
    """The BMC accepted the command, but the power state did not change."""


class BootTimeout(InfraError):
    """The machine was powered on and never called home."""


class Unreachable(InfraError):
    """The machine is installed, but does not answer over SSH."""


class OutOfTime(InfraError):
    """The stage used up its time budget."""


class ConfigError(SmoketestError):
    """The request, an architecture or the lab file is wrong."""

    blame = Blame.CONFIG


class NotFound(ConfigError):
    """There is no such thing."""


class Impossible(ConfigError):
    """This lab lacks what the request needs."""


class PatchFailed(ConfigError):
    """A patch does not apply."""


class Denied(ConfigError):
    """The asker may not do this."""


class Throttled(ConfigError):
    """Too much was asked for in too short a time."""


class Occupied(ConfigError):
    """Somebody else has it."""


class ProductFailed(SmoketestError):
    """The product under test did wrong."""

    blame = Blame.PRODUCT
    verdict = Verdict.FAILED


class PartnerError(SmoketestError):
    """A partner's lab did not give a usable answer."""

    blame = Blame.PARTNER


class PartnerSilent(PartnerError):
    """The partner's lab does not answer."""


class Undelivered(SmoketestError):
    """The other side did not take a message; it is tried again."""


class Refused(Undelivered):
    """The other side will never take this message."""


class Cancelled(SmoketestError):
    """Somebody stopped it."""

    verdict = Verdict.CANCELLED


class LeaseLost(SmoketestError):
    """Another attempt holds these nodes now."""


class Bug(SmoketestError):
    """The orchestrator itself failed."""


class StoreAway(Bug):
    """The store does not answer; what was under way is done again once it does."""


def cause_of(error: SmoketestError) -> Cause:
    """Return what a node is suspected of that failed in this way.

    A BMC that says yes and does nothing answers well: that it answers does not clear it.
    """
    silent = isinstance(error, PowerError) and not isinstance(error, PowerUnchanged)
    return Cause.BMC if silent else Cause.WORK
