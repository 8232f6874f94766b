"""`[review.NAME]` of the lab file."""

from pathlib import Path

import pytest

from orchestrator.config.labfile import load
from orchestrator.config.reviews import Kind, ReviewSystem
from orchestrator.model.errors import ConfigError
from orchestrator.model.review import Forks

REPOS = '[repos]\nnova = "https://git.example.com/nova"\n'
GERRIT = """\
[review.g]
kind = "gerrit"
host = "review.example.com"
user = "acme-ci"
key = "key"
host_key = "ssh-ed25519 AAAA gerrit"
contact = "ci@example.com"
projects = { "openstack/nova" = "nova" }
"""
GITHUB = """\
[review.h]
kind = "github"
password = "file:key"
secret = "file:key"
projects = { "o/nova" = "nova" }
"""


def read(folder: Path, text: str) -> tuple[ReviewSystem, ...]:
    (folder / "key").write_text("secret")
    (folder / "key").chmod(0o600)
    (folder / "lab.toml").write_text(REPOS + text)
    return load(folder / "lab.toml").reviews


def test_each_kind_is_read_with_its_usual_manners(tmp_path: Path) -> None:
    lab = '[review.l]\nkind = "gitlab"\nurl = "https://gitlab.example.com/api/v4"\n'
    rest = '[review.r]\nkind = "gerrit-rest"\nurl = "https://r.example.com"\n'
    more = 'password = "file:key"\nprojects = { p = "nova" }\n'
    gerrit, github, gitlab, slow = read(
        tmp_path,
        GERRIT
        + GITHUB
        + lab
        + 'secret = "file:key"\n'
        + more
        + rest
        + 'user = "ci"\ncontact = "x@example.com"\nlabel = "Verified"\n'
        + more,
    )
    assert (gerrit.kind, gerrit.port, gerrit.forks) == (Kind.GERRIT, 29418, Forks.ALWAYS)
    assert (gerrit.label, gerrit.trust) == ("", False)
    assert gerrit.host_key == "ssh-ed25519 AAAA"
    assert (github.url, github.pages) == ("https://api.github.com", "https://github.com")
    assert github.forks is Forks.APPROVED
    assert gitlab.pages == "https://gitlab.example.com"
    assert (slow.url, slow.label) == ("https://r.example.com", "Verified")


def test_checks_are_written_as_an_app_where_that_is_wished(tmp_path: Path) -> None:
    (plain,) = read(tmp_path, GITHUB)
    assert (plain.app, plain.app_key.reveal()) == ("", "")
    app = 'checks = true\napp = "12"\napp_key = "file:key"\n'
    (made,) = read(tmp_path, GITHUB + app)
    assert (made.app, made.app_key.reveal()) == ("12", "secret")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (GERRIT.replace('"ssh-ed25519 AAAA gerrit"', '"AAAA"'), 8, "ssh-keyscan"),
        (GERRIT.replace('"nova" }', '"nove" }'), 10, "no repository of `[repos]`"),
        (GERRIT.replace('{ "openstack/nova" = "nova" }', "{}"), 10, "names none"),
        (GERRIT.replace('key = "key"', 'key = "none"'), 7, "there is no file"),
        (GERRIT + 'secret = "file:key"\n', 11, "unknown key"),
        (GITHUB + 'forks = "some"\n', 8, "`some`, which is unknown"),
        (GITHUB.replace('"file:key"', '"hunter2"', 1), 5, "written out"),
        (GITHUB + "checks = true\n", 3, "app"),
        (GITHUB + 'app = "12"\n', 3, "add checks = true"),
        (GERRIT + "checks = true\n", 11, "unknown key"),
        ('[review.l]\nkind = "gitlab"\nurl = "https://x"\n', 5, "/api/v4"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, text)
    assert f"lab.toml:{line}: " in str(raised.value)
    assert words in str(raised.value)
