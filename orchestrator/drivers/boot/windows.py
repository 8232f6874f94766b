"""Windows Server with Hyper-V: Windows PE by wimboot, autounattend.xml, scripts that call home.

The grammar is what we write of the components' documentation; Microsoft's own schema comes with
its assessment kit and may not be passed on.
"""

from pathlib import Path

from orchestrator.drivers.boot import xmlform
from orchestrator.drivers.boot.method import Rendered
from orchestrator.drivers.boot.parts import means, need, refuse, rendered, values
from orchestrator.drivers.boot.rendering import TEMPLATES, Templates
from orchestrator.drivers.boot.xmlform import Form, one, some, words
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.installing import value
from orchestrator.model.node import Node

#: GiB that Setup wants at least
LEAST_GIB = 32
#: NetBIOS allows no longer name
_LONGEST_NAME = 15
_NAMESPACE = "urn:schemas-microsoft-com:unattend"
_COMPONENT = (
    'processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" '
    'versionScope="nonSxS"'
)
_ADD = {"wcm:action": "add"}
_YES = "true|false"
_NUMBER = r"\d+"
_LOCALE = "[a-z]{2}-[A-Z]{2}"
_PARTITION = Form(
    options=_ADD,
    children={
        "Order": one(words(_NUMBER)),
        "Type": one(words("EFI|MSR|Primary")),
        "Size": xmlform.maybe(words(_NUMBER)),
        "Extend": xmlform.maybe(words(_YES)),
    },
)
_FORMAT = Form(
    options=_ADD,
    children={
        "Order": one(words(_NUMBER)),
        "PartitionID": one(words(_NUMBER)),
        "Format": one(words("FAT32|NTFS")),
        "Letter": xmlform.maybe(words("[C-Z]")),
    },
)
_DISK = Form(
    options=_ADD,
    children={
        "DiskID": one(words(_NUMBER)),
        "WillWipeDisk": one(words("true")),
        "CreatePartitions": one(Form(children={"CreatePartition": some(_PARTITION)})),
        "ModifyPartitions": one(Form(children={"ModifyPartition": some(_FORMAT)})),
    },
)
_META = Form(
    options=_ADD,
    children={"Key": one(words("/IMAGE/(NAME|INDEX)")), "Value": one(words(r"\S[^\n]*"))},
)
_TARGET = Form(children={"DiskID": one(words(_NUMBER)), "PartitionID": one(words(_NUMBER))})
_IMAGE = Form(
    children={
        "InstallFrom": one(Form(children={"MetaData": one(_META)})),
        "InstallTo": one(_TARGET),
    }
)
_SECRET = Form(children={"Value": one(words(r"\S{14,127}")), "PlainText": one(words("true"))})
_COMMAND = Form(
    options=_ADD,
    children={"Order": one(words(_NUMBER)), "CommandLine": one(words(r"\S[^\n]{0,1023}"))},
)
#: what a component of that name in that pass may hold
_CONTENTS = {
    ("windowsPE", "Microsoft-Windows-International-Core-WinPE"): {
        "SetupUILanguage": one(Form(children={"UILanguage": one(words(_LOCALE))})),
        **{
            name: one(words(_LOCALE))
            for name in ("InputLocale", "SystemLocale", "UILanguage", "UserLocale")
        },
    },
    ("windowsPE", "Microsoft-Windows-Setup"): {
        "DiskConfiguration": one(Form(children={"Disk": one(_DISK)})),
        "ImageInstall": one(Form(children={"OSImage": one(_IMAGE)})),
        "UserData": one(
            Form(
                children={
                    "AcceptEula": one(words("true")),
                    "FullName": one(words(r"\w+")),
                    "Organization": one(words(r"\w+")),
                }
            )
        ),
    },
    ("specialize", "Microsoft-Windows-Shell-Setup"): {
        "ComputerName": one(words(rf"[A-Za-z0-9-]{{1,{_LONGEST_NAME}}}")),
        "TimeZone": one(words(r"[A-Za-z ]+")),
    },
    ("oobeSystem", "Microsoft-Windows-Shell-Setup"): {
        "OOBE": one(
            Form(
                children={"HideEULAPage": one(words("true")), "ProtectYourPC": one(words("[123]"))}
            )
        ),
        "UserAccounts": one(Form(children={"AdministratorPassword": one(_SECRET)})),
        "AutoLogon": one(
            Form(
                children={
                    "Enabled": one(words(_YES)),
                    "LogonCount": one(words("1")),
                    "Username": one(words("Administrator")),
                    "Password": one(_SECRET),
                }
            )
        ),
        "FirstLogonCommands": one(Form(children={"SynchronousCommand": some(_COMMAND)})),
    },
}
_FIXED = {
    "processorArchitecture": "amd64",
    "publicKeyToken": "[0-9a-f]{16}",
    "language": "neutral",
    "versionScope": "nonSxS",
}


class WindowsMethod:
    """Answers every question of Setup: one disk by GPT, one administrator, Hyper-V on top."""

    def __init__(self, templates: Path = TEMPLATES) -> None:
        """Take the folder that has `windows/` with the templates."""
        self._templates = Templates(templates)

    def render(self, node: Node, image: Image, attempt: AttemptId, url: str) -> Rendered:
        """Return the boot script and the answers, looked over."""
        need(image, ("BCD", "boot.sdi"))
        if not image.edition:
            raise ConfigError(f"image {image.name} names no `edition`, which Setup has several of")
        if len(node.name) > _LONGEST_NAME:
            msg = f"{node.name} is too long a name for Windows, which takes {_LONGEST_NAME} letters"
            raise ConfigError(msg)
        brings = means(node, image, LEAST_GIB, licensed=True)
        refuse(image, brings)
        filled = values(node, image, attempt, url, brings)
        names = [name for name, _ in node.disks]
        disk = value(image.answers, "disk", "0")
        # Setup counts disks: a name is its place in what the lab file says of the machine.
        filled["disk"] = str(names.index(disk)) if disk in names else disk
        filled["component"] = _COMPONENT
        return rendered(self._templates, "windows", filled, {"autounattend.xml": faults})


def faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with an autounattend.xml, `LINE: sentence` each."""
    document = xmlform.read(text)
    if isinstance(document, str):
        return (document,)
    if document.attributes.get("xmlns") != _NAMESPACE:
        return (f"{document.line}: <{document.name}> is not of {_NAMESPACE}",)
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    for settings in document.children:
        for component in settings.children:
            place = (settings.attributes.get("pass", ""), component.attributes.get("name", ""))
            seen.add(place)
            found += _component(component, place)
    missing = sorted(_CONTENTS.keys() - seen)
    return (*found, *(f"{document.line}: no {name} in the pass {p}" for p, name in missing))


def _component(component: xmlform.Element, place: tuple[str, str]) -> tuple[str, ...]:
    contents = _CONTENTS.get(place)
    if contents is None:
        return (f"{component.line}: no component {place[1]!r} in the pass {place[0]!r}",)
    attributes = {"name": r"[\w-]+", **_FIXED}
    return xmlform.check(component, Form(attributes=attributes, children=contents))
