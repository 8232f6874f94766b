"""WS-Management's envelopes: read requests, write answers and faults."""

import base64
import binascii
import secrets
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.lab.hypervisors.served import Answer, Call
from orchestrator.model.secret import Secret

S = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
WSEN = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WST = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
RSP = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
KIND = "application/soap+xml;charset=UTF-8"
ANONYMOUS = f"{WSA}/role/anonymous"

#: Windows' number for selectors that no object has, a shell's among them
NOT_FOUND = 2150858843

Element = ElementTree.Element


class WsmanFault(Exception):
    """What is answered instead of a result."""

    def __init__(self, subcode: str, reason: str, code: int = 0) -> None:
        """Take the fault's subcode, a sentence, and Windows' own number if it has one."""
        super().__init__(reason)
        self.subcode = subcode
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request."""

    action: str
    #: the resource's URI, of a WMI class or of the shell
    resource: str
    message: str
    selectors: Mapping[str, str]
    #: the first element of the body, None without one
    body: Element | None

    @property
    def verb(self) -> str:
        """Return the last word of the action, e.g. `Enumerate` or a method's name."""
        return self.action.rpartition("/")[2]


def read(body: bytes) -> Asked:
    """Return a request; raise `ValueError` for what is none."""
    try:
        envelope = ElementTree.fromstring(body)  # noqa: S314  # no entities: expat refuses bombs
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error
    header, inner = envelope.find(f"{{{S}}}Header"), envelope.find(f"{{{S}}}Body")
    if header is None or inner is None:
        raise ValueError("no envelope")
    pairs = header.iterfind(f"{{{WSMAN}}}SelectorSet/{{{WSMAN}}}Selector")
    return Asked(
        action=header.findtext(f"{{{WSA}}}Action", ""),
        resource=header.findtext(f"{{{WSMAN}}}ResourceURI", ""),
        message=header.findtext(f"{{{WSA}}}MessageID", ""),
        selectors={item.get("Name", ""): item.text or "" for item in pairs},
        body=next(iter(inner), None),
    )


def allowed(call: Call, user: str, password: Secret) -> bool:
    """Return whether the request brings that user's password, by Basic."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    try:
        text = base64.b64decode(given, validate=True).decode() if scheme == "Basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        return False
    return secrets.compare_digest(text.encode(), f"{user}:{password.reveal()}".encode())


def denied() -> Answer:
    """Return what Windows says to a wrong password."""
    return Answer(body=b"", status=401, headers={"WWW-Authenticate": 'Basic realm="WSMAN"'})


def answer(asked: Asked, content: Sequence[Element]) -> Answer:
    """Return the answer that holds `content`."""
    envelope = _envelope(f"{asked.action}Response", asked.message, content)
    return Answer(body=ElementTree.tostring(envelope, "utf-8"), kind=KIND)


def fault(asked: Asked, error: WsmanFault) -> Answer:
    """Return a fault in the form that Windows gives it."""
    made = Element(f"{{{S}}}Fault")
    code = ElementTree.SubElement(made, f"{{{S}}}Code")
    ElementTree.SubElement(code, f"{{{S}}}Value").text = "s:Sender"
    below = ElementTree.SubElement(code, f"{{{S}}}Subcode")
    ElementTree.SubElement(below, f"{{{S}}}Value").text = error.subcode
    reason = ElementTree.SubElement(made, f"{{{S}}}Reason")
    ElementTree.SubElement(reason, f"{{{S}}}Text").text = error.reason
    if error.code:
        detail = ElementTree.SubElement(made, f"{{{S}}}Detail")
        attributes = {"Code": str(error.code), "Machine": "simulated"}
        inner = ElementTree.SubElement(detail, f"{{{FAULT}}}WSManFault", attributes)
        ElementTree.SubElement(inner, f"{{{FAULT}}}Message").text = error.reason
    envelope = _envelope(f"{WSMAN}/fault", asked.message, (made,))
    return Answer(body=ElementTree.tostring(envelope, "utf-8"), kind=KIND, status=500)


def instance(resource: str, name: str, properties: Mapping[str, str | None]) -> Element:
    """Return a WMI object, or a method's results, as an element of its class."""
    made = Element(f"{{{resource}}}{name}")
    for key, value in properties.items():
        inner = ElementTree.SubElement(made, f"{{{resource}}}{key}")
        if value is None:
            inner.set(f"{{{XSI}}}nil", "true")
        else:
            inner.text = value
    return made


def _envelope(action: str, message: str, content: Sequence[Element]) -> Element:
    envelope = Element(f"{{{S}}}Envelope")
    header = ElementTree.SubElement(envelope, f"{{{S}}}Header")
    ElementTree.SubElement(header, f"{{{WSA}}}Action").text = action
    ElementTree.SubElement(header, f"{{{WSA}}}MessageID").text = f"uuid:{uuid.uuid4()}"
    ElementTree.SubElement(header, f"{{{WSA}}}To").text = ANONYMOUS
    ElementTree.SubElement(header, f"{{{WSA}}}RelatesTo").text = message
    body = ElementTree.SubElement(envelope, f"{{{S}}}Body")
    body.extend(content)
    return envelope
