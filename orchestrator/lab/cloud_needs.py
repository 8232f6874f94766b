"""What this host must have for an OpenStack on simulated machines: its services run here."""

from orchestrator.lab.qemu import needs
from orchestrator.lab.qemu.needs import Need

_CODE = "builds released wheels"
_NETWORK = "the networks of an OpenStack"
_GUESTS = "the guests of an OpenStack"
#: the packages themselves are listed for machines in playbooks/group_vars/openstack.yml
CLOUD = (
    Need(what="mariadbd", package="mariadb-server", purpose="its database"),
    Need(what="rabbitmq-server", package="rabbitmq-server", purpose="its message bus"),
    Need(what="ovs-vswitchd", package="openvswitch-switch", purpose=_NETWORK),
    Need(what="ovn-northd", package="ovn-central", purpose=_NETWORK),
    Need(what="ovn-controller", package="ovn-host", purpose=_NETWORK),
    Need(what="libvirtd", package="libvirt-daemon-system", purpose=_GUESTS),
    Need(what="virsh", package="libvirt-clients", purpose=_GUESTS),
    Need(what="qemu-system-x86_64", package="qemu-system-x86", purpose=_GUESTS),
    Need(what="qemu-img", package="qemu-utils", purpose=_GUESTS),
    Need(what="genisoimage", package="genisoimage", purpose=_GUESTS),
    Need(what="cpio", package="cpio", purpose=_GUESTS),
    Need(what="ping", package="iputils-ping", purpose=_GUESTS),
    Need(what="gcc", package="gcc", purpose=_CODE),
    Need(what="pkg-config", package="pkg-config", purpose=_CODE),
    Need(what="/usr/include/libvirt/libvirt.h", package="libvirt-dev", purpose=_CODE),
    Need(what="/usr/include/python3.11/Python.h", package="python3-dev", purpose=_CODE),
)
#: Debian starts daemons as it installs them: those would take the ports of ours
QUIETLY = "printf '#!/bin/sh\\nexit 101\\n' | sudo install -m 755 /dev/stdin /usr/sbin/policy-rc.d"


def missing() -> tuple[Need, ...]:
    """Return what this host lacks."""
    return needs.missing(CLOUD)


def line() -> str:
    """Return the one line that installs what is missing, empty for nothing."""
    install = needs.line(missing())
    return f"{QUIETLY} && {install} --no-install-recommends" if install else ""
