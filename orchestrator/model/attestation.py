"""What must be true of a machine after each wipe and install, and what may change.

The first attestation of a machine and an image, since a person last trusted the machine, is the
reference; every later one is compared with it by the table `RULES`.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

#: the value of a fact that the machine or its BMC does not tell
UNTOLD: Final = "not told"
#: characters of the hash that people are shown
_SHORT = 12


class Fact(StrEnum):
    """What is known by name of a machine."""

    BMC_USERS = "bmc-users"
    BMC_FIRMWARE = "bmc-firmware"
    BOOT_NEXT = "boot-next"
    FIRMWARE = "firmware"
    CARDS = "network-cards"
    DISKS = "disks"
    KERNEL = "kernel"
    PACKAGES = "packages"
    BOOT_ORDER = "boot-order"
    PARTITIONS = "partitions"
    #: what it was installed from, as the boot driver calls it
    SOURCE = "installed-from"
    #: hash of what the package archive said of itself when the packages were installed
    ARCHIVE = "package-archive"
    PARTITION_IDS = "partition-ids"


class Holds(StrEnum):
    """Between which installs of one image on one machine a fact must stay as it is."""

    ALWAYS = "always"
    #: between two from the same state of the package archive, by whatever method
    ARCHIVE = "same archive"
    #: between two from the same source: installer, disk image or memory image
    SOURCE = "same source"
    NEVER = "never"


#: the fact that must be equal for another one to be compared
_SCOPES: Final = {Holds.ARCHIVE: Fact.ARCHIVE, Holds.SOURCE: Fact.SOURCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a fact must be what it was, and why then."""

    fact: Fact
    holds: Holds
    because: str


#: host keys, machine ids and host names are made anew by each install: they are no facts at all
RULES: Final = (
    Rule(
        fact=Fact.BMC_USERS,
        holds=Holds.ALWAYS,
        because="no install adds a login to a BMC: who has one owns the machine under any system",
    ),
    Rule(
        fact=Fact.BMC_FIRMWARE,
        holds=Holds.ALWAYS,
        because="a person updates a BMC, and then says so by restoring the machine",
    ),
    Rule(
        fact=Fact.BOOT_NEXT,
        holds=Holds.ALWAYS,
        because="the install used up the one boot that we set; what is set still was not us",
    ),
    Rule(
        fact=Fact.FIRMWARE,
        holds=Holds.ALWAYS,
        because="it outlives every wipe, so it is where one would hide from it",
    ),
    Rule(
        fact=Fact.CARDS,
        holds=Holds.ALWAYS,
        because="their number: a card that is gone or new changes what a test reaches",
    ),
    Rule(
        fact=Fact.DISKS,
        holds=Holds.ALWAYS,
        because="sizes, models and serial numbers: a wiped disk is still the same disk",
    ),
    Rule(
        fact=Fact.KERNEL,
        holds=Holds.ARCHIVE,
        because="one image means one kernel, however it came to the disk, until the archive moves",
    ),
    Rule(
        fact=Fact.PACKAGES,
        holds=Holds.ARCHIVE,
        because="an update of the archive changes every machine, and is no one machine's fault",
    ),
    Rule(
        fact=Fact.BOOT_ORDER,
        holds=Holds.SOURCE,
        because="an installer enters its own boot loader; a disk image brings one without asking",
    ),
    Rule(
        fact=Fact.PARTITIONS,
        holds=Holds.SOURCE,
        because="each way to lay out a disk rounds sizes in its own way",
    ),
    Rule(
        fact=Fact.SOURCE,
        holds=Holds.NEVER,
        because="the installer and its golden image are two ways to the same system",
    ),
    Rule(
        fact=Fact.ARCHIVE,
        holds=Holds.NEVER,
        because="it moves with each update; an image without apt's lists has none that could",
    ),
    Rule(
        fact=Fact.PARTITION_IDS,
        holds=Holds.NEVER,
        because="drawn by lot when a disk is partitioned; kept to tell one install from another",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What was found true of a machine: pairs of a fact's name and its value."""

    facts: tuple[tuple[str, str], ...]

    def of(self, fact: Fact) -> str | None:
        """Return the fact's value, None when it was not looked at."""
        return dict(self.facts).get(fact)

    @property
    def digest(self) -> str:
        """Return a short hash of what is equal however the image was installed."""
        shared = {Holds.ALWAYS, Holds.ARCHIVE}
        told = [(rule.fact.value, self.of(rule.fact)) for rule in RULES if rule.holds in shared]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:_SHORT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """A machine's attestations under one image: the reference, and the newest."""

    node: str
    image: str
    reference: Attestation
    #: when the reference was taken
    since: datetime
    newest: Attestation
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A network card as the installed system sees it."""

    name: str
    #: lower case
    mac: str
    link: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfReport:
    """What an installed machine says of itself, in one go."""

    #: why its disk could not be written and read back, or empty
    disk_trouble: str
    #: of the file system that it runs on
    disk_bytes: int
    free_bytes: int
    #: its clock, while it was asked
    clock: datetime
    cards: tuple[Card, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BmcReport:
    """What a machine's BMC says of itself and of the machine, in one conversation."""

    powered: bool
    facts: tuple[tuple[str, str], ...] = ()


def differences(reference: Attestation, found: Attestation) -> tuple[str, ...]:
    """Return what is not as it was and should be, each as `NAME was X, is Y`.

    A fact that only one of the two has looked at is not compared: an older version of ours, or
    another driver, did not ask for it.
    """
    return tuple(_changed(reference, found))


def successor(reference: Attestation, found: Attestation) -> Attestation:
    """Return what later attestations are compared with, when `found` does not differ.

    That is the reference, with the facts of `found` where they need not be equal and a fact that
    nobody had looked at: thus the newest state of the archive counts, not that of long ago.
    """
    free = {rule.fact.value for rule in RULES if not _compared(rule, reference, found)}
    kept = {name: value for name, value in reference.facts if name not in free}
    renewed = {name: value for name, value in found.facts if name in free or name not in kept}
    return Attestation(facts=tuple(sorted({**kept, **renewed}.items())))


def _changed(reference: Attestation, found: Attestation) -> Iterator[str]:
    for rule in RULES:
        was, now = reference.of(rule.fact), found.of(rule.fact)
        if was != now and _compared(rule, reference, found) and None not in {was, now}:
            yield f"{rule.fact} was {was or 'none'}, is {now or 'none'}"


def _compared(rule: Rule, reference: Attestation, found: Attestation) -> bool:
    if rule.holds in _SCOPES:
        scope = _SCOPES[rule.holds]
        return reference.of(scope) == found.of(scope)
    return rule.holds is Holds.ALWAYS
