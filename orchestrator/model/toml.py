"""TOML text as a tree of `Entry`: the standard library's values with the lines they are on."""

import re
import tomllib
from collections.abc import Mapping
from itertools import takewhile

from orchestrator.model.document import Entry
from orchestrator.model.errors import ConfigError

Trail = tuple[str | int, ...]

_TOKEN = re.compile(
    r'''(?P<space>(?:[ \t\r]|\#[^\n]*)+)
    |(?P<newline>\n)
    |(?P<text>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|'[^']*')
    |(?P<sign>[\[\]{}=,.])
    |(?P<word>[^\s\[\]{}=,.\#"']+)''',
    re.VERBOSE | re.DOTALL,
)
_POSITION = re.compile(r"(.*?) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)
_DEPTH = {"[": 1, "{": 1, "]": -1, "}": -1}


def parse(file: str, text: str) -> Entry:
    """Return the whole file; raise `ConfigError` with `file:line` where it is not TOML."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _POSITION.fullmatch(str(error))
        problem, line = (match[1], match[2]) if match else (str(error), None)
        last = text.rstrip().count("\n") + 1
        msg = f"{file}:{line or last}: not TOML: {problem.lower()}; mend this line"
        raise ConfigError(msg) from error
    except RecursionError as error:
        raise ConfigError(f"{file}: not TOML: it is nested too deep; mend it") from error
    return _entry(Entry(file=file, line=1, name="", value=None), (), value, lines(text))


def lines(text: str) -> dict[Trail, int]:
    """Return the line (from 1) of every table and key of valid TOML.

    What is inside of a value, on its lines or on one, counts to the line of its key.
    """
    found: dict[Trail, int] = {}
    table: Trail = ()
    counts: dict[Trail, int] = {}
    for line, tokens in _statements(text):
        array, signs = tokens[:2] == ["[", "["], tokens[:1] == ["["]
        keys = _keys(tokens[1 + array :] if signs else tokens)
        if not signs:
            _note(found, table, keys, line)
            continue
        above = _resolved(keys[:-1], counts)
        if array:
            index = counts[(*above, keys[-1])] = counts.get((*above, keys[-1]), -1) + 1
            _note(found, above, keys[-1:], line)
            table = (*above, keys[-1], index)
            found[table] = line
        else:
            table = _resolved(keys, counts)
            _note(found, (), table, line)
    return found


def _statements(text: str) -> list[tuple[int, list[str]]]:
    """Return each header or `key = value` with the line it begins on, as tokens."""
    found: list[tuple[int, list[str]]] = []
    depth, begun, line = 0, False, 1
    for match in _TOKEN.finditer(text):
        token = match[0]
        if match.lastgroup == "newline":
            begun = begun and depth > 0
        elif match.lastgroup != "space":
            if not begun:
                found.append((line, []))
            begun = True
            found[-1][1].append(token)
            depth += _DEPTH.get(token, 0)
        line += token.count("\n")
    return found


def _keys(tokens: list[str]) -> Trail:
    """Return the parts of the dotted key that `tokens` begin with."""
    parts: list[str] = []
    for part in takewhile(lambda sign: sign not in {"=", "]"}, tokens):
        if part != ".":
            parts.append(tomllib.loads(f"k = {part}")["k"] if part[0] in "\"'" else part)
    return tuple(parts)


def _resolved(keys: Trail, counts: Mapping[Trail, int]) -> Trail:
    """Return the trail of a header's keys: an array of tables means its newest one."""
    trail: Trail = ()
    for key in keys:
        trail = (*trail, key)
        if trail in counts:
            trail = (*trail, counts[trail])
    return trail


def _note(found: dict[Trail, int], table: Trail, keys: Trail, line: int) -> None:
    """Note the line of a key and of the tables that it makes on its way."""
    for length in range(1, len(keys) + 1):
        found.setdefault((*table, *keys[:length]), line)


def _entry(place: Entry, trail: Trail, value: object, known: Mapping[Trail, int]) -> Entry:
    """Return `value` with the name and line of `place`, and all below it with their own."""

    def below(key: str | int, name: str, inner: object) -> Entry:
        here = (*trail, key)
        at = Entry(file=place.file, line=known.get(here, place.line), name=name, value=None)
        return _entry(at, here, inner, known)

    made: object = value
    if isinstance(value, dict):
        dot = f"{place.name}." if place.name else ""
        made = {key: below(key, f"{dot}{key}", inner) for key, inner in value.items()}
    elif isinstance(value, list):
        made = tuple(below(i, f"{place.name}[{i}]", inner) for i, inner in enumerate(value))
    return Entry(file=place.file, line=place.line, name=place.name, value=made)  # type: ignore[arg-type]  # TOML's own types
