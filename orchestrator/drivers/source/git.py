"""Git repositories, mirrored once and packed by commit; hooks, filters and helpers stay off."""

import difflib
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.drivers.source.patches import digest, refusal
from orchestrator.drivers.source.process import Git
from orchestrator.model.errors import ConfigError, NotFound, PatchFailed
from orchestrator.model.request import Commit, Patch, Snapshot
from orchestrator.ports.clock import Deadline

_SCHEMES = frozenset({"file", "http", "https", "ssh", "git"})
_SSH_SHORT = re.compile(r"[\w.-]+@[\w.-]+:[^:]")
_SHA = re.compile(r"[0-9a-f]{4,40}")
_MIRROR = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
#: what is packed is exactly what is committed: no attribute of the product changes it
_ATTRIBUTES = "* -export-ignore -export-subst -text -eol -ident -filter -working-tree-encoding\n"
_POLL = 0.1


class GitSource:
    """Reads repositories through a bare mirror of each, kept in a cache folder.

    Any process may be killed at any point and several may share the cache.
    """

    def __init__(self, cache: Path, aliases: Mapping[str, str]) -> None:
        """Take the cache folder and the lab's names for repositories (name to path or URL)."""
        self._cache = cache
        self._aliases = aliases

    def resolve(self, repo: str, ref: str, deadline: Deadline) -> Commit:
        """Return the commit that a branch, tag or commit (abbreviated or not) names now."""
        url = self._url(repo)
        if ref.startswith("-") or not ref.isprintable() or " " in ref:
            msg = f"{ref!r} cannot be a branch, tag or commit of {repo}"
            raise NotFound(msg)
        with self._locked(url, deadline) as git:
            _fetch(git, url, ref, deadline)
            found = _find(git, ref, deadline)
            if not found:
                raise NotFound(_unknown(repo, ref, _names(git, deadline)))
            return Commit(repo=repo, ref=ref, sha=found, subject=_subject(git, found, deadline))

    def pack(self, commit: Commit, patches: Sequence[Patch], deadline: Deadline) -> Snapshot:
        """Return the commit's files, patches applied in order, as a gzipped tar archive.

        The same commit and patches give the same bytes at the same path, packed once.
        """
        patched = digest(patches)
        result = Commit(
            repo=commit.repo,
            ref=commit.ref,
            sha=commit.sha,
            subject=commit.subject,
            patched=patched,
        )
        archive = self._cache / "packs" / f"{commit.sha}{f'-{patched}' if patched else ''}.tar.gz"
        if not archive.exists():
            url = self._url(commit.repo)
            with self._locked(url, deadline) as git:
                _need(git, url, commit, deadline)
            self._pack(self._git(url), commit, patches, archive, deadline)
        return Snapshot(commit=result, archive=str(archive.absolute()))

    def branches(self, repo: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the names of the repository's branches now, sorted."""
        url = self._url(repo)
        with self._locked(url, deadline) as git:
            _fetch(git, url, "", deadline)
            return tuple(sorted(_names(git, deadline, "refs/heads")))

    def _url(self, repo: str) -> str:
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

    def _git(self, url: str, lock: int = -1) -> Git:
        folder = self._cache / sha256(url.encode()).hexdigest()[:24]
        return Git(folder=folder / "mirror.git", config=folder / "gitconfig", lock=lock)

    @contextmanager
    def _locked(self, url: str, deadline: Deadline) -> Iterator[Git]:
        """Give the mirror of `url`, created if need be, to one process and thread at a time."""
        home = self._git(url).folder.parent
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _acquire(handle, deadline)
            git = self._git(url, handle)
            _prepare(git, url, deadline)
            yield git
        finally:
            os.close(handle)  # not unlocked: an orphan of git may hold it for a moment more

    def _pack(
        self, git: Git, commit: Commit, patches: Sequence[Patch], archive: Path, deadline: Deadline
    ) -> None:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="pack-", dir=archive.parent) as scratch:
            draft = Path(scratch) / "draft.tar.gz"
            sha = commit.sha
            if patches:
                sha = _patched(git, commit, patches, Path(scratch) / "index", deadline)
            git.must("archive", "--format=tar.gz", f"--output={draft}", sha, deadline=deadline)
            draft.replace(archive)


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


def _fetch(git: Git, url: str, ref: str, deadline: Deadline) -> None:
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


def _find(git: Git, ref: str, deadline: Deadline) -> str:
    """Return the full name of the commit, or nothing."""
    names = (
        ["refs/remote/HEAD"] if ref in {"", "HEAD"} else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    )
    if _spelled_out(ref):
        names.append(ref)
    for name in names:
        done = git.run("show-ref", "--verify", "--hash", "--", name, deadline=deadline)
        if done.code == 0:
            return _peel(git, done.out.strip(), deadline)
    return _peel(git, ref.lower(), deadline) if _SHA.fullmatch(ref.lower()) else ""


def _peel(git: Git, name: str, deadline: Deadline) -> str:
    done = git.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", deadline=deadline)
    return done.out.strip() if done.code == 0 else ""


def _need(git: Git, url: str, commit: Commit, deadline: Deadline) -> None:
    """Make sure the mirror has the commit: the cache may have been emptied since it resolved."""
    if _peel(git, commit.sha, deadline):
        return
    _fetch(git, url, commit.ref, deadline)
    if _peel(git, commit.sha, deadline):
        return
    git.run("fetch", "--quiet", "--", url, commit.sha, deadline=deadline)
    if not _peel(git, commit.sha, deadline):
        msg = f"{commit.repo} no longer has commit {commit.sha[:10]} (was {commit.ref})"
        raise NotFound(msg)


def _names(git: Git, deadline: Deadline, *below: str) -> list[str]:
    where = below or ("refs/heads", "refs/tags")
    listed = git.must("for-each-ref", "--format=%(refname:lstrip=2)", *where, deadline=deadline)
    return listed.splitlines()


def _subject(git: Git, sha: str, deadline: Deadline) -> str:
    return git.must("show", "--no-patch", "--format=%s", sha, deadline=deadline)


def _unknown(repo: str, ref: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(ref, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "no branch or tag is called alike"
    return f"{repo} has no branch, tag or commit {ref!r}: {hint}"


def _patched(
    git: Git, commit: Commit, patches: Sequence[Patch], index: Path, deadline: Deadline
) -> str:
    """Return a commit of ours with the patches on top, made without a work tree."""
    env = [("GIT_INDEX_FILE", str(index))]
    git.must("read-tree", commit.sha, deadline=deadline, env=env)
    options = ("apply", "--cached", "--whitespace=nowarn", "-")
    for patch in patches:
        done = git.run(*options, deadline=deadline, stdin=patch.text, env=env)
        if done.code:
            raise PatchFailed(refusal(patch, commit, done.err))
    tree = git.must("write-tree", deadline=deadline, env=env)
    date = git.must("show", "--no-patch", "--format=%ct +0000", commit.sha, deadline=deadline)
    for who in ("AUTHOR", "COMMITTER"):  # fixed, so that equal patches give equal bytes
        env += [(f"GIT_{who}_NAME", "smoketest"), (f"GIT_{who}_EMAIL", "smoketest@localhost")]
        env += [(f"GIT_{who}_DATE", date)]
    message = "patched\n"
    return git.must(
        "commit-tree", tree, "-p", commit.sha, deadline=deadline, stdin=message, env=env
    )
