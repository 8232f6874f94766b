"""Network boot: the PXE ROM asks for an address, iPXE runs the script it is given."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.lab.board import Board
from orchestrator.lab.download import DownloadError, download
from orchestrator.lab.faults import Fault
from orchestrator.lab.ipxe import Command, ScriptError, Verb, expand, parse

_DEEPEST_CHAIN = 4
_ERRORS = {
    0: "Connection timed out (https://ipxe.org/4c0a6092)",
    401: "Permission denied (https://ipxe.org/022c613c)",
    403: "Permission denied (https://ipxe.org/022c613c)",
    404: "No such file or directory (https://ipxe.org/2d0c613b)",
}
_OTHER_ERROR = "Input/output error (https://ipxe.org/1d0c6139)"


@dataclass(slots=True)
class _Loaded:
    """What the script gathered so far."""

    settings: dict[str, str]
    kernel: str = ""
    arguments: tuple[str, ...] = ()
    initrds: list[str] = field(default_factory=list)


class _Leave(Exception):
    """The script said `exit`."""


def boot(board: Board) -> str | None:
    """Return the kernel's command line when a kernel was loaded, None to try the next device."""
    board.say("", f"PXE ROM, client MAC {board.endpoints.mac.upper()}")
    base = board.boot_url()
    if not base or board.strikes(Fault.NO_PXE):
        board.pause(2)
        board.say(
            "PXE-E51: No DHCP or proxyDHCP offers were received.", "PXE-M0F: Exiting PXE ROM."
        )
        return None
    mac, address = board.endpoints.mac, board.endpoints.host
    board.say("iPXE 1.21.1 -- Open Source Network Boot Firmware -- https://ipxe.org")
    board.say(f"net0: {mac} using virtio-net", f"Configuring (net0 {mac})...... ok")
    board.say(f"net0: {board.endpoints.host}/255.255.255.0")
    known = {"mac": mac, "net0/mac": mac, "ip": address, "net0/ip": address}
    loaded = _Loaded(settings=known)
    try:
        for command in _commands(board, f"{base}/ipxe?mac={mac}", 0, loaded):
            if command.verb is Verb.BOOT:
                return _start(board, loaded)
    except _Leave:
        return None
    except DownloadError as error:
        board.say(f"Could not boot: {_ERRORS.get(error.status, _OTHER_ERROR)}")
        return None
    except ScriptError as error:
        board.say(str(error), "Could not boot: Error 0x2d (https://ipxe.org/2d)")
        return None
    board.say("No more network devices", "")
    return None


def _commands(board: Board, url: str, depth: int, loaded: _Loaded) -> Iterator[Command]:
    """Run the script at `url`; `boot` alone is left to the caller."""
    if depth > _DEEPEST_CHAIN:
        raise ScriptError(f"{url}: Too many levels of chained scripts")
    script = _fetch(board, url).decode(errors="replace")
    for command in parse(script):
        match command.verb:
            case Verb.CHAIN:
                target = command.words(loaded.settings)[0]
                yield from _commands(board, target, depth + 1, loaded)
            case Verb.BOOT:
                yield command
            case Verb.EXIT:
                raise _Leave
            case _:
                _simple(board, command, loaded)


def _simple(board: Board, command: Command, loaded: _Loaded) -> None:
    match command.verb:
        case Verb.KERNEL:
            words = command.words(loaded.settings)
            _fetch(board, words[0])
            loaded.kernel, loaded.arguments = words[0], words[1:]
        case Verb.INITRD:
            url = command.words(loaded.settings)[0]
            _fetch(board, url)
            loaded.initrds.append(url)
        case Verb.SET:
            name, _, value = command.rest.partition(" ")
            command.words(loaded.settings)
            loaded.settings[name] = expand(value, loaded.settings)
        case Verb.ECHO:
            board.say(expand(command.rest, loaded.settings))
        case _:
            board.say(f"Configuring (net0 {board.endpoints.mac})...... ok")


def _fetch(board: Board, url: str) -> bytes:
    shown = url.partition("?")[0]
    try:
        body = download(url)
    except DownloadError as error:
        board.say(f"{shown}... {_ERRORS.get(error.status, _OTHER_ERROR)}")
        if not error.status:
            board.say(f"  {error.reason}")
        raise
    board.say(f"{shown}... ok")
    return body


def _start(board: Board, loaded: _Loaded) -> str:
    if not loaded.kernel:
        raise ScriptError("Could not boot: No such file or directory (https://ipxe.org/2d12603b)")
    if not loaded.initrds:
        board.say("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)")
        board.sit()
    return " ".join(loaded.arguments)
