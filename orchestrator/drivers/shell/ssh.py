"""SSH by paramiko, with the host key that the node called home with."""

import base64
import logging

import paramiko

from orchestrator.model.errors import OutOfTime, Unreachable
from orchestrator.model.node import Access
from orchestrator.ports.clock import Deadline

_LAST_LINES = 3
#: seconds between looks at the deadline, and most bytes that are read at a time
_GLANCE, _CHUNK = 0.25, 1 << 20

# A machine that still boots refuses us for minutes: our errors tell that, without traces.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class SshShell:
    """Runs one command per connection; never agents, never other keys, never unknown hosts."""

    def run(self, access: Access, key: str, command: str, deadline: Deadline) -> str:
        """Return the command's standard output, stripped; raise `Unreachable` otherwise."""
        deadline.check()
        where = f"{access.user}@{access.address}:{access.port}"
        try:
            with paramiko.SSHClient() as client:
                _connect(client, access, key, max(0.5, deadline.left()))
                _, out, _ = client.exec_command(command, timeout=max(0.5, deadline.left()))
                text, complaint = _heard(out.channel, deadline)
                status = out.channel.recv_exit_status()
        except paramiko.BadHostKeyException as error:
            msg = (
                f"{where} shows another host key than it called home with: is it the same machine?"
            )
            raise Unreachable(msg) from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            msg = f"{where}: {error or type(error).__name__}"
            raise Unreachable(msg) from error
        if status:
            last = " / ".join(complaint.strip().splitlines()[-_LAST_LINES:])
            first = command.partition("\n")[0]
            msg = f"{where}: `{first}` ended with status {status}: {last}"
            raise Unreachable(msg)
        return text.strip()


def _heard(channel: paramiko.Channel, deadline: Deadline) -> tuple[str, str]:
    """Return what the command says on both outputs until it is over; its deadline may end it."""
    said, complaint = bytearray(), bytearray()
    while not channel.status_event.wait(_GLANCE):
        try:
            deadline.check()
        except OutOfTime as late:
            raise TimeoutError(str(late)) from late
        while channel.recv_ready():
            said += channel.recv(_CHUNK)
        while channel.recv_stderr_ready():
            complaint += channel.recv_stderr(_CHUNK)
    said += channel.makefile("rb").read()
    complaint += channel.makefile_stderr("rb").read()
    return said.decode(errors="replace"), complaint.decode(errors="replace")


def _connect(client: paramiko.SSHClient, access: Access, key: str, seconds: float) -> None:
    kind, _, rest = access.host_key.partition(" ")
    known = client.get_host_keys()
    name = f"[{access.address}]:{access.port}" if access.port != paramiko.config.SSH_PORT else ""
    pinned = paramiko.PKey.from_type_string(kind, base64.b64decode(rest.split()[0]))
    known.add(name or access.address, kind, pinned)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(
        access.address,
        port=access.port,
        username=access.user,
        key_filename=key,
        timeout=seconds,
        banner_timeout=seconds,
        auth_timeout=seconds,
        allow_agent=False,
        look_for_keys=False,
    )
