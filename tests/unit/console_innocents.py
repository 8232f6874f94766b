"""Consoles of machines that get on, whatever they complain about."""

from tests.unit.console_openings import INSTALLING, IPXE, OFFERED

INNOCENT = {
    "an install (text frontend)": "error: no suitable video mode found.\nBooting in blind mode\n"
    + INSTALLING
    + """\
Guided partitioning  ... 20%... 40%... 60%... 80%... 100%
Partitions formatting  ... 33%
Partitions formatting
Installing the base system  ... 0%... 17%... 20%... 79%... 83%... 91%... 100%
Configuring apt  ... 5%... 11%... 50%... 94%... 100%
Select and install software  ... 1%... 10%... 50%... 90%... 100%
Installing GRUB boot loader  ... 16%... 33%... 50%... 66%... 83%... 100%
The system is going down NOW!.. 3%... 10%... 50%... 80%... 90%
Sent SIGTERM to all processes
Sent SIGKILL to all processes
Requesting system reboot
[  127.608710] reboot: Restarting system
""",
    "the second network card gets an offer": IPXE
    + """\
Configuring (net0 98:03:9b:a8:60:88).................. \
No configuration methods succeeded (http://ipxe.org/040ee186)
Configuring (net1 b4:2e:99:be:1a:37)...... ok
net1: 10.0.2.15/255.255.255.0 gw 10.0.2.2
""",
    "a link that comes up late": """\
net0: 08:00:27:62:7c:4d using 82540em on PCI00:03.0 (open)
  [Link:down, TX:0 TXE:0 RX:0 RXE:0]
  [Link status: Down (http://ipxe.org/38086101)]
  [TXE: 1 x "Network unreachable (http://ipxe.org/28086090)"]
Waiting for link-up on net0... ok
""",
    "scripts looked for by name": """\
http://10.17.49.47/pxe/boot.ipxe... ok
hostname-vrt-21-0026.ipxe... No such file or directory (http://ipxe.org/2d0c618e)
uuid-724b0342-75fe-ebfa-7cc7-ac3d83d444b3.ipxe... No such file or directory (http://ipxe.org/2d0c618e)
mac-0050568368e3.ipxe... ok
""",
    "an empty disk before the network": """\
SeaBIOS (version 1.16.2-debian-1.16.2-1)
Booting from Hard Disk...
Boot failed: not a bootable disk

Booting from ROM...
iPXE (PCI 00:03.0) starting execution...ok
iPXE initialising devices...ok
"""
    + OFFERED,
    "IPv6 before IPv4": """\
>>Start PXE over IPv6.
  PXE-E16: No valid offer received.
BdsDxe: failed to load Boot0003 "UEFI PXEv6 (MAC:525400123456)" from PciRoot(0x0): Not Found
>>Start PXE over IPv4.
  Station IP address is 10.0.2.15
  Server IP address is 10.0.2.2
  NBP filename is ipxe.efi
  NBP filesize is 1026560 Bytes
 Downloading NBP file...
  NBP file downloaded successfully.
BdsDxe: starting Boot0002 "UEFI PXEv4 (MAC:525400123456)" from PciRoot(0x0)
""",
    "a kernel with its usual complaints": """\
GRUB loading.
Welcome to GRUB!
error: no suitable video mode found.
[    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)
[    0.000000] Command line: BOOT_IMAGE=/vmlinuz root=/dev/vda1 panic=-1 oops=panic quiet
[    0.84] Initramfs unpacking failed: Decoding failed
[    1.02] blk_update_request: I/O error, dev fd0, sector 0 op 0x0:(READ)
Gave up waiting for suspend/resume device
[    3.10] EXT4-fs (vda1): mounted filesystem with ordered data mode. Quota mode: none.
[FAILED] Failed to start rng-tools.service - Hardware RNG Entropy Gatherer Daemon.
[  OK  ] Started ssh.service - OpenBSD Secure Shell server.

Debian GNU/Linux 12 n04 ttyS0

n04 login:
""",
    "a simulated machine": """\
[console connected]
Lab BIOS 1.0
Memory test: 65536 MB OK. Boot device: network
PXE ROM, client MAC 52:54:00:41:00:04
iPXE 1.21.1 -- Open Source Network Boot Firmware -- https://ipxe.org
net0: 52:54:00:41:00:04 using virtio-net
Configuring (net0 52:54:00:41:00:04)...... ok
http://127.0.0.1:8470/boot/ipxe... ok
n04: installing debian-12 for 2/kvm-flat/1
http://127.0.0.1:8470/boot/linux... ok
Debian GNU/Linux installer
Command line: initrd=initrd.gz auto=true preseed/url=http://127.0.0.1:8470/preseed.cfg quiet
[*] Download debconf preconfiguration file...
[*] Installing the base system...
[*] Running preseed command preseed/late_command...
The system is going down NOW!
Requesting system reboot
Lab BIOS 1.0
Memory test: 65536 MB OK. Boot device: disk
GRUB loading.
Linux version 6.1.0-amd64 (debian-kernel@lists.debian.org)
[  OK  ] Started ssh.service - OpenBSD Secure Shell server.
Debian GNU/Linux 12 n04 ttyS0
n04 login:
""",
}
