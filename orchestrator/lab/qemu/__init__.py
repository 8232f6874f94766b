"""Emulated machines: QEMU behind a BMC of their own."""
