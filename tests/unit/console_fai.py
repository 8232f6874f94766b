"""Consoles of machines that gave up, in the words of FAI and of our own writer of images.

By what is broken: whose it is, words that the cause must hold, and the console.
"""

from orchestrator.model.verdict import Blame

INFRA, CONFIG = Blame.INFRA, Blame.CONFIG

_HOME = "http://10.0.2.2:8470/boot/0123456789abcdefghijkl"
_GAVE_UP = "\nSource hook: savelog.DEFAULT.sh\nFATAL ERROR. Installation stopped.\n"
_WRITING = "smoketest: writing the image to /dev/vda\nsmoketest: image 2 of 17 written\n"

FAI = {
    "FAI's disk layout unreadable": (
        CONFIG,
        "FAI refused our disk layout (ERROR (line 3): Can't understand the line); mend it",
        "Calling task_partition\nStarting setup-storage 3.0\n"
        "        ERROR (line 3): Can't understand the line\n"
        "Error in task partition. Code: 710" + _GAVE_UP,
    ),
    "FAI without a disk layout": (
        CONFIG,
        "FAI refused our disk layout (No matching disk_config found",
        "Calling task_partition\nNo matching disk_config found for class fai-1." + _GAVE_UP,
    ),
    "FAI's partitions did not come": (
        CONFIG,
        "could not partition the disk (Error in task partition. Code: 712)",
        "Calling task_partition\nError in task partition. Code: 712" + _GAVE_UP,
    ),
    "FAI without our answers": (
        INFRA,
        "FAI could not fetch a file (curl: (7) Failed to connect to 10.0.2.2 port 8470",
        f"Source hook: setup.DEFAULT.sh\nGetting this node's answers from {_HOME}/answers\n"
        "curl: (7) Failed to connect to 10.0.2.2 port 8470: Connection refused\n"
        "Cannot fetch this node's answers\nError in task setup. Code: 890" + _GAVE_UP,
    ),
    "FAI without its base file": (
        INFRA,
        "FAI could not fetch what it needs (Cannot fetch the base file); check the boot server",
        "Calling task_mountdisks\nSource hook: extrbase.SMOKETEST.sh\n"
        "Cannot fetch the base file\nError in task extrbase. Code: 890" + _GAVE_UP,
    ),
    "FAI without a network card": (
        INFRA,
        "finds no network card (FAI root: no network card has the address 52:54:00:12:34:56)",
        "FAI root: looking for this machine's devices\n"
        "FAI root: no network card has the address 52:54:00:12:34:56\n"
        "Problems accessing the config space.",
    ),
    "a script of FAI's": (
        CONFIG,
        "failed in FAI (SMOKETEST/90-call-home FAILED with exit code 22.)",
        "Calling task_configure\nExecuting shell: SMOKETEST/90-call-home\n"
        "SMOKETEST/90-call-home FAILED with exit code 22.\n"
        "Error in task configure. Code: 420" + _GAVE_UP,
    ),
    "FAI stopped, nobody knows why": (INFRA, "FAI stopped; its console log tells", _GAVE_UP),
    "no disk for the image": (
        INFRA,
        "the image's writer finds no disk; check disk, controller",
        "smoketest: no disk to write the image to (switch this machine off)",
    ),
    "a disk that the image does not fit": (
        INFRA,
        "disk full: the image has 4294967296 bytes, /dev/vda only 2147483648",
        "smoketest: disk full: the image has 4294967296 bytes, /dev/vda only 2147483648"
        " (switch this machine off)",
    ),
    "no list of the image's parts": (
        INFRA,
        "could not be fetched (smoketest: the image's list could not be fetched",
        "smoketest: the image's list could not be fetched (switch this machine off)",
    ),
    "a part of the image does not come": (
        INFRA,
        "could not be fetched (smoketest: chunk-0003 of the image could not be fetched",
        _WRITING + "smoketest: chunk-0003 of the image could not be fetched (switch this ...",
    ),
    "a part of the image is damaged": (
        INFRA,
        "did not arrive as it was kept (smoketest: chunk-0003 of the image arrived damaged",
        _WRITING + "smoketest: chunk-0003 of the image arrived damaged (switch this machine off)",
    ),
    "an image that cannot be written": (
        INFRA,
        "could not be written (smoketest: writing chunk-0003 to /dev/vda failed",
        _WRITING + "smoketest: writing chunk-0003 to /dev/vda failed (switch this machine off)",
    ),
    "the image's disk finds no home": (
        INFRA,
        "could not call home (smoketest: cannot reach http://10.0.2.2:8470/boot/******: no key)",
        _WRITING + f"n01 login:\nsmoketest: cannot reach {_HOME}: no key",
    ),
    "the image's disk knows no home": (
        CONFIG,
        "was not told where home is; mend the kernel's command line",
        "smoketest: nobody said where home is",
    ),
}
