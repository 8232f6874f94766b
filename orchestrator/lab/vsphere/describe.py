"""Writes the WSDL of vSphere's API, as `vimService.wsdl` with its schemas, into a folder.

oslo.vmware asks a vCenter for it, and the simulator has none. The operations come from the table of
types of pyVmomi, the schemas of the types from oslo.vmware; the interpreter that runs it has both.
`describe.py FOLDER`.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from pyVmomi import VmomiSupport

SCHEMAS = ("vim-types.xsd", "core-types.xsd", "query-types.xsd", "reflect-types.xsd")
_NAMED = re.compile(r'<(?:complex|simple)Type name="(\w+)"')
#: types of pyVmomi's own that are plain text on the wire
_TEXTS = frozenset({"TypeName", "MethodName", "PropertyPath", "URI"})
_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<definitions targetNamespace="urn:vim25" xmlns="http://schemas.xmlsoap.org/wsdl/"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:vim25="urn:vim25"
  xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<types><schema targetNamespace="urn:vim25" xmlns="http://www.w3.org/2001/XMLSchema"
  elementFormDefault="qualified">
<include schemaLocation="vim-types.xsd"/>
<element name="versionURI" type="xsd:string"/>
<complexType name="Nothing"><sequence/></complexType>
"""
_SERVICE = """\
<service name="VimService"><port binding="vim25:VimBinding" name="VimPort">
<soap:address location="https://localhost/sdk/vimService"/></port></service>
</definitions>
"""


def main() -> None:
    """Write everything into the folder that is named; say how many operations there are."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    bundle = files("oslo_vmware") / "wsdl" / "8.0"
    schemas = {name: (bundle / name).read_text() for name in SCHEMAS}
    for name, text in schemas.items():
        (folder / name).write_text(text)
    known = {"ManagedObjectReference", *_NAMED.findall("".join(schemas.values()))}
    methods = {name: m for name, m in sorted(_methods()) if _types(m) <= known}
    draft = folder / "vimService.wsdl.new"
    draft.write_text("".join(_wsdl(methods)))
    shutil.move(draft, folder / "vimService.wsdl")
    print(len(methods))


def _methods() -> Iterator[tuple[str, Any]]:
    """Yield each operation of the API by the name that it has on the wire."""
    for name in sorted(VmomiSupport.ListManagedTypes(), reverse=True):
        if name.startswith(("vim.", "vmodl.")):
            for method in VmomiSupport.GetVmodlType(name)._methodInfo.values():
                yield method.wsdlName, method


def _types(method: Any) -> set[str]:  # noqa: ANN401  # pyVmomi has no types for mypy
    """Return the schemas' types that an operation needs; newer ones than the schemas are not."""
    kinds = [param.type for param in method.params]
    kinds += [] if method.result is type(None) else [method.result]
    named = {_named(kind) for kind in kinds}
    return {name.removeprefix("vim25:") for name in named if name.startswith("vim25:")}


def _wsdl(methods: dict[str, Any]) -> Iterator[str]:
    yield _HEAD
    for name, method in methods.items():
        yield from _elements(name, method)
    yield "</schema></types>\n"
    for name in methods:
        for way in ("", "Response"):
            yield (
                f'<message name="{name}{way}Msg">'
                f'<part name="parameters" element="vim25:{name}{way}"/></message>\n'
            )
    yield '<portType name="VimPortType">\n'
    for name in methods:
        yield (
            f'<operation name="{name}"><input message="vim25:{name}Msg"/>'
            f'<output message="vim25:{name}ResponseMsg"/></operation>\n'
        )
    yield '</portType>\n<binding name="VimBinding" type="vim25:VimPortType">\n'
    yield '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>\n'
    for name in methods:
        yield (
            f'<operation name="{name}">'
            '<soap:operation soapAction="urn:vim25/6.5" style="document"/>'
            '<input><soap:body use="literal"/></input>'
            '<output><soap:body use="literal"/></output></operation>\n'
        )
    yield "</binding>\n" + _SERVICE


def _elements(name: str, method: Any) -> Iterator[str]:  # noqa: ANN401  # as above
    """Yield what goes in and what comes out of an operation."""
    yield f'<element name="{name}"><complexType><sequence>\n'
    yield '<element name="_this" type="vim25:ManagedObjectReference"/>\n'
    for param in method.params:
        yield _element(param.name, param.type, optional=bool(param.flags & VmomiSupport.F_OPTIONAL))
    yield f'</sequence></complexType></element>\n<element name="{name}Response"><complexType>'
    yield "<sequence>\n"
    if method.result is not type(None):
        optional = bool(method.resultFlags & VmomiSupport.F_OPTIONAL)
        yield _element("returnval", method.result, optional=optional)
    yield "</sequence></complexType></element>\n"


def _element(name: str, kind: Any, *, optional: bool) -> str:  # noqa: ANN401  # as above
    how = ' minOccurs="0"' if optional else ""
    how += ' maxOccurs="unbounded"' if issubclass(kind, list) else ""
    return f"<element name={quoteattr(name)} type={quoteattr(_named(kind))}{how}/>\n"


def _named(kind: Any) -> str:  # noqa: ANN401  # as above
    """Return what the schemas call a type, or the type of a list's items."""
    item = kind.Item if issubclass(kind, list) else kind
    if issubclass(item, VmomiSupport.ManagedObject):
        return "vim25:ManagedObjectReference"
    space, name = VmomiSupport.GetQualifiedWsdlName(item)
    if name in _TEXTS:
        return "xsd:string"
    return f"xsd:{name}" if space == VmomiSupport.XMLNS_XSD else f"vim25:{name}"


if __name__ == "__main__":
    main()
