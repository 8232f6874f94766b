"""vSphere's SOAP: a request becomes a method with its arguments, a value or a fault an answer.

Types and their order on the wire come from pyVmomi's table of the API, read by the names that are
in the request: whatever client wrote it, and whatever prefixes it took.
"""

import re
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyVmomi import SoapAdapter, VmomiSupport, vmodl
from pyVmomi.VmomiSupport import F_OPTIONAL, Object, PropertyPath

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
VIM = "urn:vim25"
VERSION = "vim.version.v8_0_2_0"
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_FETCH = "Fetch"
_FRACTION = re.compile(r"\.\d+")
Element = ElementTree.Element


class BadRequest(ValueError):
    """What came is no request of this API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A method on an object, with its arguments by name."""

    method: str
    kind: str
    this: str
    given: Mapping[str, Any]


def read(body: bytes) -> Asked:
    """Return what was asked; raise `BadRequest`."""
    try:
        called = ElementTree.fromstring(body).find(f"{{{SOAP}}}Body/*")  # noqa: S314  # entities are refused
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise BadRequest(str(error)) from error
    this = None if called is None else called.find("{*}_this")
    if called is None or this is None:
        msg = "no method, or no object that it is called on"
        raise BadRequest(msg)
    name = _local(called.tag)
    about = {"kind": this.get("type", ""), "this": this.text or ""}
    if name == _FETCH:
        return Asked(method=name, given={"prop": called.findtext("{*}prop", "")}, **about)
    try:
        params = VmomiSupport.GetWsdlMethod(VIM, name).info.params
        given = {info.name: _given(called, info) for info in params}
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{name}: {error}"
        raise BadRequest(msg) from error
    return Asked(method=name, given=given, **about)


def _given(parent: Element, info: Any) -> Any:  # noqa: ANN401  # pyVmomi's
    """Return the value of a parameter or a property; None where there is none."""
    found = parent.findall(f"{{*}}{info.name}")
    if issubclass(info.type, list):
        if info.type.Item is not object and len(found) == 1 and _XSI_TYPE in found[0].attrib:
            found = list(found[0]) if "ArrayOf" in found[0].attrib[_XSI_TYPE] else found
        return info.type([_value(each, info.type.Item) for each in found])
    return _value(found[0], info.type) if found else None


def _value(element: Element, kind: Any) -> Any:  # noqa: ANN401  # pyVmomi's
    """Return an element as the value of that type, or of the one that it says it has."""
    said = element.get(_XSI_TYPE, "").rpartition(":")[2]
    if said and said != "ManagedObjectReference":
        kind = _named(said, kind)
    if "type" in element.attrib:
        return VmomiSupport.GuessWsdlType(element.attrib["type"])(element.text or "")
    if issubclass(kind, VmomiSupport.DataObject):
        made = kind()
        for info in kind._GetPropertyList():
            value = _given(element, info)
            if value is not None:
                setattr(made, info.name, value)
        return made
    return _plain(element.text or "", kind)


def _named(name: str, kind: Any) -> Any:  # noqa: ANN401  # pyVmomi's
    """Return the type of a name; XML Schema's own are what the field wants, or text."""
    try:
        return VmomiSupport.GuessWsdlType(name)
    except KeyError:
        return str if kind is object else kind


def _plain(text: str, kind: Any) -> Any:  # noqa: ANN401  # pyVmomi's
    if kind is bool:
        return text.strip() in {"true", "1"}
    if kind is datetime:
        return datetime.fromisoformat(_FRACTION.sub("", text.strip()))
    if kind is type:
        return VmomiSupport.GuessWsdlType(text)
    if kind is VmomiSupport.binary:
        return kind(b64decode(text))
    return text if kind in {object, PropertyPath} else kind(text)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def said(asked: Asked, value: Any) -> bytes:  # noqa: ANN401  # whatever it returns
    """Return a value as the answer of its method."""
    kind: Any = object
    if asked.method != _FETCH:
        kind = VmomiSupport.GetWsdlMethod(VIM, asked.method).info.result
    empty = isinstance(value, list) and not value and kind is not object
    nothing = value is None or kind is type(None) or empty
    inner = "" if nothing else _written("returnval", value, kind)
    name = f"{asked.method}Response"
    return _envelope(f'<{name} xmlns="{VIM}">{inner}</{name}>')


def fault(wrong: Any) -> bytes:  # noqa: ANN401  # pyVmomi's
    """Return a fault of the API as SOAP's."""
    code = "ServerFaultCode" if isinstance(wrong, vmodl.MethodFault) else "Client"
    text = SoapAdapter.XmlEscape(wrong.msg or type(wrong).__name__)
    name = VmomiSupport.GetWsdlName(type(wrong))
    info = Object(name=f"{name}Fault", type=object, version=VERSION, flags=0)
    detail = SoapAdapter.SerializeFaultDetail(wrong, info, VERSION, _spaces())
    return _envelope(
        f"<soapenv:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring>"
        f"<detail>{detail}</detail></soapenv:Fault>"
    )


def _written(name: str, value: Any, kind: Any) -> str:  # noqa: ANN401  # pyVmomi's
    info = Object(name=name, type=kind, version=VERSION, flags=F_OPTIONAL)
    written: str = SoapAdapter.SerializeToStr(value, info, VERSION, _spaces())
    return written


def _spaces() -> dict[str, str]:
    return {**SoapAdapter.SOAP_NSMAP, VIM: ""}


def _envelope(inner: str) -> bytes:
    spaces = " ".join(f'xmlns:{name}="{uri}"' for uri, name in SoapAdapter.SOAP_NSMAP.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope {spaces}>'
        f"<soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>"
    ).encode()
