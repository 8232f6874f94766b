"""How consoles begin, before anything goes wrong."""

IPXE = """\
SeaBIOS (version 1.16.2-debian-1.16.2-1)
iPXE (https://ipxe.org) 00:03.0 CA00 PCI2.10 PnP PMM+1EFD1080+1EF31080 CA00
Press Ctrl-B to configure iPXE (PCI 00:03.0)...
Booting from ROM...
iPXE (PCI 00:03.0) starting execution...ok
iPXE initialising devices...ok
iPXE 1.21.1+git-20220113.fbbdc3926+dfsg-5 -- Open Source Network Boot Firmware -- https://ipxe.org
Features: DNS HTTP HTTPS iSCSI NFS TFTP VLAN SRP AoE ELF MBOOT PXE bzImage Menu PXEXT
net0: 52:54:00:12:34:56 using virtio-net on 0000:00:03.0 (Ethernet) [open]
  [Link:up, TX:0 TXE:0 RX:0 RXE:0]
"""
OFFERED = """\
Configuring (net0 52:54:00:12:34:56)...... ok
net0: 10.0.2.15/255.255.255.0 gw 10.0.2.2
Next server: 10.0.2.2
Filename: http://10.0.2.2:8470/boot/ipxe
"""
NOTHING = """\
No more network devices
Booting from Hard Disk...
Boot failed: not a bootable disk
No bootable device.
"""
INSTALLING = """\
Starting system log daemon: syslogd, klogd.
Loading additional components  ... 0%... 10%... 50%... 90%... 100%
Detecting network hardware  ... 2%... 95%... 100%
Setting up the clock  ... 0%
Detecting disks and all other hardware  ... 2%... 95%... 100%
Starting up the partitioner  ... 4%... 13%... 52%... 91%... 100%
"""
DRIVER_BUG = """\
[    4.101] BUG: unable to handle page fault for address: ffffa0b0
[    4.102] Oops: 0000 [#1] PREEMPT SMP NOPTI
"""
