"""Consoles of machines that gave up, in the words of firmware, loaders and kernels.

By what is broken: whose it is, words that the cause must hold, and the console.
"""

from orchestrator.model.verdict import Blame
from tests.unit.console_openings import DRIVER_BUG, IPXE, NOTHING, OFFERED

INFRA, CONFIG = Blame.INFRA, Blame.CONFIG

FIRMWARE = {
    "no DHCP offer (PXE ROM)": (
        INFRA,
        "no DHCP offer; check its cable, VLAN and DHCP reservation",
        "CLIENT MAC ADDR: 52 54 00 12 34 56\nDHCP.....\n"
        "PXE-E51: No DHCP or proxyDHCP offers were received.\nPXE-M0F: Exiting Intel Boot Agent.",
    ),
    "no DHCP offer (iPXE)": (
        INFRA,
        "no DHCP offer; check its cable",
        IPXE + "Configuring (net0 52:54:00:12:34:56).................. "
        "No configuration methods succeeded (http://ipxe.org/040ee119)\n" + NOTHING,
    ),
    "no DHCP offer (UEFI)": (
        INFRA,
        "no DHCP offer",
        ">>Start PXE over IPv4.\n  PXE-E18: Server response timeout.\n"
        'BdsDxe: failed to load Boot0002 "UEFI PXEv4 (MAC:525400123456)" from PciRoot(0x0): '
        "Not Found\n>>Start HTTP Boot over IPv4.....\n"
        "  Error: Could not retrieve NBP file size from HTTP server.\n"
        "BdsDxe: No bootable option or device was found.\n"
        "BdsDxe: Press any key to enter the Boot Manager Menu.",
    ),
    "no boot file in the offer": (
        INFRA,
        "names no boot file (PXE-E53",
        "PXE-E53: No boot filename received\n\nPXE-M0F: Exiting NVIDIA Boot Agent",
    ),
    "no boot file in the offer (iPXE)": (
        INFRA,
        "names no boot file; check the DHCP server's boot options",
        IPXE + "Configuring (net0 52:54:00:12:34:56)...... ok\n"
        "Nothing to boot: No such file or directory (https://ipxe.org/2d03e13b)\n" + NOTHING,
    ),
    "no cable": (
        INFRA,
        "no network link (PXE-E61: Media test failure, check cable)",
        "PXE-E61: Media test failure, check cable\nPXE-M0F: Exiting PXE ROM.\n"
        "No bootable device - insert boot disk and press any key",
    ),
    "TFTP without answer": (
        INFRA,
        "PXE-E32: TFTP open timeout); check the boot server's first stage",
        "CLIENT IP: 10.1.0.20  MASK: 255.255.255.0  DHCP IP: 10.1.0.10\nTFTP.\n"
        "PXE-E32: TFTP open timeout",
    ),
    "TFTP without the file": (
        INFRA,
        "PXE-T01: File not found",
        "TFTP.\nPXE-T01: File not found\nPXE-E3B: TFTP Error - File Not found\n"
        "PXE-M0F: Exiting Intel Boot Agent.\nReboot and Select proper Boot device",
    ),
    "HTTP not found": (
        INFRA,
        "could not fetch its file (http://10.0.2.2:8470/boot/linux... No such file or directory",
        IPXE + OFFERED + "http://10.0.2.2:8470/boot/ipxe... ok\n"
        "http://10.0.2.2:8470/boot/linux... No such file or directory "
        "(https://ipxe.org/2d0c613b)\n"
        "Could not boot: No such file or directory (https://ipxe.org/2d0c613b)\n" + NOTHING,
    ),
    "boot server down": (
        INFRA,
        "cannot reach the boot server",
        IPXE + OFFERED + "http://10.0.2.2:8470/boot/ipxe..................\n"
        "Connection timed out (http://ipxe.org/4c0a6035)\n"
        "Could not boot: Connection timed out (http://ipxe.org/4c0a6035)\n" + NOTHING,
    ),
    "boot script broken": (
        CONFIG,
        "does not understand our script",
        IPXE + OFFERED + "http://10.0.2.2:8470/boot/ipxe... ok\n"
        "Could not select: Exec format error (http://ipxe.org/2e008081)\niPXE> ",
    ),
    "nothing on the disk": (
        INFRA,
        "found nothing to boot; check its boot order",
        "SeaBIOS (version 1.16.2)\nBooting from Hard Disk...\n"
        "Boot failed: not a bootable disk\n\nNo bootable device.  Retrying in 60 seconds.",
    ),
    "Secure Boot": (
        INFRA,
        "switch Secure Boot off",
        'BdsDxe: failed to load Boot0002 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x3,0x0): '
        "Access Denied -- rejected probably by Secure Boot\n"
        "BdsDxe: No bootable option or device was found.",
    ),
    "GRUB without its disk": (
        INFRA,
        "GRUB does not find the installed system (error: no such device: 5f1be668-aeb1",
        "Booting from Hard Disk...\nGRUB loading.\nWelcome to GRUB!\n\n"
        "error: no such device: 5f1be668-aeb1-4af0-b6a4-2b3b151b3092.\n"
        "Entering rescue mode...\ngrub rescue> ",
    ),
    "root device lost": (
        INFRA,
        "does not find the root device (Gave up waiting for root file system device.",
        "Begin: Waiting for root file system ... Begin: Running /scripts/local-block ... done.\n"
        "Gave up waiting for root file system device.  Common problems:\n"
        " - Boot args (cat /proc/cmdline)\n"
        "   - Check rootdelay= (did the system wait long enough?)\n"
        " - Missing modules (cat /proc/modules; ls /dev)\n"
        "ALERT!  UUID=3caf26b5-4d08-43e0-8634-7573269c4f70 does not exist.  Dropping to a shell!"
        "\n\nBusyBox v1.35.0 (Debian 1:1.35.0-4) built-in shell (ash)\n(initramfs) ",
    ),
    "root device unknown": (
        INFRA,
        "does not find the root device ([    2.3] Kernel panic - not syncing: VFS",
        "[    2.3] Kernel panic - not syncing: VFS: Unable to mount root fs on "
        "unknown-block(0,0)\n[    2.3] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-18-amd64",
    ),
    "initrd broken": (
        INFRA,
        "its initrd is broken (Kernel panic - not syncing: No working init found.",
        "Kernel panic - not syncing: No working init found.  Try passing init= option to kernel.",
    ),
    "kernel panic": (
        INFRA,
        "its kernel panicked ([    9.1] Kernel panic - not syncing: Fatal machine check",
        "[    9.1] Kernel panic - not syncing: Fatal machine check\n"
        "[    9.1] ---[ end Kernel panic - not syncing: Fatal machine check ]---",
    ),
    "kernel crash": (
        INFRA,
        "its kernel crashed ([    4.101] BUG: unable to handle page fault",
        DRIVER_BUG + "[    4.110] Kernel panic - not syncing: Fatal exception in interrupt",
    ),
    "Xen panic": (
        INFRA,
        "its kernel panicked ((XEN) Panic on CPU 0:)",
        "(XEN) ****************************************\n(XEN) Panic on CPU 0:\n"
        "(XEN) FATAL PAGE FAULT\n(XEN) ****************************************",
    ),
    "Xen without its domain 0": (
        INFRA,
        "Xen could not start its domain 0 ((XEN) Could not construct domain 0)",
        "(XEN) ****************************************\n(XEN) Panic on CPU 0:\n"
        "(XEN) Could not construct domain 0\n(XEN) ****************************************",
    ),
    "out of memory": (
        INFRA,
        "ran out of memory ([  208.0] Out of memory and no killable processes...)",
        "[  208.0] Out of memory and no killable processes...\n"
        "[  208.1] Kernel panic - not syncing: System is deadlocked on memory",
    ),
    "failing disk": (
        INFRA,
        "its disk fails ([   71.2] I/O error, dev sda, sector 2048",
        "[   71.2] I/O error, dev sda, sector 2048 op 0x1:(WRITE) flags 0x800 phys_seg 1\n"
        "!! ERROR: Failed to create a file system\n[Press enter to continue]",
    ),
    "emergency mode": (
        INFRA,
        "misses a file system ([DEPEND] Dependency failed for Local File Systems.)",
        "[FAILED] Failed to mount srv.mount - /srv.\n"
        "[DEPEND] Dependency failed for Local File Systems.\n"
        'You are in emergency mode. After logging in, type "journalctl -xb" to view\n'
        'system logs, "systemctl reboot" to reboot, or "exit"\nto boot into default mode.\n\n'
        "Cannot open access to console, the root account is locked.",
    ),
    "an image that is none": (
        INFRA,
        "could not start what it fetched (Could not boot image: Input/output error",
        IPXE + OFFERED + "http://10.0.2.2:8470/boot/ipxe... ok\n"
        "Could not boot image: Input/output error (https://ipxe.org/1a852039)\n" + NOTHING,
    ),
    "a shell in the initrd": (
        INFRA,
        "stopped at the prompt of its initrd",
        "BusyBox v1.35.0 (Debian 1:1.35.0-4) built-in shell (ash)\n(initramfs) ",
    ),
    "an initrd that arrived in part": (
        INFRA,
        "its initrd is broken ([    0.8] Initramfs unpacking failed: read error)",
        "[    0.8] Initramfs unpacking failed: read error\n"
        "[    2.3] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00",
    ),
    "failing memory": (
        INFRA,
        "its hardware reports an error ([    8.8] mce: [Hardware Error]: CPU 3",
        "[    8.8] mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 8\n"
        "[    9.1] Kernel panic - not syncing: Fatal machine check",
    ),
    "a loader's prompt": (
        INFRA,
        "GRUB stopped at its prompt",
        "Booting from Hard Disk...\nGRUB loading.\n"
        "Minimal BASH-like line editing is supported.\ngrub> ",
    ),
    "a file that UEFI does not get": (
        INFRA,
        "got no boot file (PXE-E23: Client received TFTP error from server.)",
        ">>Start PXE over IPv4.\n  Station IP address is 10.0.2.15\n  NBP filename is ipxe.efi\n"
        "  NBP filesize is 0 Bytes\n  PXE-E23: Client received TFTP error from server.\n"
        "BdsDxe: No bootable option or device was found.",
    ),
    "emergency mode without a reason": (
        INFRA,
        "stopped in emergency mode",
        'You are in emergency mode. After logging in, type "journalctl -xb" to view',
    ),
}

#: what no longer is the end once nobody waits: (words that the sentence must hold, console)
LATE = {
    "a disk smaller than its image": (
        "its disk is smaller than what was installed on it ([    9.2] EXT4-fs (vda1): bad geometry",
        "[    9.2] EXT4-fs (vda1): bad geometry: block count 2096896 exceeds size of device "
        "(76544 blocks)",
    ),
    "a task that hangs": (
        "it hangs ([  363.5] INFO: task kworker/u2:1:27 blocked for more than 120 seconds.)",
        "[  363.5] INFO: task kworker/u2:1:27 blocked for more than 120 seconds.\n"
        "[  363.5]       Not tainted 6.1.0-18-amd64 #1 Debian 6.1.76-1",
    ),
    "a processor that hangs": (
        "it hangs",
        "[  301.0] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [modprobe:180]",
    ),
    "a firmware that tries for ever": (
        "no DHCP offer",
        ">>Start PXE over IPv4.\n  PXE-E16: No valid offer received.",
    ),
    "an initrd without an offer": (
        "its initrd got no DHCP offer (IP-Config: no response after 60 secs - giving up)",
        "IP-Config: eth0 hardware address 52:54:00:12:34:56 mtu 1500 DHCP\n"
        "IP-Config: no response after 60 secs - giving up",
    ),
    "a card without link": (
        "no network link",
        "Waiting for link-up on net0................. Down (https://ipxe.org/38086193)",
    ),
}
