"""What is said between the loader on the disk and the login: GRUB, Xen, Linux, initrd, systemd."""

from orchestrator.model.recognisers.recogniser import Weight, lines

#: it will be reset because the system there asked for it
RESTARTS = r"Requesting system reboot|reboot: Restarting system"

#: a loader or a kernel on the disk begins, or the system there is up
DISK = r"^(?:GRUB loading|Welcome to GRUB|Linux version )|\] Linux version \d|\blogin:(?:$| \[)"

#: the machine got on
LIFE = (
    r"^(?:GRUB loading|Welcome to GRUB|Linux version )|\] Linux version \d",
    r"^IP-Config: \S+ complete",  # its first tries are short
    r"\(XEN\) Xen version ",
    r"\blogin:(?:$| \[)",  # the kernel may talk on behind the prompt
    RESTARTS,
)

XEN = (
    lines(
        Weight.TELLS,
        r"\(XEN\) Hardware Dom\d+ crashed|\(XEN\) Domain 0 \(vcpu#\d+\) crashed",
        says="Xen's domain 0 crashed ({line}); give Xen the option smap=0 if a QEMU before 9.1"
        " emulates the machine, and test its memory else",
    ),
    lines(
        Weight.TELLS,
        r"^error: no multiboot header found",
        says="GRUB cannot read Xen ({line}); give GRUB its module gzio, and reinstall",
    ),
    lines(
        Weight.TELLS,
        r"Could not construct (?:domain 0|dom0)|Could not set up DOM0 guest OS",
        r"dom0 kernel not specified|Not enough memory to relocate",
        says="Xen could not start its domain 0 ({line}); check GRUB's entry and dom0_mem",
    ),
)

SYSTEM = (
    lines(
        Weight.TELLS,
        r"Gave up waiting for root|Unable to mount root fs|Cannot open root device",
        r"ALERT! .* does not exist|Unable to find a medium containing a live file system",
        says="its kernel does not find the root device ({line}); check disk, driver and initrd",
    ),
    lines(
        Weight.TELLS,
        r"not syncing: (?:No working init|Requested init)",
        says="its initrd is broken ({line}); check the image's files against their checksums",
    ),
    lines(
        Weight.ENDS,
        r"Kernel panic - not syncing|\(XEN\) Panic on CPU",
        says="its kernel panicked ({line}); test the machine's memory and disk",
    ),
    lines(
        Weight.WARNS,
        r"^error: .*(?:no such (?:device|partition|disk)|unknown filesystem|outside of disk)",
        r"^error: .*(?:you need to load the kernel first|vmlinuz\S* not found|normal\.mod)",
        says="GRUB does not find the installed system ({line}); test the disk, and reinstall",
    ),
    lines(
        Weight.ENDS,
        r"^grub(?: rescue)?>",
        says="GRUB stopped at its prompt; test the disk, and reinstall",
    ),
    lines(
        Weight.WARNS,
        r"Initramfs unpack(?:ing)? failed|junk (?:in|within) compressed archive",
        says="its initrd is broken ({line}); check the image's files against their checksums",
    ),
    lines(
        Weight.WARNS,
        r"^IP-Config: .*(?:no response after|giving up)",
        says="its initrd got no DHCP offer ({line}); check its cable, VLAN and DHCP reservation",
    ),
    lines(
        Weight.WARNS,
        r"Out of memory(?:: Kill| and no killable)|invoked oom-killer",
        says="it ran out of memory ({line}); give it more, or a smaller role",
    ),
    lines(
        Weight.WARNS,
        r"I/O error, dev (?:sd|vd|xvd|nvme)|critical medium error|EXT4-fs error \(device",
        r"Buffer I/O error on dev(?:ice)? (?:sd|vd|xvd|nvme|dm)|Remounting filesystem read-only",
        says="its disk fails ({line}); test and replace the disk",
    ),
    lines(
        Weight.WARNS,
        r"bad geometry: block count \d+ exceeds size of device|size extends beyond EOD",
        says="its disk is smaller than what was installed on it ({line});"
        " give the machine a larger disk, or an image from a smaller one",
    ),
    lines(
        Weight.WARNS,
        r"\[Hardware Error\]|Machine check (?:exception|events logged)|EDAC .* UE ",
        says="its hardware reports an error ({line}); test the machine's memory and processor",
    ),
    lines(
        Weight.WARNS,
        r"BUG: soft lockup|blocked for more than \d+ seconds|detected stalls? on|self-detected st",
        r"NETDEV WATCHDOG|hard LOCKUP",
        says="it hangs ({line}); test the machine's disk, network card and firmware",
    ),
    lines(
        Weight.WARNS,
        r"BUG: unable to handle|Oops: |general protection fault|kernel BUG at ",
        says="its kernel crashed ({line}); test the machine's memory, or another kernel",
    ),
    lines(
        Weight.ENDS,
        r"^\(initramfs\)",
        says="it stopped at the prompt of its initrd; its console log tells what led to it",
    ),
    lines(
        Weight.WARNS,
        r"Timed out waiting for device (?!.*tty)|Dependency failed for .*(?:File Systems|/)",
        says="the installed system misses a file system ({line}); check disk and partitions",
    ),
    lines(
        Weight.ENDS,
        r"You are in (?:emergency|rescue) mode|Give root password for maintenance",
        r"Cannot open access to console, the root account is locked",
        says="the installed system stopped in emergency mode; its console log tells why",
    ),
)
