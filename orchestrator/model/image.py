"""What a machine is installed with."""

from dataclasses import dataclass

from orchestrator.model.installing import Answer
from orchestrator.model.secret import Secret


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
    #: the install method that knows its installer: `preseed`, `fai`, ...
    method: str = "preseed"
    #: more files that its installer fetches: name below `<url>/files/`, path on the orchestrator
    extras: tuple[tuple[str, str], ...] = ()
    #: package of the kernel that the installed system runs
    kernel_package: str = "linux-image-amd64"
    #: the release whose installer components a mirror is asked for; empty: that of `suite`
    udeb_suite: str = ""
    #: packages that are installed besides the usual ones
    packages: tuple[str, ...] = ()
    #: how the disk is divided: the name of one of the partitioning recipes
    partitions: str = "root"
    #: the edition to install, where one installer has several
    edition: str = ""
    #: handed out under the one-time token, never written into answers
    licence: Secret | None = None
    #: what the arch's role asks of this install, and where the role was written
    answers: tuple[Answer, ...] = ()
    role: str = ""
