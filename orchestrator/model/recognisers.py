"""The lines by which firmware, loaders, installers and kernels tell why a machine will not arrive.

Written after what SeaBIOS, iPXE, EDK II, PXE option ROMs, GRUB, Linux, initramfs-tools, systemd
and Debian's installer (text and newt frontend) print. All patterns ignore case.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.model.verdict import Blame


class Weight(StrEnum):
    """What a line says about the rest of this boot."""

    #: something failed that another network card, mirror or try may still make good
    WARNS = "warns"
    #: the machine gave up, and the line says why
    TELLS = "tells"
    #: the machine gave up; why was said before, if at all
    ENDS = "ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """Lines that mean the same, and what they mean; `{line}` in the sentence is the line."""

    pattern: re.Pattern[str]
    weight: Weight
    blame: Blame
    sentence: str


def _lines(weight: Weight, *patterns: str, says: str, blame: Blame = Blame.INFRA) -> Recogniser:
    known = re.compile("|".join(patterns), re.IGNORECASE)
    return Recogniser(pattern=known, weight=weight, blame=blame, sentence=says)


_NO_OFFER = "got no DHCP offer; check its cable, VLAN and DHCP reservation"
_NO_NAME = "its DHCP offer names no boot file"
_OPTIONS = "check the DHCP server's boot options for this machine"
_NO_LINK = "has no network link ({line}); check its cable and switch port"
_NO_FILE = "could not fetch its file ({line}); check the image on the boot server"
_PARTITIONS = "the installer could not partition the disk ({line}); check it against the recipe"
_MIRROR = "the installer cannot use its mirror ({line}); check that it is up and reachable"
_ANSWERS = "the installer refused our answers ({line}); mend the answer template of this image"

_NETWORK_BOOT = (
    _lines(
        Weight.TELLS,
        r"PXE-E5[12]",
        says=f"the firmware {_NO_OFFER}",
    ),
    _lines(
        Weight.TELLS,
        r"PXE-E5[345]",
        says=f"{_NO_NAME} ({{line}}); {_OPTIONS}",
    ),
    _lines(
        Weight.WARNS,
        r"PXE-E1[68]: ",
        r"No configuration methods succeeded",
        says=f"the firmware {_NO_OFFER}",
    ),
    _lines(
        Weight.WARNS,
        r"PXE-E61|PXE-E12: Could not detect",
        r"Link status: (?:Down|Unknown)|link-up on net\d+\.+ Down",
        says=f"the firmware {_NO_LINK}",
    ),
    _lines(
        Weight.TELLS,
        r"PXE-E3[2-9B]|PXE-T\d\d|TFTP open timeout",
        says="the firmware got no file by TFTP ({line}); check the boot server's first stage",
    ),
    _lines(
        Weight.WARNS,
        r"PXE-E(?:11|2[1-9]|99): ",
        r"Could not retrieve NBP file size from HTTP server",
        says="the firmware got no boot file ({line}); check the boot server's first stage",
    ),
    _lines(
        Weight.WARNS,
        r"Nothing to boot: ",
        says=f"{_NO_NAME}; {_OPTIONS}",
    ),
    _lines(
        Weight.WARNS,
        r"rejected probably by Secure Boot|bad shim signature|has invalid signature",
        r"Verification failed: .*Security Violation",
        says="Secure Boot refused the loader ({line}); switch Secure Boot off on this machine",
    ),
    _lines(
        Weight.WARNS,
        r"command not found \(script line|^Could not select: |Exec format error \(https?://ipxe",
        says="the loader does not understand our script ({line}); mend the script's template",
        blame=Blame.CONFIG,
    ),
    _lines(
        Weight.WARNS,
        r"(?:No such file or director\w*|Not found|Permission denied)\b.*\(https?://ipxe\.org/",
        r"(?:https?|tftp)://\S+?\.{3,} *(?:No such file|Not found|Permission denied)",
        r"Could not find kernel image|Failed to load ldlinux|Unable to locate configuration file",
        says=f"the loader {_NO_FILE}",
    ),
    _lines(
        Weight.WARNS,
        r"(?:Connection (?:timed out|reset|refused)|(?:Host|Network) unreachable).*ipxe\.org",
        r"(?:https?|tftp)://\S+?\.{3,} *(?:Connection (?:timed out|reset|refused)|Error)",
        r"^Connection timed out$",
        says="the loader cannot reach the boot server ({line}); check address, route and firewall",
    ),
    _lines(
        Weight.WARNS,
        r"^Could not boot(?: image)?: ",
        says="the loader could not start what it fetched ({line}); check the image's files",
    ),
    _lines(
        Weight.ENDS,
        r"No bootable (?:device|option)|Reboot and Select proper Boot device|^iPXE>|^Shell>",
        r"Press any key to enter the Boot Manager Menu|Operating system not found",
        says="it found nothing to boot; check its boot order and that the network boot was taken",
    ),
)

_LOADER_AND_KERNEL = (
    _lines(
        Weight.TELLS,
        r"Gave up waiting for root|Unable to mount root fs|Cannot open root device",
        r"ALERT! .* does not exist|Unable to find a medium containing a live file system",
        says="its kernel does not find the root device ({line}); check disk, driver and initrd",
    ),
    _lines(
        Weight.TELLS,
        r"not syncing: (?:No working init|Requested init)",
        says="its initrd is broken ({line}); check the image's files against their checksums",
    ),
    _lines(
        Weight.ENDS,
        r"Kernel panic - not syncing|\(XEN\) Panic on CPU",
        says="its kernel panicked ({line}); test the machine's memory and disk",
    ),
    _lines(
        Weight.WARNS,
        r"^error: .*(?:no such (?:device|partition|disk)|unknown filesystem|outside of disk)",
        r"^error: .*(?:you need to load the kernel first|vmlinuz\S* not found|normal\.mod)",
        says="GRUB does not find the installed system ({line}); test the disk, and reinstall",
    ),
    _lines(
        Weight.ENDS,
        r"^grub(?: rescue)?>",
        says="GRUB stopped at its prompt; test the disk, and reinstall",
    ),
    _lines(
        Weight.WARNS,
        r"Initramfs unpack(?:ing)? failed|junk (?:in|within) compressed archive",
        says="its initrd is broken ({line}); check the image's files against their checksums",
    ),
    _lines(
        Weight.WARNS,
        r"Out of memory(?:: Kill| and no killable)|invoked oom-killer",
        says="it ran out of memory ({line}); give it more, or a smaller role",
    ),
    _lines(
        Weight.WARNS,
        r"I/O error, dev (?:sd|vd|xvd|nvme)|critical medium error|EXT4-fs error \(device",
        r"Buffer I/O error on dev(?:ice)? (?:sd|vd|xvd|nvme|dm)|Remounting filesystem read-only",
        says="its disk fails ({line}); test and replace the disk",
    ),
    _lines(
        Weight.WARNS,
        r"\[Hardware Error\]|Machine check (?:exception|events logged)|EDAC .* UE ",
        says="its hardware reports an error ({line}); test the machine's memory and processor",
    ),
    _lines(
        Weight.WARNS,
        r"BUG: soft lockup|blocked for more than \d+ seconds|detected stalls? on|self-detected st",
        r"NETDEV WATCHDOG|hard LOCKUP",
        says="it hangs ({line}); test the machine's disk, network card and firmware",
    ),
    _lines(
        Weight.WARNS,
        r"BUG: unable to handle|Oops: |general protection fault|kernel BUG at ",
        says="its kernel crashed ({line}); test the machine's memory, or another kernel",
    ),
    _lines(
        Weight.ENDS,
        r"^\(initramfs\)",
        says="it stopped at the prompt of its initrd; its console log tells what led to it",
    ),
    _lines(
        Weight.WARNS,
        r"Timed out waiting for device |Dependency failed for .*(?:File Systems|/)",
        says="the installed system misses a file system ({line}); check disk and partitions",
    ),
    _lines(
        Weight.ENDS,
        r"You are in (?:emergency|rescue) mode|Give root password for maintenance",
        r"Cannot open access to console, the root account is locked",
        says="the installed system stopped in emergency mode; its console log tells why",
    ),
)

_INSTALLER = (
    _lines(
        Weight.WARNS,
        r"No space left on device|not enough free (?:disk )?space|file system is full",
        says="its disk is full; check the partition recipe against the disk's size",
    ),
    _lines(
        Weight.TELLS,
        r"failed to retrieve the preconfiguration file",
        r"file needed for preconfiguration could not be retrieved",
        says="the installer could not fetch its answers; check that it reaches the boot server",
    ),
    _lines(
        Weight.TELLS,
        r"preconfiguration error|failed to process the preconfiguration|preseed\.cfg,? line \d+",
        r"^!! ERROR: (?:Invalid|Malformed|Reserved|Checksum)|Invalid hostname$",
        says=_ANSWERS,
        blame=Blame.CONFIG,
    ),
    _lines(
        Weight.TELLS,
        r"Password input error|entered an empty password|passwords you entered were not the same",
        r"^(?:Root password|Re-enter password to verify|Choose a password for\b.*):$",
        says="the installer asks for a password ({line}); answer it in the image's template",
        blame=Blame.CONFIG,
    ),
    _lines(
        Weight.TELLS,
        r"Network autoconfiguration failed",
        says=f"the installer {_NO_OFFER}",
    ),
    _lines(
        Weight.TELLS,
        r"No (?:Ethernet card|network interfaces?)(?: was| were)? detected",
        says="the installer finds no network card ({line}); check card, driver and firmware",
    ),
    _lines(
        Weight.TELLS,
        r"No kernel modules (?:were )?found",
        says="the installer's kernel is not the mirror's; fetch both kernel and initrd anew",
        blame=Blame.CONFIG,
    ),
    _lines(
        Weight.TELLS,
        r"Bad archive mirror|detected while trying to use the specified .* archive mirror",
        r"Downloading a file failed|Debootstrap Error|Failed to determine the codename",
        r"Cannot (?:access repository|install base system)|Failed to load installer component",
        says=_MIRROR,
    ),
    _lines(
        Weight.TELLS,
        r"No disk drive was detected|No partitionable media",
        says="the installer finds no disk; check disk, controller and its driver",
    ),
    _lines(
        Weight.TELLS,
        r"selected recipe does not contain|No root file system",
        says=_PARTITIONS,
        blame=Blame.CONFIG,
    ),
    _lines(
        Weight.TELLS,
        r"Failed to (?:partition the selected disk|create a file system)|Partition(?:s)? in use",
        r"error while creating (?:volume|a new logical)|Volume group name already in use",
        r"file system creation in .* failed",
        r"attempt to mount a file system with type .* failed",
        says=_PARTITIONS,
    ),
    _lines(
        Weight.TELLS,
        r"Unable to (?:install|configure) GRUB|grub-install.*failed|GRUB installation failed",
        says="GRUB could not be installed ({line}); test the disk, and free the firmware's memory",
    ),
    _lines(
        Weight.TELLS,
        r"Unable to install the (?:selected )?kernel|Unable to install (?:linux-image|busybox)",
        r"Base system installation error|Failed to install the base system|debootstrap program ex",
        says="the installer could not install the base system ({line}); check mirror and disk",
    ),
    _lines(
        Weight.TELLS,
        r"Failed to run preseeded command|Execution of preseeded command",
        says="a command of our answers failed ({line}); its console log tells what led to it",
    ),
    _lines(
        Weight.ENDS,
        r"^Prompt: '\?' for help",
        says="the installer asks a question that our answers leave open; answer it in the template",
        blame=Blame.CONFIG,
    ),
    _lines(
        Weight.ENDS,
        r"\[!!\]|^!! ERROR: |Installation step failed",
        says="the installer stopped at a question ({line}); its console log tells what led to it",
    ),
    _lines(
        Weight.ENDS,
        r"^\[Press enter to continue\]",
        says="the installer stopped and waits for a key; its console log tells what led to it",
    ),
)

#: the first that matches a line says what it means
RECOGNISERS = (*_NETWORK_BOOT, *_LOADER_AND_KERNEL, *_INSTALLER)

#: lines by which a machine shows that it got on: whatever failed before was made good
LIFE = re.compile(
    r"\.{3,} ?ok$"  # iPXE: Configuring (net1 52:54:00:12:34:56)...... ok
    r"|\.{3,} ?\d+%"  # the installer: Installing the base system  ... 0%... 17%
    r"|^\[\*\] "
    r"|NBP file downloaded successfully|BdsDxe: starting "
    r"|^(?:SeaBIOS|Lab BIOS|GRUB loading|Welcome to GRUB|Linux version )"
    r"|\] Linux version \d|login:$"
    r"|Requesting system reboot|reboot: Restarting system",
    re.IGNORECASE,
)
