"""Reads the part of the iPXE script language that network boot uses."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

_SETTING = re.compile(r"\$\{([^}]*)\}")


class Verb(StrEnum):
    """A command that our firmware knows."""

    KERNEL = "kernel"
    INITRD = "initrd"
    SET = "set"
    BOOT = "boot"
    CHAIN = "chain"
    EXIT = "exit"
    ECHO = "echo"
    DHCP = "dhcp"
    GOTO = "goto"
    SLEEP = "sleep"
    INC = "inc"
    ISEQ = "iseq"
    IMGFREE = "imgfree"
    #: a place to go to, `:name`
    LABEL = ":"
    #: nothing after `||`: the failure before it does not matter
    NOTHING = ""


#: fewest words after the command
_NEEDS = {Verb.KERNEL: 1, Verb.INITRD: 1, Verb.SET: 1, Verb.CHAIN: 1}
_NEEDS |= {Verb.GOTO: 1, Verb.SLEEP: 1, Verb.INC: 1, Verb.ISEQ: 2}
_LINK = re.compile(r"\s(\|\||&&)(?=\s|$)")


class Link(StrEnum):
    """When a command is run, given how the one before it ended."""

    #: on a line of its own; a failure before it ends the script
    NEXT = "\n"
    AND = "&&"
    OR = "||"


class ScriptError(ValueError):
    """What iPXE prints when it gives up on a script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of a script: its verb and the rest, before settings are expanded."""

    verb: Verb
    rest: str
    line: int
    link: Link = Link.NEXT

    def words(self, settings: Mapping[str, str]) -> tuple[str, ...]:
        """Return the words after the verb, `${name}` expanded and `--option value` left out."""
        try:
            words = shlex.split(expand(self.rest, settings))
        except ValueError as error:
            raise ScriptError(f"{self.verb}: {error} (script line {self.line})") from error
        while words and words[0].startswith("--") and words[0] != "--":
            del words[: 1 if "=" in words[0] else 2]
        if len(words) < _NEEDS.get(self.verb, 0):
            raise ScriptError(f"Usage: {self.verb} <uri|setting> [...] (script line {self.line})")
        return tuple(words)


def parse(script: str) -> tuple[Command, ...]:
    """Return the commands of `script`.

    Raises `ScriptError` as iPXE would: no `#!ipxe` first line, an unknown command.
    """
    lines = script.splitlines()
    if not lines or not lines[0].startswith("#!ipxe"):
        raise ScriptError("Could not select: Exec format error (https://ipxe.org/2e008081)")
    commands: list[Command] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            commands += _line(text, number)
    return tuple(commands)


def _line(text: str, line: int) -> Iterator[Command]:
    """Yield the commands of one line, which `&&` and `||` stand between."""
    first, *more = _LINK.split(text)
    yield _command(first.strip(), line, Link.NEXT)
    for link, rest in zip(more[::2], more[1::2], strict=True):
        yield _command(rest.strip(), line, Link(link))


def _command(text: str, line: int, link: Link) -> Command:
    if text.startswith(":"):
        return Command(verb=Verb.LABEL, rest=text[1:], line=line, link=link)
    verb, _, rest = text.partition(" ")
    try:
        return Command(verb=Verb(verb), rest=rest.strip(), line=line, link=link)
    except ValueError:
        raise ScriptError(f"{verb}: command not found (script line {line})") from None


def expand(text: str, settings: Mapping[str, str]) -> str:
    """Return `text` with each `${name}` replaced by its setting, empty if there is none."""
    return _SETTING.sub(lambda match: settings.get(match[1], ""), text)
