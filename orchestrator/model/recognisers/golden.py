"""What our own writer of disk images says, and the disk's first boot, which calls home."""

from orchestrator.model.recognisers.recogniser import Weight, lines
from orchestrator.model.verdict import Blame

#: the machine got on
LIFE = (r"^smoketest: (?:image \d+ of \d|writing the image|the image is on |\S+ called home)",)

GOLDEN = (
    lines(
        Weight.TELLS,
        r"^smoketest: no disk to write the image to",
        says="the image's writer finds no disk; check disk, controller and its driver",
    ),
    lines(
        Weight.TELLS,
        r"^smoketest: disk full: ",
        says="the image does not fit the disk ({line}); give the machine a larger one,"
        " or build the image from a smaller one",
    ),
    lines(
        Weight.TELLS,
        r"^smoketest: .*(?:image|list) could not be fetched",
        says="the image could not be fetched ({line}); check the boot server",
    ),
    lines(
        Weight.TELLS,
        r"^smoketest: .* arrived damaged",
        says="the image did not arrive as it was kept ({line});"
        " check the boot server's disk, and the network in between",
    ),
    lines(
        Weight.TELLS,
        r"^smoketest: writing \S+ to \S+ failed",
        says="the image could not be written ({line}); test the disk",
    ),
    lines(
        Weight.TELLS,
        r"^smoketest: cannot reach ",
        says="the installed system could not call home ({line});"
        " check its network and the boot server",
    ),
    lines(
        Weight.TELLS,
        # systemd leaves out the middle of a long name
        r"Failed to start .*smoketest-.* own and call home",
        says="the installed system could not make itself this machine's own ({line});"
        " check its disk and network; its console log may tell what its shell complained of",
    ),
    lines(
        Weight.TELLS,
        r"^smoketest: nobody said where home is",
        says="the installed system was not told where home is;"
        " mend the kernel's command line in the boot script",
        blame=Blame.CONFIG,
    ),
)
