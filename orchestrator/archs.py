"""Reads reference_archs/*.yaml: families expanded over their axes, errors with file and line."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from orchestrator.model import existence, installing
from orchestrator.model.arch import (
    Alternative,
    Arch,
    Budget,
    Deploy,
    Least,
    Means,
    Role,
    Settings,
    Smoke,
)
from orchestrator.model.document import Entry, hint
from orchestrator.model.errors import ConfigError
from orchestrator.model.space import Space

#: (axis, its values)
Axes = tuple[tuple[str, tuple[str, ...]], ...]

KEYS = (
    *("arch", "summary", "lieutenants", "voting", "axes", "exclude", "roles", "semaphores"),
    *("deploy", "smoke", "budget", "alternatives", "requires", "covers", "drivers"),
    *("exists", "projects"),
)
#: `{axis}`, but not Jinja's `{{ name }}` nor the shell's `${name}`
_PLACEHOLDER = re.compile(r"(?<![{$])\{([A-Za-z_]\w*)\}(?!\})")
#: the suite that comes from a package, not from a folder
TEMPEST = "tempest"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_GROUP = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A combination of settings that a family leaves out, and why."""

    #: the family's name as written, e.g. `{hypervisor}-{network}`
    family: str
    axes: Settings
    because: str
    #: where it was read, `file:line`
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """Where what an arch names must exist; None: it is not looked for."""

    playbooks: Path | None
    suites: Path | None


def load(
    paths: Sequence[Path], *, playbooks: Path | None = None, suites: Path | None = None
) -> tuple[Arch, ...]:
    """Return every arch of the files in `paths` (of a folder: its YAML files), in their order.

    Plays and suites must exist below `playbooks` and `suites`, where these are given. Raises
    `ConfigError` with `file:line: what is wrong; what to do`.
    """
    shelf = _Shelf(playbooks=playbooks, suites=suites)
    found: dict[str, Arch] = {}
    for path in files(paths):
        entry = _read(path)
        for arch in _family(entry, shelf):
            if other := found.get(arch.name):
                raise entry["arch"].wrong(_taken(arch, other))
            found[arch.name] = arch
    return tuple(found.values())


def exclusions(paths: Sequence[Path]) -> tuple[Exclusion, ...]:
    """Return what the families in `paths` leave out, and why."""
    entries = [_read(path) for path in files(paths)]
    return tuple(out for entry in entries for out in _exclusions(entry, _axes(entry)))


def files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files among `paths` and the YAML files in the folders among them, by name."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.glob("*.y*ml") if p.suffix in {".yaml", ".yml"})
        if path.is_dir() and not inside:
            msg = f"{path}: no arch files (*.yaml) in this folder; write one or name another folder"
            raise ConfigError(msg)
        found += inside if path.is_dir() else [path]
    return tuple(found)


def _taken(arch: Arch, other: Arch) -> str:
    if arch.source == other.source:
        axes = " ".join(f"{{{axis}}}" for axis, _ in arch.axes)
        return f"several combinations are called `{arch.name}`; put every axis into it: {axes}"
    return f"`{arch.name}` is taken by {other.source}; give one of them another name"


def _family(entry: Entry, shelf: _Shelf) -> tuple[Arch, ...]:
    entry.table(*KEYS)
    axes = _axes(entry)
    members = Space(axes, [out.axes for out in _exclusions(entry, axes)])
    if not members.count:
        raise entry["exclude"].wrong("every combination is excluded; remove an entry")
    archs = tuple(_arch(_filled(entry, dict(member)), member, shelf) for member in members)
    words = {value for _, values in axes for value in values}
    words |= {word for arch in archs for word in _words(arch)}
    for key in (
        "lieutenants",
        "covers",
        *(("exists",) if existence.by_word(entry["exists"]) else ()),
    ):
        _refuse_strangers(entry[key], words)
    if isinstance(entry["voting"].value, tuple):
        named = {item.text(): item for item in entry["voting"].items()}
        _refuse_strangers(replace(entry["voting"], value=named), words)
    return archs


def _axes(entry: Entry) -> Axes:
    axes = []
    for name, values in entry["axes"].table().items():
        if not _GROUP.fullmatch(name):
            raise values.wrong(f"axis `{name}`: name it with letters, digits and _")
        texts = values.texts()
        if len(set(texts)) < max(1, len(texts)):
            raise values.wrong(f"`{values.name}` needs one value or more, each once; mend the list")
        axes.append((name, texts))
    return tuple(axes)


def _exclusions(entry: Entry, axes: Axes) -> tuple[Exclusion, ...]:
    found: list[Exclusion] = []
    left = Space(axes).count
    for item in entry["exclude"].items():
        found.append(_exclusion(item, dict(axes), entry["arch"].text()))
        before, left = left, Space(axes, [out.axes for out in found]).count
        if left == before:
            raise item.wrong("this excludes nothing that is not excluded above; remove it")
    return tuple(found)


def _exclusion(item: Entry, axes: Mapping[str, tuple[str, ...]], family: str) -> Exclusion:
    keys = item.table(*axes, "because")
    if "because" not in keys:
        raise item.wrong("an exclusion owes its reason; add `because: ...`")
    if len(keys) == 1:
        raise item.wrong("this names no axis; say which combination it excludes")
    settings = tuple((axis, item[axis].one_of(axes[axis])) for axis in axes if axis in keys)
    because = item["because"].text()
    return Exclusion(family=family, axes=settings, because=because, source=item.source)


def _filled(entry: Entry, axes: Mapping[str, str]) -> Entry:
    """Return the entry with every `{axis}` in its texts replaced by this member's value."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in axes:
            advice = hint(match[1], axes) if axes else "this file has no axes"
            raise entry.wrong(f"unknown placeholder {match[0]} in `{entry.name}`; {advice}")
        return axes[match[1]]

    filled = entry.value
    if isinstance(filled, str):
        filled = _PLACEHOLDER.sub(value, filled)
    elif isinstance(filled, tuple):
        filled = tuple(_filled(item, axes) for item in filled)
    elif isinstance(filled, Mapping):
        filled = {key: _filled(below, axes) for key, below in filled.items()}
    return Entry(file=entry.file, line=entry.line, name=entry.name, value=filled)


def _arch(entry: Entry, axes: Settings, shelf: _Shelf) -> Arch:
    name = entry["arch"].text()
    if not _NAME.fullmatch(name):
        raise entry["arch"].wrong(f"`{name}` is no name; use letters, digits and . _ + -")
    roles = tuple(_role(name, role) for name, role in entry["roles"].table().items())
    if not roles:
        raise entry["roles"].wrong("`roles` is missing; say which machines the arch needs")
    arch = Arch(
        name=name,
        summary=entry["summary"].text(),
        roles=roles,
        deploy=_deploy(entry["deploy"], shelf.playbooks),
        smoke=_smoke(entry["smoke"], shelf.suites),
        axes=axes,
        semaphores=entry["semaphores"].texts(),
        budget=_budget(entry["budget"]),
        projects=entry["projects"].texts(),
        drivers=entry["drivers"].texts(),
        alternatives=tuple(
            _alternative(item, [role.name for role in roles])
            for item in entry["alternatives"].items()
        ),
        hardware=entry["requires"].written and bool(entry["requires"].one_of((Means.HARDWARE,))),
        source=entry["arch"].source,
    )
    words = _words(arch)
    people, paths = (_shared(entry[key], words) for key in ("lieutenants", "covers"))
    exists = existence.read(entry["exists"], words)
    votes = _votes(entry["voting"], words)
    return replace(arch, voting=votes, lieutenants=people, covers=paths, exists=exists)


def _votes(entry: Entry, words: Collection[str]) -> bool:
    """Return whether an arch of these words votes: all of the family do, none, or those listed."""
    if isinstance(entry.value, tuple):
        return any(text in words for text in entry.texts())
    return entry.flag(default=True)


def _words(arch: Arch) -> frozenset[str]:
    """Return what a key of `lieutenants` or `covers` may call this arch by."""
    return frozenset({arch.name, *arch.hypervisors, *(value for _, value in arch.axes)})


def _shared(entry: Entry, words: frozenset[str]) -> tuple[str, ...]:
    """Return the texts of a plain list, or those that a table gives to any of `words`."""
    if not isinstance(entry.value, Mapping):
        return entry.texts()
    found = [text for word, texts in entry.value.items() if word in words for text in texts.texts()]
    return tuple(dict.fromkeys(found))


def _refuse_strangers(entry: Entry, words: Collection[str]) -> None:
    for word, below in entry.value.items() if isinstance(entry.value, Mapping) else ():
        if word not in words:
            raise below.wrong(f"no arch of this file is `{word}`; {hint(word, sorted(words))}")


def _role(name: str, role: Entry) -> Role:
    role.table("count", "needs", "install", "answers", "vars", "groups")
    groups = role["groups"].texts() or (name,)
    for group in groups:
        if not _GROUP.fullmatch(group):
            raise role.wrong(f"`{group}` is no Ansible group; use letters, digits and _")
    return Role(
        name=name,
        count=role["count"].integer(1, least=1),
        needs=frozenset(role["needs"].texts()),
        install=role["install"].text(),
        groups=groups,
        settings=_settings(role["vars"]),
        answers=installing.read(role["answers"]),
        source=role.source if role["answers"].written else "",
    )


def _deploy(entry: Entry, playbooks: Path | None) -> Deploy:
    entry.table("play", "vars")
    play = entry["play"].text()
    known = [p.name for p in sorted(playbooks.glob("*.y*ml"))] if playbooks else [play]
    if play not in known:
        raise entry["play"].wrong(f"no play `{play}` in {playbooks}; {hint(play, known)}")
    return Deploy(play=play, settings=_settings(entry["vars"]))


def _smoke(entry: Entry, suites: Path | None) -> Smoke:
    entry.table("suite", "tests", "regex")
    suite = entry["suite"].text()
    known = [p.parent.name for p in sorted(suites.glob("*/test_*.py"))] if suites else [suite]
    if suite == TEMPEST:
        # Its tests are its own: what it wants of us is how to find the cloud.
        return Smoke(suite=suite, tests=entry["regex"].text(""))
    if entry["regex"].written:
        raise entry["regex"].wrong("`smoke.regex` is for the suite tempest; write `tests` here")
    if suite not in known:
        names = {TEMPEST, *known}
        raise entry["suite"].wrong(f"no suite `{suite}` in {suites}; {hint(suite, names)}")
    return Smoke(suite=suite, tests=entry["tests"].text(""))


def _alternative(item: Entry, roles: Sequence[str]) -> Alternative:
    """Return what `hardware: {...}`, `partner: NAME` or `simulator: {...}` says."""
    keys = item.table(*Means)
    if len(keys) != 1:
        raise item.wrong(f"an alternative is one of {', '.join(Means)}; give each an item")
    word, inner = next(iter(keys.items()))
    if word == Means.PARTNER:
        return Alternative(means=Means.PARTNER, partner=inner.text())
    inner.table("needs", "semaphores", "vars")
    needs = inner["needs"].table(*roles)
    return Alternative(
        means=Means(word),
        needs=tuple((role, wanted.texts()) for role, wanted in needs.items()),
        semaphores=inner["semaphores"].texts(),
        settings=_settings(inner["vars"]),
    )


def _settings(entry: Entry) -> Settings:
    return tuple((key, _setting(value)) for key, value in entry.table().items())


def _setting(entry: Entry) -> str:
    if isinstance(entry.value, bool):
        return "true" if entry.value else "false"
    if isinstance(entry.value, int | float):
        return str(entry.value)
    return entry.text("")


def _budget(entry: Entry) -> Budget:
    usual = Budget()
    entry.table("provision", "deploy", "smoke", "collect", "least")
    return Budget(
        provision=entry["provision"].seconds(usual.provision),
        deploy=entry["deploy"].seconds(usual.deploy),
        smoke=entry["smoke"].seconds(usual.smoke),
        collect=entry["collect"].seconds(usual.collect),
        least=_least(entry["least"]),
    )


def _least(entry: Entry) -> Least:
    entry.table("provision", "deploy", "smoke")

    def seconds(stage: str) -> float | None:
        return entry[stage].seconds() if entry[stage].written else None

    return Least(provision=seconds("provision"), deploy=seconds("deploy"), smoke=seconds("smoke"))


class _Loader(yaml.SafeLoader):
    """Refuses aliases: an error in one could not name the line that it was written on."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="an alias (*name) is not read here", problem_mark=mark
            )
        return super().compose_node(parent, index)


def _read(path: Path) -> Entry:
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(f"{path}:1: the file is empty; write an arch or remove it")
        return _entry(loader, node, Entry(file=str(path), line=1, name="", value=None))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); mend or remove it") from error
    except yaml.MarkedYAMLError as error:
        # Of a key without its colon, the problem is only found at the next line.
        mark = error.context_mark if "simple key" in str(error.context) else error.problem_mark
        line = mark.line + 1 if mark else 1
        problem = error.problem or error.context
        raise ConfigError(f"{path}:{line}: not YAML: {problem}; mend this line") from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = getattr(error, "reason", "it is nested too deep")
        raise ConfigError(f"{path}: not YAML: {reason}; mend it") from error


def _entry(loader: _Loader, node: yaml.Node, place: Entry) -> Entry:
    """Return what `node` holds, with the name and line that `place` gives it."""
    if isinstance(node, yaml.MappingNode):
        return replace(place, value=_table(loader, node, place))
    if isinstance(node, yaml.SequenceNode):
        items = (
            _entry(loader, item, replace(place, line=_line(item), name=f"{place.name}[{number}]"))
            for number, item in enumerate(node.value)
        )
        return replace(place, value=tuple(items))
    try:
        return replace(place, value=loader.construct_object(node))
    except ValueError as error:
        raise place.wrong(f"not YAML: {error}; mend this line") from error


def _table(loader: _Loader, node: yaml.MappingNode, place: Entry) -> dict[str, Entry]:
    table: dict[str, Entry] = {}
    for key_node, value_node in node.value:
        here = replace(place, line=_line(key_node))
        key = key_node.value
        if key_node.tag != "tag:yaml.org,2002:str":
            raise here.wrong(f"the key `{key}` is not text; put it in quotes")
        if key in table:
            raise here.wrong(f"`{key}` is written twice (line {table[key].line}); remove one")
        name = f"{place.name}.{key}" if place.name else key
        table[key] = _entry(loader, value_node, replace(here, name=name))
    return table


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
