"""Bare mirrors of repositories, each made once and brought up to date when asked."""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.drivers.source.process import Git
from orchestrator.model.errors import ConfigError, NotFound
from orchestrator.model.request import Commit
from orchestrator.ports.clock import Deadline

_SCHEMES = frozenset({"file", "http", "https", "ssh", "git"})
_SSH_SHORT = re.compile(r"[\w.-]+@[\w.-]+:[^:]")
_SHA = re.compile(r"[0-9a-f]{4,40}")
_MIRROR = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
#: what is packed is exactly what is committed: no attribute of the product changes it
_ATTRIBUTES = "* -export-ignore -export-subst -text -eol -ident -filter -working-tree-encoding\n"
_POLL = 0.1


class Mirrors:
    """The mirrors below one cache folder, shared by threads and processes that may be killed."""

    def __init__(self, cache: Path, aliases: Mapping[str, str]) -> None:
        """Take the cache folder and the lab's names for repositories (name to path or URL)."""
        self.cache = cache
        self._aliases = aliases

    def url(self, repo: str) -> str:
        """Return the address behind an alias, a path or a URL that git may be given."""
        url = self._aliases.get(repo, repo)
        if url.startswith("-") or "::" in url or not url.isprintable():
            msg = f"{url!r} is not a repository's path or URL"
            raise ConfigError(msg)
        parts = urlsplit(url)
        if parts.password:
            msg = (
                f"the URL of {parts.hostname} holds a password, which others could read: remove it"
            )
            raise ConfigError(msg)
        if parts.scheme in _SCHEMES or _SSH_SHORT.match(url):
            return url
        if (path := Path(url).expanduser()).is_dir():
            return str(path.resolve())
        known = ", ".join(sorted(self._aliases)) or "none"
        msg = f"no repository {repo!r}: not a folder, not a URL, nor an alias of the lab ({known})"
        raise ConfigError(msg)

    def git(self, url: str, lock: int = -1) -> Git:
        """Return git in the mirror of `url`, which must be there."""
        folder = self.cache / sha256(url.encode()).hexdigest()[:24]
        return Git(folder=folder / "mirror.git", config=folder / "gitconfig", lock=lock)

    @contextmanager
    def locked(self, url: str, deadline: Deadline) -> Iterator[Git]:
        """Give the mirror of `url`, created if need be, to one process and thread at a time."""
        home = self.git(url).folder.parent
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _acquire(handle, deadline)
            git = self.git(url, handle)
            _prepare(git, url, deadline)
            yield git
        finally:
            os.close(handle)  # not unlocked: an orphan of git may hold it for a moment more


def _acquire(handle: int, deadline: Deadline) -> None:
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            deadline.sleep(_POLL)


def _prepare(git: Git, url: str, deadline: Deadline) -> None:
    """Create the mirror, or clean up after a git that was killed in it; the lock is ours."""
    git.config.write_text(_config(url), encoding="utf-8")
    if git.folder.exists():
        for stale in (*git.folder.glob("*.lock"), *git.folder.glob("refs/**/*.lock")):
            stale.unlink(missing_ok=True)
        for partial in git.folder.glob("objects/pack/tmp_*"):
            partial.unlink(missing_ok=True)
        return
    for left in git.folder.parent.glob("new-*"):
        shutil.rmtree(left, ignore_errors=True)
    draft = git.folder.with_name(f"new-{secrets.token_hex(4)}")
    Git(folder=draft, config=git.config, lock=git.lock).must(
        "init", "--quiet", "--bare", "--template=", deadline=deadline
    )
    (draft / "info").mkdir(exist_ok=True)
    (draft / "info" / "attributes").write_text(_ATTRIBUTES, encoding="utf-8")
    draft.rename(git.folder)


def _config(url: str) -> str:
    """Return a gitconfig that trusts `url`, if a folder: it may be another user's."""
    path = url.removeprefix("file://")
    quoted = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'[safe]\n\tdirectory = "{quoted}"\n\tdirectory = "{quoted}/.git"\n'


def fetch(git: Git, url: str, ref: str, deadline: Deadline) -> None:
    """Bring the mirror up to date; `ref` too if it is spelled out, as `refs/changes/...` is."""
    wanted = (*_MIRROR, f"+{ref}:{ref}") if _spelled_out(ref) else _MIRROR
    options = ("fetch", "--quiet", "--prune", "--no-tags", "--update-shallow")
    done = git.run(*options, "--", url, *wanted, deadline=deadline)
    if done.code and _spelled_out(ref) and "couldn't find remote ref" in done.err:
        done = git.run(*options, "--", url, *_MIRROR, deadline=deadline)
    if done.code == 0 and ref in {"", "HEAD"}:
        git.run("fetch", "--quiet", "--", url, "+HEAD:refs/remote/HEAD", deadline=deadline)
    if done.code:
        said = f"cannot read the repository {url}: {done.complaint}"
        msg = f"{said}; check its address, and that this host may read it"
        raise ConfigError(msg)


def _spelled_out(ref: str) -> bool:
    return ref.startswith("refs/") and not re.search(r"[:*?\[\\~^]|\.\.", ref)


def find(git: Git, ref: str, deadline: Deadline) -> str:
    """Return the full name of the commit, or nothing."""
    names = (
        ["refs/remote/HEAD"] if ref in {"", "HEAD"} else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    )
    if _spelled_out(ref):
        names.append(ref)
    for name in names:
        done = git.run("show-ref", "--verify", "--hash", "--", name, deadline=deadline)
        if done.code == 0:
            return peel(git, done.out.strip(), deadline)
    return peel(git, ref.lower(), deadline) if _SHA.fullmatch(ref.lower()) else ""


def peel(git: Git, name: str, deadline: Deadline) -> str:
    """Return the full name of the commit that `name` means in the mirror, or nothing."""
    done = git.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", deadline=deadline)
    return done.out.strip() if done.code == 0 else ""


def need(git: Git, url: str, commit: Commit, deadline: Deadline) -> None:
    """Make sure the mirror has the commit: the cache may have been emptied since it resolved."""
    if peel(git, commit.sha, deadline):
        return
    fetch(git, url, commit.ref, deadline)
    if peel(git, commit.sha, deadline):
        return
    git.run("fetch", "--quiet", "--", url, commit.sha, deadline=deadline)
    if not peel(git, commit.sha, deadline):
        msg = f"{commit.repo} no longer has commit {commit.sha[:10]} (was {commit.ref})"
        raise NotFound(msg)
