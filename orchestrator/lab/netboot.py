"""Network boot: the PXE ROM asks for an address, iPXE runs the script it is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.lab.board import Board
from orchestrator.lab.download import DownloadError, download
from orchestrator.lab.faults import Fault
from orchestrator.lab.ipxe import Command, Link, ScriptError, Verb, expand, parse

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
        if _run(board, f"{base}/ipxe?mac={mac}", 0, loaded):
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


def _run(board: Board, url: str, depth: int, loaded: _Loaded) -> bool:
    """Run the script at `url`; return whether it came to `boot`."""
    if depth > _DEEPEST_CHAIN:
        raise ScriptError(f"{url}: Too many levels of chained scripts")
    commands = parse(_fetch(board, url).decode(errors="replace"))
    places = {c.rest: at for at, c in enumerate(commands) if c.verb is Verb.LABEL}
    fault: DownloadError | ScriptError | None = None
    at = 0
    while at < len(commands):
        command = commands[at]
        at += 1
        if not _wanted(command, fault):
            continue
        fault = None
        try:
            if _do(board, command, depth, loaded):
                return True
        except (DownloadError, ScriptError) as error:
            fault = error
        if command.verb is Verb.GOTO:
            at = _place(command, places)
    if fault:
        raise fault
    return False


def _wanted(command: Command, fault: DownloadError | ScriptError | None) -> bool:
    """Return whether it is this command's turn; raise the `fault` that ended the script."""
    if command.link is Link.NEXT:
        if fault:
            raise fault
        return True
    return (command.link is Link.OR) == (fault is not None)


def _place(command: Command, places: Mapping[str, int]) -> int:
    name = command.words({})[0]
    if name not in places:
        raise ScriptError(f"{name}: No such label (script line {command.line})")
    return places[name]


def _do(board: Board, command: Command, depth: int, loaded: _Loaded) -> bool:
    """Do one command; return whether it led to `boot`."""
    match command.verb:
        case Verb.CHAIN:
            return _run(board, command.words(loaded.settings)[0], depth + 1, loaded)
        case Verb.EXIT:
            raise _Leave
        case Verb.SLEEP:
            board.pause(_number(command.words(loaded.settings)[0]))
        case Verb.KERNEL | Verb.INITRD | Verb.IMGFREE:
            _load(board, command, loaded)
        case Verb.SET | Verb.INC | Verb.ISEQ:
            _reckon(command, loaded.settings)
        case Verb.ECHO:
            board.say(expand(command.rest, loaded.settings))
        case Verb.DHCP:
            board.say(f"Configuring (net0 {board.endpoints.mac})...... ok")
    return command.verb is Verb.BOOT


def _load(board: Board, command: Command, loaded: _Loaded) -> None:
    words = command.words(loaded.settings)
    match command.verb:
        case Verb.KERNEL:
            _fetch(board, words[0])
            loaded.kernel, loaded.arguments = words[0], words[1:]
        case Verb.INITRD:
            _fetch(board, words[0])
            loaded.initrds.append(words[0])
        case _:
            loaded.kernel, loaded.arguments = "", ()
            loaded.initrds.clear()


def _reckon(command: Command, settings: dict[str, str]) -> None:
    words = command.words(settings)
    # A setting may be written with its type, `name:int32`.
    name = words[0].partition(":")[0]
    match command.verb:
        case Verb.SET:
            settings[name] = expand(command.rest.partition(" ")[2], settings)
        case Verb.INC:
            settings[name] = str(_number(settings.get(name, "")) + 1)
        case _ if words[0] != words[1]:
            raise ScriptError(f"iseq: {words[0]} is not {words[1]}")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


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
