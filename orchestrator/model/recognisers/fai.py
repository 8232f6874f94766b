"""What FAI says, and our hooks and the root file system that it runs in."""

from orchestrator.model.recognisers.recogniser import Weight, lines
from orchestrator.model.verdict import Blame

#: the machine got on
LIFE = (r"^Calling task_\w",)

FAI = (
    lines(
        Weight.TELLS,
        r"Sorry, can't create a partition of|Partitioning tool did not create",
        r"^Error in task partition\. Code: 7\d\d",
        says="FAI could not partition the disk ({line});"
        " check the image's disk layout against the disk",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"^ERROR \(line \d+\): |No matching disk_config found",
        says="FAI refused our disk layout ({line}); mend it in the image's recipe",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"^Problems accessing the config space|^ftar: No matching class found",
        r"^Cannot fetch (?:this node's answers|the base file)",
        says="FAI could not fetch what it needs ({line}); check the boot server",
    ),
    lines(
        Weight.WARNS,
        r"^curl: \(\d+\) ",
        says="FAI could not fetch a file ({line}); check the boot server",
    ),
    lines(
        Weight.WARNS,
        r"^FAI root: no network card has the address",
        says="FAI's system finds no network card ({line}); check card, driver and firmware",
    ),
    lines(
        Weight.TELLS,
        r"^\S+ +FAILED with exit code \d+|^Error in task (?!partition)\w+\. Code",
        says="a step of the installation failed in FAI ({line}); its console log tells more",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.ENDS,
        r"^FATAL ERROR\. Installation stopped",
        says="FAI stopped; its console log tells what led to it",
    ),
)
