"""Examples for the API's description, made from its schemas and a table of telling words.

Made rather than written, so that no operation is without one and none tells of a field that is
gone; a test holds each against its schema.
"""

from collections.abc import Mapping
from typing import Final

Schema = Mapping[str, object]

_URL: Final = "http://127.0.0.1:8470"
#: what a field of that name may hold
WORDS: Final[Mapping[str, object]] = {
    "address": "127.0.0.1:22022",
    "arch": "kvm-flat",
    "archs": ["kvm-flat"],
    "attempt": "12/kvm-flat/1",
    "attempts": 1,
    "because": "it is an arch",
    "bmc": "127.0.7.1:6230",
    "branch": "trunk",
    "capabilities": ["kvm", "x86_64"],
    "cause": "test_two_nics: the second NIC never answered",
    "cell": "12/kvm-flat",
    "commit": "1a2b3c4d5e6f",
    "days": 90,
    "detail": "there is no run 99; `smoketest runs` lists them",
    "driver": "jenkins",
    "exit": 0,
    "hours": 2,
    "hypervisors": ["kvm"],
    "kind": "busy",
    "lab": "lab in a box",
    "lieutenants": ["kvm-team@example.org"],
    "limit": 20,
    "message": "msg_6f1c0a",
    "name": "n03",
    "node": "n03",
    "nodes": ["n01", "n02"],
    "note": "for the nightly job",
    "number": 1,
    "operator": "acme",
    "orchestrator": "0a1b2c3d4e5f",
    "owner": "ada",
    "reason": "the switch was down",
    "ref": "trunk",
    "repo": "nova",
    "requester": "ada",
    "role": "compute",
    "run": 12,
    "sha256": "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    "since": 0,
    "subject": "Boot faster",
    "summary": "Compute on kvm, flat network, one zone",
    "text": "waits for 2 machines with kvm",
    "token": 7,
    "url": f"{_URL}/runs/12",
    "version": "0.1.0",
    "why": "waits for 2 machines with kvm",
}
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "array": list,
    "boolean": bool,
}
#: values inside values that are still shown
_DEEPEST: Final = 8


def sample(schema: Schema, known: Mapping[str, Schema], name: str = "", depth: int = 0) -> object:
    """Return a value that fits the schema; `known` are the named ones that it may point at."""
    if isinstance(found := schema.get("$ref"), str):
        return sample(known[found.rpartition("/")[2]], known, name, depth)
    if isinstance(choices := schema.get("anyOf") or schema.get("oneOf"), list):
        return _chosen(choices, known, name, depth)
    if isinstance(values := schema.get("enum"), list):
        return values[0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, known, depth)
    if _fits(name, schema, str(kind)):
        return WORDS[name]
    if kind == "array":
        return _array(schema, known, name, depth)
    return _plain(schema, str(kind))


def _fits(name: str, schema: Schema, kind: str) -> bool:
    """Return whether there is a word for that name which is of the schema's type."""
    items = schema.get("items")
    words = not isinstance(items, Mapping) or items.get("type") == "string"
    return words and name in WORDS and isinstance(WORDS[name], _TYPES.get(kind, ()))


def _chosen(choices: list[Schema], known: Mapping[str, Schema], name: str, depth: int) -> object:
    told = [choice for choice in choices if choice.get("type") != "null"]
    return sample(told[0], known, name, depth) if told else None


def _object(schema: Schema, known: Mapping[str, Schema], depth: int) -> dict[str, object]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or depth > _DEEPEST:
        return {}
    return {name: sample(of, known, name, depth + 1) for name, of in properties.items()}


def _array(schema: Schema, known: Mapping[str, Schema], name: str, depth: int) -> list[object]:
    fixed, items = schema.get("prefixItems"), schema.get("items")
    if isinstance(fixed, list):
        return [sample(of, known, "", depth + 1) for of in fixed]
    if not isinstance(items, Mapping) or depth > _DEEPEST:
        return []
    # one of `archs` is an `arch`
    return [sample(items, known, name.removesuffix("s"), depth + 1)]


def _plain(schema: Schema, kind: str) -> object:
    if kind == "string":
        if schema.get("format") == "date-time":
            return "2026-03-01T12:00:00Z"
        return "" if not schema.get("minLength") else "example"
    if kind == "integer":
        return schema.get("minimum", 1)
    if kind == "number":
        return schema.get("maximum", 1.5)
    return False if kind == "boolean" else None
