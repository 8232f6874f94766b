"""What a serial console says about a machine that will not arrive.

Each recogniser turns a line that some firmware, loader or installer prints into one sentence with
the next step, and says whose it is. The first that matches the newest lines wins; a line that only
tells what an earlier one led to counts when no other is known.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model.verdict import Blame


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Whose fault a console shows, and the sentence for a person."""

    blame: Blame
    sentence: str


_RECOGNISERS: tuple[tuple[str, Blame, str], ...] = (
    (
        r"PXE-E5[13]|No (?:DHCP|more network devices)|No configuration methods succeeded",
        Blame.INFRA,
        "the firmware got no DHCP offer; check its cable, VLAN and DHCP reservation",
    ),
    (
        r"PXE-E32|TFTP open timeout",
        Blame.INFRA,
        "the firmware got no answer from TFTP; check the boot server's first stage",
    ),
    (
        r"(?:http|tftp)://\S+.*(?:No such file|not found|Permission denied).*",
        Blame.INFRA,
        "the loader could not fetch its file ({line}); check the image on the boot server",
    ),
    (
        r"failed to retrieve the preconfiguration file.*",
        Blame.INFRA,
        "the installer could not fetch its answers; check that it reaches the boot server",
    ),
    (
        r"preconfiguration error|preseed\.cfg.*line \d+",
        Blame.CONFIG,
        "the installer refused our answers ({line}); mend the answer template of this image",
    ),
    (
        r"Kernel panic.*",
        Blame.INFRA,
        "its kernel panicked ({line}); test the machine's memory and disk",
    ),
    (
        r"No space left on device",
        Blame.INFRA,
        "its disk is full; check the partition recipe against the disk's size",
    ),
    (
        r"Failed to run preseeded command.*|\[!!\].*",
        Blame.INFRA,
        "the installer stopped at a question ({line}); its console log tells what led to it",
    ),
)
_CONSEQUENCES: tuple[tuple[str, Blame, str], ...] = (
    (
        r"No bootable device|Boot failed: not a bootable disk",
        Blame.INFRA,
        "it found nothing to boot; check its boot order and that the network boot was taken",
    ),
)


def recognise(lines: Sequence[str]) -> Diagnosis | None:
    """Return what the newest of `lines` that any recogniser knows says, or None."""
    found = (
        Diagnosis(blame=blame, sentence=sentence.format(line=line.strip()[:160]))
        for known in (_RECOGNISERS, _CONSEQUENCES)
        for line in reversed(lines)
        for pattern, blame, sentence in known
        if re.search(pattern, line, re.IGNORECASE)
    )
    return next(found, None)
