"""`[people]`, `[mail]` and `[notices.NAME]` of the lab file."""

from pathlib import Path

import pytest

from orchestrator.config.labfile import load
from orchestrator.config.notices import By, Form, Told
from orchestrator.model.errors import ConfigError
from orchestrator.model.request import Lane
from orchestrator.model.verdict import Verdict

MAIL = '[mail]\nserver = "smtp.example.com"\nfrom = "ci@example.com"\n'


def read(folder: Path, text: str) -> Told:
    (folder / "secret").write_text("whsec_c2VjcmV0\n")
    (folder / "secret").chmod(0o600)
    (folder / "lab.toml").write_text(text)
    return load(folder / "lab.toml").told


def test_a_lab_that_says_nothing_tells_nobody(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Told()


def test_every_key_is_read(tmp_path: Path) -> None:
    told = read(
        tmp_path,
        '[people]\nkvm-team = "kvm@example.com"\n'
        + MAIL
        + 'port = 25\nstarttls = false\nuser = "ci"\npassword = "file:secret"\n'
        + '[notices.team]\nby = "mail"\nto = ["lieutenants"]\narchs = ["kvm-*"]\n'
        + 'repos = ["nova"]\nrefs = ["trunk"]\nlanes = ["merged"]\non = ["failed"]\n'
        + 'every = true\ndigest = "5m"\n'
        + '[notices.bus]\nby = "webhook"\nurl = "https://bus.example.com/in"\n'
        + 'secret = "file:secret"\nform = "cdevents"\ninside = true\n'
        + '[notices.room]\nby = "apprise"\nurl = "file:secret"\n',
    )
    assert told.people == {"kvm-team": "kvm@example.com"}
    assert told.mail
    assert (told.mail.port, told.mail.starttls, told.mail.user) == (25, False, "ci")
    team, bus, room = told.notices
    assert (team.by, bus.by, room.by) == (By.MAIL, By.WEBHOOK, By.CHAT)
    wanted = team.subscription
    assert (wanted.to, wanted.archs, wanted.repos) == (("lieutenants",), ("kvm-*",), ("nova",))
    assert (wanted.refs, wanted.lanes) == (("trunk",), (Lane.MERGED,))
    assert (wanted.on, wanted.every, wanted.digest) == ((Verdict.FAILED,), True, 300)
    assert (bus.form, bus.inside, bus.subscription.moments) == (Form.CDEVENTS, True, True)
    assert "c2VjcmV0" not in repr(told)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[notices.a]\nby = "mail"\nto = ["lieutenants"]', 1, "there is no `[mail]`; add it"),
        (MAIL + '[notices.a]\nby = "mail"', 4, "`notices.a.to` is missing"),
        ('[callbacks]\ninside = "yes"', 2, "inside"),
        ("[callbacks]\noutside = true", 2, "unknown key"),
        ('[notices.a]\nby = "pigeon"', 2, "`pigeon`, which is unknown"),
        ('[notices.a]\nby = "webhook"\nurl = "ftp://x"', 3, "no http or https address"),
        ('[notices.a]\nby = "webhook"\nurl = "http://x"\nsecret = "abc"', 4, "written out"),
        (MAIL + '[notices.a]\nby = "mail"\nto = ["x"]\nurl = "http://x"', 7, "unknown key"),
        (MAIL + '[notices.a]\nby = "mail"\nto = ["x"]\non = ["skipped"]', 7, "`skipped`"),
        ('[people]\nann = "ann"', 2, "`ann` is no mail address"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, text)
    assert f"lab.toml:{line}: " in str(raised.value)
    assert words in str(raised.value)
