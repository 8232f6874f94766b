"""A switch's NETCONF subsystem, run by OpenSSH's server: `netconf_responder.py FOLDER`.

Real framing of NETCONF 1.0 and real messages; what it is told is kept in FOLDER, where a test also
says what it does wrong: `refuse` has edits refused, `forget` has them forgotten.
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
INTERFACES = "http://openconfig.net/yang/interfaces"
END = b"]]>]]>"
HELLO = f"""\
<hello xmlns="{BASE}"><capabilities>
<capability>urn:ietf:params:netconf:base:1.0</capability>
<capability>urn:ietf:params:netconf:capability:candidate:1.0</capability>
</capabilities><session-id>4</session-id></hello>"""
REFUSED = """\
<rpc-error><error-type>application</error-type><error-tag>operation-failed</error-tag>
<error-severity>error</error-severity><error-message>port is a trunk</error-message></rpc-error>"""


def say(text: str) -> None:
    sys.stdout.buffer.write(text.encode() + END)
    sys.stdout.buffer.flush()


def messages() -> Iterator[ElementTree.Element]:
    heard = b""
    while chunk := sys.stdin.buffer.read1(65536):
        heard += chunk
        while END in heard:
            message, _, heard = heard.partition(END)
            yield ElementTree.fromstring(message)  # noqa: S314  # our own client's


class Switch:
    """Ports as files in the folder, and changes that are not committed yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._candidate: dict[str, str] = {}

    def do(self, operation: str, message: ElementTree.Element) -> str:
        """Return what is within the reply."""
        if operation == "edit-config":
            return self._edit(message)
        if operation == "commit" and not (self._folder / "forget").exists():
            for name, text in self._candidate.items():
                (self._folder / f"port-{name}").write_text(text)
        if operation == "get-config":
            return self._show(message)
        return "<ok/>"

    def _edit(self, message: ElementTree.Element) -> str:
        if (self._folder / "refuse").exists():
            return REFUSED
        for interface in message.iter(f"{{{INTERFACES}}}interface"):
            name = interface.findtext(f"{{{INTERFACES}}}name", "")
            self._candidate[name] = ElementTree.tostring(interface, encoding="unicode")
        return "<ok/>"

    def _show(self, message: ElementTree.Element) -> str:
        asked = [name.text or "" for name in message.iter(f"{{{INTERFACES}}}name")]
        files = (self._folder / f"port-{name}" for name in asked)
        there = "".join(file.read_text() for file in files if file.exists())
        tree = f'<interfaces xmlns="{INTERFACES}">{there}</interfaces>' if there else ""
        return f"<data>{tree}</data>"


def main() -> None:
    switch = Switch(Path(sys.argv[1]))
    say(HELLO)
    for message in messages():
        if message.tag == f"{{{BASE}}}hello":
            continue
        operation = message[0].tag.rpartition("}")[2]
        number = message.attrib["message-id"]
        inner = switch.do(operation, message)
        say(f'<rpc-reply xmlns="{BASE}" message-id="{number}">{inner}</rpc-reply>')
        if operation == "close-session":
            return


if __name__ == "__main__":
    main()
