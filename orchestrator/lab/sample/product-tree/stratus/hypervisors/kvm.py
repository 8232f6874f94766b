"""KVM through libvirt, by its own client, virsh: its library would have to fit the interpreter."""

import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from stratus.drivers import kvm
from stratus.drivers.hardware import Hardware
from stratus.web import Refused

_SECONDS = 20
_GONE = "failed to get domain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Guests as libvirt's domains."""

    uri: str
    #: what libvirt calls the kind of its guests: kvm, qemu, test
    virt_type: str

    @classmethod
    def told(cls, told: dict[str, str], folder: Path) -> Self | None:
        """Return what the configuration says; None if the file of the URI in `folder` is empty."""
        uri = (folder / told["uri_file"]).read_text().strip()
        return cls(uri=uri, virt_type=told["virt_type"]) if uri else None

    def run(self, server: str, definition: str) -> Hardware:
        """Define the domain anew, start it, and return what libvirt says that it has."""
        domain = ElementTree.fromstring(definition)  # noqa: S314  # our own document
        domain.set("type", self.virt_type)
        with tempfile.NamedTemporaryFile(suffix=".xml") as file:
            file.write(ElementTree.tostring(domain))
            file.flush()
            # One process for all: what went wrong is the last one's to say.
            anew = f"define {file.name}; start {server}; dumpxml {server}"
            return kvm.power_on(self._virsh(f"{_remove(server)}; {anew}"))

    def stop(self, server: str) -> None:
        """Have the domain be gone."""
        self._virsh(_remove(server))

    def _virsh(self, words: str) -> str:
        """Return what the commands print; raise `Refused` with what they complain of.

        A domain that is not there is no complaint.
        """
        command = ["virsh", "-q", "-c", self.uri, words]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Refused(503, f"kvm: libvirt does not answer: {error}") from error
        lines = [line.removeprefix("error: ") for line in done.stderr.splitlines()]
        if wrong := "; ".join(line for line in lines if line and not line.startswith(_GONE)):
            raise Refused(500, f"kvm: {wrong}")
        return done.stdout


def _remove(server: str) -> str:
    return f"destroy {server}; undefine {server}"
