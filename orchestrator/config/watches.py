"""The `[watch.NAME]` tables of a lab file: which repositories start runs by themselves."""

import re
from collections.abc import Mapping
from datetime import UTC, time
from typing import Final

from orchestrator.config import values
from orchestrator.model.document import Entry, hint
from orchestrator.model.request import Lane
from orchestrator.model.watch import Watch

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_LANES: Final = (Lane.MERGED.value, Lane.NIGHTLY.value)


def watches(entry: Entry, repos: Mapping[str, str]) -> tuple[Watch, ...]:
    """Return what is watched; a repository is one of `repos`, a path or a URL."""
    return tuple(_watch(name, table, repos) for name, table in entry.table().items())


def _watch(name: str, entry: Entry, repos: Mapping[str, str]) -> Watch:
    entry.table("repo", "branches", "lane", "archs", "every", "at")
    lane = Lane(entry["lane"].one_of(_LANES, Lane.MERGED.value))
    if entry["at"].written and lane is not Lane.NIGHTLY:
        raise entry["at"].wrong(f'`{entry["at"].name}` needs `lane = "nightly"`; remove one')
    branches = entry["branches"].texts()
    if not branches:
        raise entry.wrong(f'`{entry.name}.branches` is missing; name some, e.g. ["master"]')
    return Watch(
        name=name,
        repo=_repo(entry["repo"], repos),
        branches=branches,
        lane=lane,
        archs=entry["archs"].texts(),
        every=entry["every"].seconds(60.0),
        at=_clock(entry["at"]),
        source=entry.source,
    )


def _repo(entry: Entry, repos: Mapping[str, str]) -> str:
    found = values.open_url(entry)
    if found not in repos and not re.search(r"[/:]", found):
        raise entry.wrong(f"no repository is called `{found}`; {hint(found, repos)}")
    return found


def _clock(entry: Entry) -> time:
    match = _CLOCK.fullmatch(entry.text("02:00"))
    if match is None:
        raise entry.wrong(f'`{entry.name}` is no time of day; write for example "02:30" (UTC)')
    return time(int(match[1]), int(match[2]), tzinfo=UTC)
