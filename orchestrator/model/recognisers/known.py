"""All lines by which a machine tells that it will not arrive, or that it got on."""

import re

from orchestrator.model.recognisers import debian, fai, firmware, golden, hypervisors, system

#: the first that matches a line says what it means
RECOGNISERS = (
    *golden.GOLDEN,
    *hypervisors.HYPERVISORS,
    *fai.FAI,
    *firmware.FIRMWARE,
    *system.XEN,
    *system.SYSTEM,
    *debian.DEBIAN,
)

#: lines by which a machine shows that it got on: whatever failed before was made good
LIFE = re.compile(
    "|".join((*golden.LIFE, *fai.LIFE, *firmware.LIFE, *system.LIFE, *debian.LIFE)), re.IGNORECASE
)

#: what is on the disk was started
WENT_TO_DISK = re.compile(system.DISK, re.IGNORECASE)

#: the machine was switched on, or reset
TURNED_ON = re.compile(firmware.START, re.IGNORECASE)

#: the machine will start again because it was told to
RESTARTS = re.compile(system.RESTARTS, re.IGNORECASE)
