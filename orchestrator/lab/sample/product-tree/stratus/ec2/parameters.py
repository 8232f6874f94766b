"""What EC2's clients send and get: flat names with dots in, XML out."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from stratus.web import Json

_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_FIRST_ERROR = 400


class Ec2Refused(Exception):
    """An error as EC2's clients know them: a code, a sentence, a status."""

    def __init__(self, code: str, sentence: str, status: int = _FIRST_ERROR) -> None:
        """Say why."""
        super().__init__(sentence)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Parameters:
    """Those of one request, or those below one of its names."""

    told: Mapping[str, str]

    def text(self, name: str, default: str | None = None) -> str:
        """Return a value; raise `Ec2Refused` if there is none, and no default."""
        found = self.told.get(name, default)
        if found is None:
            raise Ec2Refused("MissingParameter", f"the request lacks {name}")
        return found

    def number(self, name: str) -> int:
        """Return a value as a whole number."""
        try:
            return int(self.text(name))
        except ValueError as error:
            raise Ec2Refused("InvalidParameterValue", f"{name} is no whole number") from error

    def texts(self, name: str) -> list[str]:
        """Return the values of `name.1`, `name.2`, ..."""
        return [below.told[""] for below in self.tables(name) if "" in below.told]

    def tables(self, name: str) -> list["Parameters"]:
        """Return what is below `name.1`, below `name.2`, ..."""
        found: dict[int, dict[str, str]] = {}
        for key, value in self.told.items():
            number, _, rest = key.removeprefix(f"{name}.").partition(".")
            if key.startswith(f"{name}.") and number.isdecimal():
                found.setdefault(int(number), {})[rest] = value
        return [Parameters(found[number]) for number in sorted(found)]


def shown(kind: str, native: str) -> str:
    """Return a thing's id as EC2 has it, e.g. `i-` and 32 digits."""
    return f"{kind}-{uuid.UUID(native).hex}"


def native(kind: str, name: str) -> str:
    """Return the id behind one of EC2's; raise `Ec2Refused` for another thing's."""
    try:
        if name.startswith(f"{kind}-"):
            return str(uuid.UUID(name.removeprefix(f"{kind}-")))
    except ValueError:
        pass
    raise Ec2Refused("InvalidParameterValue", f"{name!r} is no id of {kind}-")


def answer(action: str, request: str, body: Json) -> bytes:
    """Return what an action answers, as XML; lists become `<item>` elements."""
    root = ElementTree.Element(f"{action}Response", xmlns=_NAMESPACE)
    _add(root, {"requestId": request, **body})
    return _text(root)


def complaint(request: str, refused: Ec2Refused) -> bytes:
    """Return an error as XML."""
    root = ElementTree.Element("Response")
    _add(root, {"Errors": {"Error": {"Code": refused.code, "Message": str(refused)}}})
    _add(root, {"RequestID": request})
    return _text(root)


def _text(root: ElementTree.Element) -> bytes:
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add(element: ElementTree.Element, value: object) -> None:
    if isinstance(value, dict):
        for name, below in value.items():
            _add(ElementTree.SubElement(element, name), below)
    elif isinstance(value, list):
        for item in value:
            _add(ElementTree.SubElement(element, "item"), item)
    elif isinstance(value, bool):
        element.text = str(value).lower()
    else:
        element.text = "" if value is None else str(value)
