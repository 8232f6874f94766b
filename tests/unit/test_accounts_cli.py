"""What an admin types about people: against a real server."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.model.access import Role
from tests.unit import people
from tests.unit.web_house import Furnished, furnish

Type = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest.fixture
def typed(
    home: Furnished,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Type:
    monkeypatch.setenv("SMOKETEST_TOKEN", home.house.token.reveal())
    monkeypatch.setenv("SMOKETEST_HOME", str(tmp_path))

    def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = carry_out(app, [*words, "--server", home.url])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_users_are_added_listed_changed_and_disabled(home: Furnished, typed: Type) -> None:
    first, second = people.sentence(), people.sentence()
    words = ("user", "add", "ada", "--role", "lieutenant", "--arch", "kvm*", "--password-stdin")
    status, said, _ = typed(*words, stdin=f"{first}\n")
    assert (status, said) == (0, "ada may sign in as lieutenant of kvm*\n")
    assert typed(*words, stdin=f"{first}\n")[0] == 2
    status, said, _ = typed("user", "list", "--json")
    (user,) = json.loads(said)["users"]
    assert (user["name"], user["role"], user["archs"]) == ("ada", "lieutenant", ["kvm*"])
    assert first not in said
    assert "argon2" not in said
    assert "lieutenant of kvm*" in typed("user", "list")[1]
    assert typed("user", "role", "ada", "--role", "viewer")[1] == "ada is viewer now\n"
    assert typed("user", "passwd", "ada", "--password-stdin", stdin=f"{second}\n")[0] == 0
    kept = home.store.users.find("ada")
    assert kept is not None
    assert home.house.reception.accounts.passwords.right(kept[1], people.Secret(second))
    assert "may do nothing any more" in typed("user", "disable", "ada")[1]
    assert "disabled" in typed("user", "list")[1]
    assert "may sign in again as viewer" in typed("user", "enable", "ada")[1]


def test_what_is_wrong_is_said_with_what_to_do(typed: Type) -> None:
    for words, stdin, said in (
        (("user", "add", "x y", "--role", "viewer"), people.sentence(), "is no user's name"),
        (("user", "add", "eve", "--role", "viewer"), "short", "12 to 1000 characters"),
        (("user", "add", "eve", "--role", "vendor"), people.sentence(), "one --partner"),
        (("user", "passwd", "nobody"), people.sentence(), "there is no user nobody"),
    ):
        status, _, err = typed(*words, "--password-stdin", stdin=f"{stdin}\n")
        assert status == 2
        assert said in err
        assert stdin not in err or stdin == "short"
    status, _, err = typed("user", "add", "eve", "--role", "viewer")
    assert (status, "pipe it to --password-stdin" in err) == (2, True)
    assert typed("user", "disable", "nobody")[0] == 2


def test_the_record_is_read(home: Furnished, typed: Type) -> None:
    home.writer().post("/api/nodes/n05/drain", json={"reason": "old fan"})
    status, said, _ = typed("audit", "--json", "--limit", "1")
    (change,) = json.loads(said)["changes"]
    assert status == 0
    assert (change["who"], change["role"], change["via"]) == ("operator", "admin", "home")
    assert (change["target"], change["said"]) == ("/api/nodes/n05/drain", "reason=old fan")
    assert "fan" in typed("audit", "--who", "operator")[1].split()
    assert typed("audit", "--who", "nobody")[1] == "nothing was changed yet\n"


def test_a_token_of_a_user_does_what_they_may(
    home: Furnished, typed: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.add(home, "grace", Role.VIEWER)
    status, said, _ = typed("token", "add", "--role", "viewer", "--user", "grace", "--json")
    assert status == 0
    monkeypatch.setenv("SMOKETEST_TOKEN", json.loads(said)["opens"])
    assert typed("nodes")[0] == 0
    status, _, err = typed("node", "drain", "n02", "--reason", "x")
    assert status == 2
    assert "grace is viewer and may not operate here" in err
    assert typed("user", "list")[0] == 2
