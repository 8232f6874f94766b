"""What people write for a repository and a ref of it: `REPO[@REF]`."""

import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.model.errors import ConfigError
from orchestrator.model.request import Ref

#: the repository's own default branch
DEFAULT = "HEAD"

_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/]*", re.IGNORECASE)
#: `host:path` or `user@host:path`, as git and ssh write it
_SSH_SHORT = re.compile(r"(?:[^@/:\s]+@)?[^@/:\s]+:(?!//)")
_ALIAS = re.compile(r"[^@/:.~][^@/:]*")


def parse(text: str) -> Ref:
    """Return the repository and ref that `text` names.

    The repository is a URL (kept as it is), a path (made absolute) or else an alias (lower case).
    The `@` of a user name or of a folder's name is not taken for that of a ref. Raises
    `ConfigError`.
    """
    repo, ref = _split(text.strip())
    if not repo or not ref:
        missing = "repository" if not repo else "ref"
        msg = f"{text!r} names no {missing}: write REPO or REPO@REF, e.g. sample@trunk"
        raise ConfigError(msg)
    return Ref(repo=repo, ref=ref)


def _split(text: str) -> tuple[str, str]:
    if address := _URL.match(text) or _SSH_SHORT.match(text):
        path, at, ref = text[address.end() :].rpartition("@")
        if not at:
            return text, DEFAULT
        return address.group() + path, ref
    alias = _ALIAS.match(text)
    if alias and (alias.end() == len(text) or text[alias.end()] == "@"):
        ref = text[alias.end() + 1 :] if "@" in text else DEFAULT
        return alias.group().lower(), ref
    return _local(text)


def _local(text: str) -> tuple[str, str]:
    """Return the longest folder that exists and the ref after it, or else split at the last `@`."""
    choices = list(_choices(text))
    for path, ref in choices:
        if path and Path(path).expanduser().is_dir():
            return _absolute(path), ref
    path, ref = choices[1] if len(choices) > 1 else choices[0]
    return _absolute(path), ref


def _choices(text: str) -> Iterator[tuple[str, str]]:
    yield text, DEFAULT
    for match in reversed(list(re.finditer("@", text))):
        yield text[: match.start()], text[match.end() :]


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute().resolve()) if path else ""
