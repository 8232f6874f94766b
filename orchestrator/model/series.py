"""Operators' local patches: what they carry on top of the product, and how it stands there."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.model.request import Commit, Patch


class Standing(StrEnum):
    """What a carried patch is worth on one commit."""

    #: it can be laid on top, with those before it
    APPLIES = "applies"
    #: it cannot: somebody has to rebase it
    CONFLICTS = "conflicts"
    #: the product has it already: the operator can drop it
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The patches that one operator carries, in the order in which they are laid on top."""

    operator: str
    patches: tuple[Patch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One patch of one operator: what makes it the same as another's, and how it stands."""

    operator: str
    patch: str
    subject: str
    #: git's patch-id: equal for equal changes, wherever in a file they are
    patch_id: str
    #: Gerrit's name of the change, if its message has one: equal for other versions of it, too
    change_id: str
    #: on each of the surveyed commits, in their order
    findings: "tuple[Finding, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How a patch stands on one commit, and why."""

    commit: Commit
    standing: Standing
    #: one sentence; empty for one that just applies
    because: str = ""


def shared(carried: Sequence[Carried]) -> tuple[tuple[Carried, ...], ...]:
    """Return the groups of patches that are the same change and are carried by several operators.

    The same patch-id or the same Change-Id makes them one, also by way of a third.
    """
    groups: list[list[Carried]] = []
    for patch in carried:
        alike = [group for group in groups if any(same(patch, other) for other in group)]
        merged = [other for group in alike for other in group]
        groups = [group for group in groups if group not in alike] + [[*merged, patch]]
    return tuple(tuple(group) for group in groups if len({one.operator for one in group}) > 1)


def same(one: Carried, other: Carried) -> bool:
    """Return whether both are the same change, in one form or in two."""
    if one.patch_id == other.patch_id:
        return True
    return bool(one.change_id) and one.change_id == other.change_id
