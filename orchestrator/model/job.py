"""What a Jenkins client sees of us: jobs with parameters, and builds that it asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.model.ids import RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A build that was asked for: its queue item, its build and our run have the same number."""

    run: RunId
    job: str
    #: the arch whose cell it is
    arch: str
    #: who asked, by token
    asker: str
    #: as they were given, as far as the job declares them
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something that can be asked for: an arch, or a job that somebody described."""

    name: str
    #: empty for a job that names no arch: it cannot be built
    arch: str
    summary: str
    #: parameter -> default
    parameters: Mapping[str, str]
    #: as somebody described it, or empty for an arch of ours
    xml: str = ""
