"""Who asks what: a ref of a repository, against which archs, why."""

from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """How a request came and how it queues."""

    ASKED = "asked"
    MERGED = "merged"
    NIGHTLY = "nightly"


class Select(StrEnum):
    """Which of the matching archs to run."""

    ALL = "all"
    EACH = "each"
    PAIRWISE = "pairwise"
    THREEWISE = "t:3"
    FOURWISE = "t:4"

    @property
    def strength(self) -> int:
        """Return how many settings must have met in some cell; 0: all that there are."""
        return {Select.EACH: 1, Select.PAIRWISE: 2, Select.THREEWISE: 3, Select.FOURWISE: 4}.get(
            self, 0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A repository (an alias of lab.toml, a path or a URL) and a branch, tag or commit of it."""

    repo: str
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A local patch to lay on top: the file's name and its text in `git diff` form."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks for; `archs` empty means all of them."""

    repo: str
    ref: str
    requester: str
    archs: tuple[str, ...] = ()
    select: Select = Select.ALL
    patches: tuple[Patch, ...] = ()
    others: tuple[Ref, ...] = ()
    lane: Lane = Lane.ASKED
    reason: str = ""
    #: the asker accepts that code of this repository runs as the lab's user
    trust_code: bool = False
    #: the very commit of `ref` that is meant; empty: its newest
    commit: str = ""
    #: code of somebody who may not write to the repository: trust in the repository is none in it
    outside: bool = False
    #: a repeat with the same key finds the first run instead of starting another
    key: str = ""
    #: another lab asks: it is decided here, and not passed on to a partner
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A ref resolved once: what exactly is tested."""

    repo: str
    ref: str
    sha: str
    subject: str = ""
    #: digest of the patches laid on top; empty when there are none
    patched: str = ""

    @property
    def name(self) -> str:
        """Return the short name that people see: `1a2b3c4d5e`, and `+9f8e7d` if patched."""
        return self.sha[:10] + (f"+{self.patched[:6]}" if self.patched else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The files of a commit, patches applied, packed for a deploy to lay down."""

    commit: Commit
    #: path of a gzipped tar archive on the orchestrator
    archive: str
    #: other repositories' files that are laid down beside it
    beside: "tuple[Snapshot, ...]" = ()
