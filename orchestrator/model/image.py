"""What a machine is installed with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a node can be installed with: the installer's files and where its packages are."""

    name: str
    #: the release to install, e.g. `bookworm`
    suite: str
    #: paths on the orchestrator of the installer's kernel and initial RAM disk
    kernel: str
    initrd: str
    #: host (and port) of the package mirror as the node reaches it, and its folder
    mirror_host: str
    mirror_directory: str
    #: package of the kernel that the installed system runs
    kernel_package: str = "linux-image-amd64"
