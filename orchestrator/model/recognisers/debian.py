"""What Debian's installer says, in its text and its newt frontend."""

from orchestrator.model.recognisers.recogniser import Weight, lines
from orchestrator.model.verdict import Blame

_PARTITIONS = "the installer could not partition the disk ({line}); check it against the recipe"
_MIRROR = "the installer cannot use its mirror ({line}); check that it is up and reachable"
_ANSWERS = "the installer refused our answers ({line}); mend the answer template of this image"
_NO_DISK = "the installer finds no disk; check disk, controller and its driver"

#: the machine got on
LIFE = (
    r"\.{3,} ?\d+%",  # Installing the base system  ... 0%... 17%
    r"^\[\*\] ",
)

DEBIAN = (
    lines(
        Weight.WARNS,
        r"No space left on device|not enough free (?:disk )?space|file system is full",
        says="its disk is full; check the partition recipe against the disk's size",
    ),
    lines(
        Weight.TELLS,
        r"failed to retrieve the preconfiguration file",
        r"file needed for preconfiguration could not be retrieved",
        says="the installer could not fetch its answers; check that it reaches the boot server",
    ),
    lines(
        Weight.TELLS,
        r"preconfiguration error|failed to process the preconfiguration|preseed\.cfg,? line \d+",
        r"^!! ERROR: (?:Invalid|Malformed|Reserved|Checksum)|Invalid hostname$",
        says=_ANSWERS,
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"Password input error|entered an empty password|passwords you entered were not the same",
        r"^(?:Root password|Re-enter password to verify|Choose a password for\b.*):$",
        says="the installer asks for a password ({line}); answer it in the image's template",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"Network autoconfiguration failed",
        says="the installer got no DHCP offer; check its cable, VLAN and DHCP reservation",
    ),
    lines(
        Weight.TELLS,
        r"No (?:Ethernet card|network interfaces?)(?: was| were)? detected",
        says="the installer finds no network card ({line}); check card, driver and firmware",
    ),
    lines(
        Weight.TELLS,
        r"No kernel modules (?:were )?found",
        says="the installer's kernel is not the mirror's; fetch both kernel and initrd anew",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"Couldn't find these debs:|Couldn't find package |Unable to locate package ",
        says="the mirror has no such package ({line}); mend the `packages` of this image",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"Bad archive mirror|detected while trying to use the specified .* archive mirror",
        r"Downloading a file failed|Failed to determine the codename",
        r"Cannot (?:access repository|install base system)|Failed to load installer component",
        says=_MIRROR,
    ),
    lines(
        Weight.TELLS,
        r"Debian version \(\S*\) is not available from the",
        says="the mirror does not have the image's release ({line}); mend its name in the image",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"No disk drive was detected|No partitionable media",
        says=_NO_DISK,
    ),
    lines(
        Weight.TELLS,
        r"No root file system",
        says=_NO_DISK,
        after=r"^Starting up the partitioner",  # and nothing was partitioned since
    ),
    lines(
        Weight.TELLS,
        r"selected recipe does not contain|No root file system",
        says=_PARTITIONS,
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"Failed to (?:partition the selected disk|create a file system)|Partition(?:s)? in use",
        r"error while creating (?:volume|a new logical)|Volume group name already in use",
        r"file system creation in .* failed",
        r"attempt to mount a file system with type .* failed",
        says=_PARTITIONS,
    ),
    lines(
        Weight.TELLS,
        r"Unable to (?:install|configure) GRUB|grub-install.*failed|GRUB installation failed",
        says="GRUB could not be installed ({line}); test the disk, and free the firmware's memory",
    ),
    lines(
        Weight.TELLS,
        r"Unable to install the (?:selected )?kernel|Unable to install (?:linux-image|busybox)",
        r"Base system installation error|Failed to install the base system|debootstrap program ex",
        says="the installer could not install the base system ({line}); check mirror and disk",
    ),
    lines(
        Weight.TELLS,
        r"Failed to run preseeded command|Execution of preseeded command",
        says="a command of our answers failed ({line}); its console log tells what led to it",
    ),
    lines(
        Weight.WARNS,
        r"Entering low memory mode",
        says="its memory is so small that the installer asks questions ({line});"
        " give the machine more memory",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"^(?:!! ERROR: )?Insufficient memory$",
        says="the installer needs more memory than there is ({line}); give the machine more memory",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.ENDS,
        r"^Prompt: '\?' for help",
        says="the installer asks a question that our answers leave open{title};"
        " answer it in the template",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.ENDS,
        r"Debootstrap Error",  # the next lines of its screen tell which
        says=_MIRROR,
    ),
    lines(
        Weight.ENDS,
        r"\[!!\]|^!! ERROR: |Installation step failed",
        says="the installer stopped at a question ({line}); its console log tells what led to it",
    ),
    lines(
        Weight.ENDS,
        r"^\[Press enter to continue\]",
        says="the installer stopped and waits for a key; its console log tells what led to it",
    ),
)
