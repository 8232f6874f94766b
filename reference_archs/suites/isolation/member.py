"""A machine on the segment."""

from collections.abc import Mapping
from typing import Any

import paramiko
from paramiko.hostkeys import HostKeyEntry

_SECONDS = 90.0
#: as the kernel lists it: port 7000 in hexadecimal, and the state of a socket that listens
_UNTIL_IT_LISTENS = (
    "for try in $(seq 60); do grep -q ':1B58 .* 0A ' /proc/net/tcp && break; sleep 1; done"
)
_PINGS = 3


class Member:
    """Logs in by SSH; the host key must be the one that the machine called home with."""

    def __init__(self, host: Mapping[str, Any]) -> None:
        """Log in to one host of `hosts.json`."""
        self.name, self.address = str(host["name"]), str(host["member"])
        self._ssh = paramiko.SSHClient()
        self._ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
        entry = HostKeyEntry.from_line(host["host_key"])
        assert entry, f"{self.name}: no host key"
        for name in entry.hostnames:
            self._ssh.get_host_keys().add(name, entry.key.get_name(), entry.key)
        self._ssh.connect(
            host["address"],
            host["port"],
            host["user"],
            key_filename=host["key"],
            timeout=_SECONDS,
            banner_timeout=_SECONDS,
            auth_timeout=_SECONDS,
            allow_agent=False,
            look_for_keys=False,
        )

    def finds(self, address: str) -> bool:
        """Return whether anybody on this machine's VLAN answers ARP for `address`."""
        # No ping on a minimal system: any packet makes the kernel ask who has the address.
        ask = f"for try in {' '.join(map(str, range(_PINGS)))}; do "
        ask += f"(echo >/dev/udp/{address}/9) 2>/dev/null; sleep 1; done; ip neigh show {address}"
        return "lladdr" in self.run(f"bash -c '{ask}'")

    def tells(self, address: str, word: str) -> bool:
        """Return whether `word` reaches a member that listens at `address` port 7000 over TCP."""
        send = f"exec 3<>/dev/tcp/{address}/7000 && echo {word} >&3"
        return "sent" in self.run(f"timeout 30 bash -c '{send} && echo sent' 2>/dev/null || true")

    def run(self, command: str) -> str:
        """Return what a command prints."""
        _, out, _ = self._ssh.exec_command(command, timeout=_SECONDS)
        return out.read().decode(errors="replace")

    def listen(self) -> None:
        """Write what comes to TCP port 7000 to a file, until the next `heard`."""
        serve = "import socket,sys\ns=socket.create_server((sys.argv[1],7000))\n"
        serve += "c,_=s.accept()\nopen('/tmp/heard','wb').write(c.recv(100))"
        command = f'setsid python3 -c "{serve}" {self.address} >/dev/null 2>&1 </dev/null &'
        self.run(f"rm -f /tmp/heard; {command} {_UNTIL_IT_LISTENS}")

    def heard(self) -> str:
        """Return what came."""
        wait = "for try in $(seq 30); do [ -s /tmp/heard ] && break; sleep 1; done"
        return self.run(f"{wait}; cat /tmp/heard").strip()
