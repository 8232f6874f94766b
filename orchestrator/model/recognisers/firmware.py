"""What firmware, PXE option ROMs and network loaders say: SeaBIOS, EDK II, iPXE, PXELINUX."""

from orchestrator.model.recognisers.recogniser import Weight, lines
from orchestrator.model.verdict import Blame

_NO_OFFER = "got no DHCP offer; check its cable, VLAN and DHCP reservation"
_NO_NAME = "its DHCP offer names no boot file"
_OPTIONS = "check the DHCP server's boot options for this machine"
_NO_LINK = "has no network link ({line}); check its cable and switch port"
_NO_FILE = "could not fetch its file ({line}); check the image on the boot server"

#: the machine got on
LIFE = (
    r"\.{3,} *ok$",  # iPXE: Configuring (net1 52:54:00:12:34:56)...... ok
    r"NBP file downloaded successfully|BdsDxe: starting ",
    r"^(?:SeaBIOS|Lab BIOS)",
)

#: it begins
START = r"^(?:SeaBIOS \(|Lab BIOS|iPXE initialising devices|UEFI firmware \()|^(?:AMIBIOS|Phoenix )"

FIRMWARE = (
    lines(
        Weight.TELLS,
        r"PXE-E5[12]",
        says=f"the firmware {_NO_OFFER}",
    ),
    lines(
        Weight.TELLS,
        r"PXE-E5[345]",
        says=f"{_NO_NAME} ({{line}}); {_OPTIONS}",
    ),
    lines(
        Weight.WARNS,
        r"PXE-E1[68]: ",
        r"No ?configuration ?methods ?succeeded",
        says=f"the firmware {_NO_OFFER}",
    ),
    lines(
        Weight.WARNS,
        r"PXE-E61|PXE-E12: Could not detect",
        r"Link status: (?:Down|Unknown)|link-up on net\d+\.+ Down",
        says=f"the firmware {_NO_LINK}",
    ),
    lines(
        Weight.TELLS,
        r"PXE-E3[2-9B]|PXE-T\d\d|TFTP open timeout",
        says="the firmware got no file by TFTP ({line}); check the boot server's first stage",
    ),
    lines(
        Weight.WARNS,
        r"PXE-E(?:11|2[1-9]|99): ",
        r"Could not retrieve NBP file size from HTTP server",
        says="the firmware got no boot file ({line}); check the boot server's first stage",
    ),
    lines(
        Weight.WARNS,
        r"Nothing to boot: ",
        says=f"{_NO_NAME}; {_OPTIONS}",
    ),
    lines(
        Weight.WARNS,
        r"rejected probably by Secure Boot|bad shim signature|has invalid signature",
        r"Verification failed: .*Security Violation",
        says="Secure Boot refused the loader ({line}); switch Secure Boot off on this machine",
    ),
    lines(
        Weight.WARNS,
        r"command not found \(script line|^Could not select: |Exec format error \(https?://ipxe",
        says="the loader does not understand our script ({line}); mend the script's template",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.WARNS,
        r"(?:No such file or director\w*|Not found|Permission denied)\b.*\(https?://ipxe\.org/",
        r"(?:https?|tftp)://\S+?\.{3,}.*(?:No ?such ?file|Not ?found|Permission ?denied)",
        r"Could not find kernel image|Failed to load ldlinux|Unable to locate configuration file",
        says=f"the loader {_NO_FILE}",
    ),
    lines(
        Weight.WARNS,
        r"(?:Connection (?:timed out|reset|refused)|(?:Host|Network) unreachable).*ipxe\.org",
        r"(?:https?|tftp)://\S+?\.{3,}.*(?:Connection ?(?:timed ?out|reset|refused)|Error)",
        r"^Connection timed out$",
        says="the loader cannot reach the boot server ({line}); check address, route and firewall",
    ),
    lines(
        Weight.WARNS,
        r"^Could not boot(?: image)?: ",
        says="the loader could not start what it fetched ({line}); check the image's files",
    ),
    lines(
        Weight.ENDS,
        r"No bootable (?:device|option)|Reboot and Select proper Boot device|^iPXE>|^Shell>",
        r"Press any key to enter the Boot Manager Menu|Operating system not found",
        says="it found nothing to boot; check its boot order and that the network boot was taken",
    ),
)
