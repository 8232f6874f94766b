"""Consoles of machines that gave up, in the words of Debian's installer.

By what is broken: whose it is, words that the cause must hold, and the console.
"""

from orchestrator.model.verdict import Blame
from tests.unit.console_openings import INSTALLING

INFRA, CONFIG = Blame.INFRA, Blame.CONFIG

INSTALLER = {
    "no DHCP offer (installer)": (
        INFRA,
        "the installer got no DHCP offer",
        INSTALLING + "Configuring the network with DHCP  ... 100%\nConfigure the network\n"
        "---------------------\n\n!! ERROR: Network autoconfiguration failed\n\n"
        "Your network is probably not using the DHCP protocol. Alternatively, the DHCP\n"
        "server may be slow or some network hardware is not working properly.\n"
        "[Press enter to continue]",
    ),
    "answers not fetched": (
        INFRA,
        "could not fetch its answers",
        "Download debconf preconfiguration file\n--------------------------------------\n\n"
        "!! ERROR: Failed to retrieve the preconfiguration file\n\n"
        "The file needed for preconfiguration could not be retrieved from\n"
        "http://10.0.2.2:8470/boot/preseed.cfg. The installation will proceed in\n"
        "non-automated mode.\n[Press enter to continue]",
    ),
    "answers broken": (
        CONFIG,
        "refused our answers (!! ERROR: Failed to process the preconfiguration file",
        "!! ERROR: Failed to process the preconfiguration file\n\n"
        "The installer failed to process the preconfiguration file from\n"
        "http://10.0.2.2:8470/boot/preseed.cfg. The file may be corrupt.\n"
        "[Press enter to continue]",
    ),
    "an answer missing": (
        CONFIG,
        "a question that our answers leave open",
        INSTALLING + "Partition disks\n---------------\n\nPartitioning method:\n"
        "  1: Guided - use entire disk [*]\n  2: Manual\nPrompt: '?' for help, default=1> ",
    ),
    "the root password missing": (
        CONFIG,
        "asks for a password (Root password:); answer it",
        "Set up users and passwords\n--------------------------\n\n"
        "You need to set a password for 'root', the system administrative account.\n"
        "Root password:",
    ),
    "passwords that differ": (
        CONFIG,
        "asks for a password",
        "!! ERROR: Password input error\n\nThe two passwords you entered were not the same. "
        "Please try again.\n[Press enter to continue]",
    ),
    "mirror unreachable": (
        INFRA,
        "cannot use its mirror (!! ERROR: Bad archive mirror); check that it is up",
        "Checking the Debian archive mirror  ... 0%... 50%\n"
        "Choose a mirror of the Debian archive\n-------------------------------------\n\n"
        "!! ERROR: Bad archive mirror\n\n"
        "An error has been detected while trying to use the specified Debian archive\nmirror.\n"
        "[Press enter to continue]\nDebian archive mirror country:\n"
        "Prompt: '?' for help, default=1> ",
    ),
    "mirror broken": (
        INFRA,
        "cannot use its mirror (Failed to determine the codename for the release.)",
        "[!!] Install the base system\nDebootstrap Error\n"
        "Failed to determine the codename for the release.\n<Go Back>  <Continue>",
    ),
    "no such package": (
        CONFIG,
        "has no such package (Couldn't find these debs: no-such-package); mend the `packages`",
        "!! ERROR: Debootstrap Error\n---------------------------\n"
        "Couldn't find these debs: no-such-package\n"
        "Check /var/log/syslog or see virtual console 4 for the details.\n"
        "[Press enter to continue]",
    ),
    "installer older than the mirror": (
        CONFIG,
        "fetch both kernel and initrd anew",
        "[!!] Download installer components\nNo kernel modules were found. This probably is due "
        "to a mismatch between the\nkernel used by this version of the installer",
    ),
    "no disk": (
        INFRA,
        "finds no disk; check disk, controller",
        "Detect disks\n------------\n\nNo disk drive was detected. If you know the name of the "
        "driver needed by your\ndisk drive, you can select it from the list.\n"
        "Driver needed for your disk drive:\n  1: continue with no disk drive,\n"
        "Prompt: '?' for help, default=1> ",
    ),
    "disk too small for the recipe": (
        INFRA,
        "could not partition the disk (!! ERROR: Failed to partition the selected disk)",
        INSTALLING + "Partition disks\n---------------\n\n"
        "!! ERROR: Failed to partition the selected disk\n\n"
        "This probably happened because the selected disk or free space is too small to\n"
        "be automatically partitioned.\n[Press enter to continue]",
    ),
    "recipe without a root": (
        CONFIG,
        "could not partition the disk (!! ERROR: No root file system)",
        "!! ERROR: No root file system\n\nNo root file system is defined.\n\n"
        "Please correct this from the partitioning menu.\n[Press enter to continue]",
    ),
    "disk full": (
        INFRA,
        "its disk is full",
        "Installing the base system  ... 0%... 17%... 20%\n"
        "dpkg: error processing archive: cannot copy extracted data: No space left on device\n"
        "Install the base system\n-----------------------\n\n"
        "!! ERROR: Base system installation error\n\n"
        "The debootstrap program exited with an error (return value 1).",
    ),
    "GRUB not installed": (
        INFRA,
        "GRUB could not be installed",
        "Installing GRUB boot loader  ... 16%... 33%... 50%\n"
        "!! ERROR: Unable to install GRUB in /dev/vda\n\n"
        "Executing 'grub-install /dev/vda' failed.\n\nThis is a fatal error.\n"
        "[Press enter to continue]",
    ),
    "a step that failed": (
        INFRA,
        "stopped at a question (!! ERROR: Installation step failed)",
        "Select and install software  ... 10%... 20%... 90%\nSelect and install software\n"
        "---------------------------\n\n!! ERROR: Installation step failed\n\n"
        "An installation step failed. You can try to run the failing item again from the\n"
        "menu, or skip it and choose something else. The failing step is: Select and\n"
        "install software\n[Press enter to continue]",
    ),
    "late command": (
        INFRA,
        "a command of our answers failed",
        "Running preseed...  ... 50%\n!! ERROR: Failed to run preseeded command\n\n"
        'Execution of preseeded command "in-target sh /tmp/late" failed with exit code 4.',
    ),
    "no network card": (
        INFRA,
        "finds no network card",
        "[!!] Detect network hardware\nNo Ethernet card was detected. If you know the name of the "
        "driver needed by\nyour Ethernet card, you can select it from the list.",
    ),
    "base system not installed": (
        INFRA,
        "could not install the base system",
        "!! ERROR: Base system installation error\n\n"
        "The debootstrap program exited with an error (return value 1).",
    ),
    "too little memory": (
        CONFIG,
        "the installer asks questions (Entering low memory mode); give the machine more memory",
        "Low memory mode\n---------------\n\nEntering low memory mode\n\n"
        "This system has relatively little free memory, so the installer will enter low\n"
        "memory mode.\n[Press enter to continue]",
    ),
    "far too little memory": (
        CONFIG,
        "needs more memory than there is (!! ERROR: Insufficient memory); give the machine",
        "!! ERROR: Insufficient memory\n\nThis system does not have enough memory for the "
        "installation program to function\nproperly.\n[Press enter to continue]",
    ),
    "a key is waited for": (INFRA, "waits for a key", "Low memory mode\n[Press enter to continue]"),
}
