"""Plan: which archs a request runs on, whether this lab can, and what the choice covers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import combinations

from orchestrator.model.arch import ANY, Alternative, Arch, Means, Settings
from orchestrator.model.covering import covering
from orchestrator.model.errors import Impossible, NotFound
from orchestrator.model.existence import absence
from orchestrator.model.lease import Candidate
from orchestrator.model.placement import missing, needs
from orchestrator.model.request import Commit, Patch, Request
from orchestrator.model.run import Plan
from orchestrator.model.space import Listed
from orchestrator.ports.clock import Deadline
from orchestrator.ports.history import History

#: each partner of the lab, and the archs that it takes
Partners = Mapping[str, frozenset[str]]
Pairs = frozenset[Settings]
#: with more archs than this, families are chosen from one by one
_MANY = 200


def choose(request: Request, archs: Sequence[Arch]) -> tuple[Arch, ...]:
    """Return the archs that the request names (all, if none), thinned out as `select` says.

    Whoever names none means all that this lab can run: see `possible`.
    """
    known = {arch.name: arch for arch in archs}
    for name in request.archs:
        if name not in known:
            raise NotFound(_unknown(name, list(known)))
    wanted = [known[name] for name in dict.fromkeys(request.archs)] or list(archs)
    if not request.select.strength:
        return tuple(wanted)
    return cover(wanted, request.select.strength)


def possible(
    archs: Sequence[Arch], nodes: Sequence[Candidate], partners: Partners | None = None
) -> tuple[Arch, ...]:
    """Return the archs that this lab has machines or a partner for; all, if it has for none."""
    return tuple(arch for arch in archs if here(arch, nodes, partners or {})) or tuple(archs)


def meant(archs: Sequence[Arch], repo: str) -> tuple[Arch, ...]:
    """Return the archs for that repository: those that name it, or else those that name none."""
    name = repo.rstrip("/").rpartition("/")[2].removesuffix(".git")
    named = tuple(arch for arch in archs if name in arch.projects)
    return named or tuple(arch for arch in archs if not arch.projects)


def here(arch: Arch, nodes: Sequence[Candidate], partners: Partners) -> tuple[Alternative, ...]:
    """Return the alternatives that this lab has machines or a partner for, each partner named.

    A partner that takes an arch which names no partners comes after all that it does name.
    """
    asks = any(way.means is Means.PARTNER for way in arch.ways)
    ways = arch.ways if asks else (*arch.ways, Alternative(means=Means.PARTNER, partner=ANY))
    found: list[Alternative] = []
    for number, way in enumerate(ways):
        if way.means is Means.PARTNER:
            takers = [name for name, takes in partners.items() if arch.name in takes]
            named = [name for name in takers if way.partner in {ANY, name}]
            found += [replace(way, partner=name) for name in named]
        elif not missing(needs(arch.by(number)), nodes):
            found.append(way)
    return tuple(dict.fromkeys(found))


def narrowed(arch: Arch, ways: Sequence[Alternative]) -> Arch:
    """Return the arch with these alternatives only; as it is if they are its own."""
    return arch if tuple(ways) == arch.ways else replace(arch, alternatives=tuple(ways))


def cover(archs: Sequence[Arch], strength: int) -> tuple[Arch, ...]:
    """Return few archs that hold every combination of `strength` settings that any of them holds.

    Greedy: each step takes the arch with the most combinations still missing, the first among
    equals, so that the same archs give the same choice. Archs without axes are always taken. Large
    families are chosen from one by one, by `model.covering`.
    """
    families = _families(archs)
    if len(archs) > _MANY:
        return tuple(arch for family in families for arch in _covered(family, strength))
    chosen = [arch for arch in archs if not arch.axes]
    left = frozenset[Settings]().union(*(held(a, strength) for a in archs))
    while left:
        best = max(archs, key=lambda arch: len(held(arch, strength) & left))
        chosen.append(best)
        left -= held(best, strength)
    return tuple(arch for arch in archs if arch in chosen)


def _families(archs: Sequence[Arch]) -> list[list[Arch]]:
    """Return the archs by the file and line that they come from and the axes that they have."""
    found: dict[tuple[str, ...], list[Arch]] = {}
    for arch in archs:
        found.setdefault((arch.source, *(axis for axis, _ in arch.axes)), []).append(arch)
    return list(found.values())


def _covered(family: Sequence[Arch], strength: int) -> list[Arch]:
    if not family[0].axes:
        return list(family)
    chosen = set(covering(Listed([arch.axes for arch in family]), strength).cells)
    return [arch for arch in family if arch.axes in chosen]


def never_meet(archs: Sequence[Arch]) -> tuple[Settings, ...]:
    """Return the pairs of settings of a family that none of its archs holds: they are excluded."""
    found: list[Settings] = []
    for family in _families(archs):
        every = frozenset[Settings]().union(*(held(arch, 2) for arch in family))
        axes = Listed([arch.axes for arch in family]).axes
        for (one, values), (other, others) in combinations(sorted(axes), 2):
            pairs = (((one, a), (other, b)) for a in sorted(values) for b in sorted(others))
            found += [pair for pair in pairs if pair not in every]
    return tuple(dict.fromkeys(found))


def held(arch: Arch, strength: int) -> Pairs:
    """Return the combinations of `strength` settings (fewer, if it has fewer axes) in an arch."""
    return frozenset(combinations(sorted(arch.axes), min(strength, len(arch.axes)))) - {()}


def pair_coverage(chosen: Sequence[Arch], archs: Sequence[Arch]) -> tuple[int, int]:
    """Return (pairs of settings that `chosen` holds, pairs that any arch holds)."""
    every = frozenset[Settings]().union(*(held(a, 2) for a in archs))
    got = frozenset[Settings]().union(*(held(a, 2) for a in chosen))
    return len(got), len(every)


def refuse_impossible(
    archs: Sequence[Arch], nodes: Sequence[Candidate], partners: Partners | None = None
) -> tuple[Arch, ...]:
    """Return the archs with what this lab can do of their alternatives.

    Raises `Impossible` naming the arch and what the whole lab lacks for it.
    """
    return tuple(_here(arch, nodes, partners or {}) for arch in archs)


def _here(arch: Arch, nodes: Sequence[Candidate], partners: Partners) -> Arch:
    if ways := here(arch, nodes, partners):
        return narrowed(arch, ways)
    lacks = ", or ".join(_lacking(arch, number, nodes) for number in range(len(arch.ways)))
    msg = f"{arch.name} ({arch.source}) needs {lacks}: add such a node or leave it out"
    raise Impossible(msg)


def _lacking(arch: Arch, number: int, nodes: Sequence[Candidate]) -> str:
    way = arch.ways[number]
    if way.means is Means.PARTNER:
        return f"the partner {way.partner}" if way.partner != ANY else "a partner who takes it"
    return missing(needs(arch.by(number)), nodes)


def absent(
    plan: Plan, patches: Sequence[Patch], history: History, deadline: Deadline
) -> Mapping[str, str]:
    """Return why an arch has nothing to say about the plan's commits, for each that has not."""
    found: dict[str, str] = {}
    for arch in plan.archs:
        commit = _looked_at(arch, plan) if arch.exists else None
        if arch.exists and commit:
            ours = patches if commit is plan.snapshot.commit else ()
            files = history.present(commit, ours, arch.exists.files, deadline)
            release = history.release(commit, deadline) if arch.exists.bounded else ""
            if why := absence(arch.exists, commit, files, release):
                found[arch.name] = why
    return found


def _looked_at(arch: Arch, plan: Plan) -> Commit | None:
    """Return the commit that decides whether the arch exists, None if it is not in the plan."""
    commits = (plan.snapshot.commit, *plan.others)
    wanted = arch.exists.repo if arch.exists else ""
    if not wanted:
        return commits[0]
    return next((c for c in commits if wanted in {c.repo, _last_part(c.repo)}), None)


def _last_part(repo: str) -> str:
    return repo.rstrip("/").rpartition("/")[2].removesuffix(".git")


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`smoketest archs` lists them"
    return f"there is no arch {name!r}; {hint}"
