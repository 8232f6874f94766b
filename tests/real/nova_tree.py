"""A repository of nova: its released sources as consecutive commits, and broken branches."""

import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

#: releases that become commits, the oldest first
RELEASES = ("33.0.2", "34.0.0")
#: branch -> (file, the text that comes first, what is put behind it)
BROKEN = {
    "raises-on-spawn": (
        "nova/virt/fake.py",
        "block_device_info=None, power_on=True, accel_info=None):\n",
        '        raise RuntimeError("the pool of fake machines is empty")\n',
    ),
    "answers-500": (
        "nova/api/openstack/compute/servers.py",
        '"""Creates a new server for a given user."""\n',
        "        if len(body['server'].get('networks') or '') == 2:\n"
        "            raise AttributeError(\"'NoneType' object has no attribute 'second_card'\")\n",
    ),
    "failing-migration": (
        "",  # the newest one of the main database
        "def upgrade():\n",
        "    op.execute('ALTER TABLE instances DROP COLUMN colour_of_the_rack')\n",
    ),
}
_WHO = ("-c", "user.name=Nova", "-c", "user.email=nova@localhost", "-c", "commit.gpgsign=false")
#: the same commits each time, so that a folder of artifacts has their wheels
_WHEN = {f"GIT_{who}_DATE": "2026-10-01T00:00:00+0000" for who in ("AUTHOR", "COMMITTER")}
_VERSIONS = "nova/db/main/migrations/versions"


@dataclass(frozen=True)
class Tree:
    """The repository's folder."""

    path: Path

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *_WHO, *words],
            cwd=self.path,
            env={**os.environ, **_WHEN},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def branch(self, name: str, file: str, first: str, then: str) -> None:
        """Make a branch off the newest release that differs in one place."""
        self.git("checkout", "--quiet", "-B", name, "main")
        path = self.path / (file or self._newest_migration())
        text = path.read_text()
        assert first in text, f"{file} has no {first!r}"
        path.write_text(text.replace(first, first + then, 1))
        self.git("commit", "--quiet", "--all", "--message", f"{name}: change {path.name}")
        self.git("checkout", "--quiet", "main")

    def _newest_migration(self) -> str:
        texts = {path: path.read_text() for path in (self.path / _VERSIONS).glob("*.py")}
        before = {found for text in texts.values() for found in _words("down_revision", text)}
        (newest,) = (p for p, text in texts.items() if not before & set(_words("revision", text)))
        return str(newest.relative_to(self.path))


def make(folder: Path) -> Tree:
    """Return the repository `folder/nova`: branch main, a tag a release, three broken branches."""
    tree = Tree(folder / "nova")
    tree.path.mkdir(parents=True)
    tree.git("init", "--quiet", "--initial-branch=main")
    for release in RELEASES:
        _lay(tree, _fetch(release, folder), release)
    for name, (file, first, then) in BROKEN.items():
        tree.branch(name, file, first, then)
    return tree


def _words(name: str, text: str) -> list[str]:
    return re.findall(rf"^{name}\b[^=\n]*= *['\"](\w+)['\"]", text, re.MULTILINE)


def _fetch(release: str, folder: Path) -> Path:
    words = ["download", "--quiet", "--no-deps", "--no-binary=nova", f"nova=={release}"]
    command = [sys.executable, "-m", "pip", *words, "--dest", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / f"nova-{release}.tar.gz"


def _lay(tree: Tree, archive: Path, release: str) -> None:
    """Commit the files of a release, and nothing else."""
    tree.git("rm", "-r", "--quiet", "--ignore-unmatch", ".")
    with tarfile.open(archive) as tar:
        for member in tar:
            member.name = member.name.partition("/")[2]
            if member.name and member.isfile():
                tar.extract(member, tree.path, filter="data")
    tree.git("add", "--all", "--force")
    tree.git("commit", "--quiet", "--message", f"nova {release}")
    tree.git("tag", release)
