"""WinRM's command shell, as far as a client needs it to see that the host is alive."""

import base64
import uuid
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

from orchestrator.lab.hypervisors import wsman
from orchestrator.lab.hypervisors.wsman import NOT_FOUND, RSP, WSA, WSMAN, WST, Asked, WsmanFault

SHELL = f"{RSP}/cmd"
_DONE = f"{RSP}/CommandState/Done"
_WORDS = {"hostname": "HYPERV\r\n", "ver": "\r\nMicrosoft Windows [Version 10.0.20348.587]\r\n"}


@dataclass(slots=True, kw_only=True)
class Shells:
    """The shells that are open: what each command in them was."""

    _open: dict[str, dict[str, str]] = field(default_factory=dict)

    def do(self, asked: Asked) -> tuple[wsman.Element, ...]:
        """Return the answer to what is asked of a shell; raise `WsmanFault`."""
        if asked.verb == "Create":
            return self._create()
        shell = self._open.get(asked.selectors.get("ShellId", ""))
        if shell is None:
            reason = "The shell was not found on the server."
            raise WsmanFault("w:InvalidSelectors", reason, NOT_FOUND)
        if asked.verb == "Delete":
            del self._open[asked.selectors["ShellId"]]
            return ()
        doing = {"Command": _command, "Receive": _receive, "Signal": _signal}.get(asked.verb)
        if doing is None or asked.body is None:
            raise WsmanFault("wsa:ActionNotSupported", f"No {asked.verb} of a shell.")
        return (doing(asked.body, shell),)

    def _create(self) -> tuple[wsman.Element, ...]:
        name = str(uuid.uuid4()).upper()
        self._open[name] = {}
        made = wsman.Element(f"{{{RSP}}}Shell")
        for key, value in (("ShellId", name), ("ResourceUri", SHELL), ("OutputStreams", "stdout")):
            ElementTree.SubElement(made, f"{{{RSP}}}{key}").text = value
        created = wsman.Element(f"{{{WST}}}ResourceCreated")
        inner = ElementTree.SubElement(created, f"{{{WSA}}}ReferenceParameters")
        selectors = ElementTree.SubElement(inner, f"{{{WSMAN}}}SelectorSet")
        ElementTree.SubElement(selectors, f"{{{WSMAN}}}Selector", Name="ShellId").text = name
        return made, created


def _command(body: wsman.Element, shell: dict[str, str]) -> wsman.Element:
    name = body.get("CommandId") or str(uuid.uuid4()).upper()
    shell[name] = body.findtext(f"{{{RSP}}}Command", "").strip('"').lower()
    made = wsman.Element(f"{{{RSP}}}CommandResponse")
    ElementTree.SubElement(made, f"{{{RSP}}}CommandId").text = name
    return made


def _receive(body: wsman.Element, shell: dict[str, str]) -> wsman.Element:
    stream = body.find(f"{{{RSP}}}DesiredStream")
    name = (stream.get("CommandId") or "") if stream is not None else ""
    if name not in shell:
        raise WsmanFault("w:InvalidSelectors", "The command was not found.", NOT_FOUND)
    word = shell[name]
    known = word in _WORDS
    said = _WORDS.get(word) or (
        f"'{word}' is not recognized as an internal or external command,\r\n"
        "operable program or batch file.\r\n"
    )
    made = wsman.Element(f"{{{RSP}}}ReceiveResponse")
    attributes = {"Name": "stdout" if known else "stderr", "CommandId": name}
    inner = ElementTree.SubElement(made, f"{{{RSP}}}Stream", attributes)
    inner.text = base64.b64encode(said.encode()).decode()
    state = ElementTree.SubElement(made, f"{{{RSP}}}CommandState", CommandId=name, State=_DONE)
    ElementTree.SubElement(state, f"{{{RSP}}}ExitCode").text = "0" if known else "1"
    return made


def _signal(_body: wsman.Element, _shell: dict[str, str]) -> wsman.Element:
    return wsman.Element(f"{{{RSP}}}SignalResponse")
