"""SSH by paramiko, with the host key that the node called home with."""

import base64
import logging

import paramiko

from orchestrator.model.errors import Unreachable
from orchestrator.model.node import Access
from orchestrator.ports.clock import Deadline

_LAST_LINES = 3

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
                _, out, err = client.exec_command(command, timeout=max(0.5, deadline.left()))
                text = out.read().decode(errors="replace")
                status = out.channel.recv_exit_status()
                complaint = err.read().decode(errors="replace")
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
