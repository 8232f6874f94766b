"""Roles, tokens of users, passwords, and what the lab file says of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.config import labfile
from orchestrator.drivers.accounts.argon2 import Argon2Passwords
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.access import RIGHTS, Asker, Right, Role, Thing, Via, within
from orchestrator.model.account import Grant, Identity, Source, User, grant_of, told
from orchestrator.model.errors import ConfigError, Denied, NotFound, Occupied
from orchestrator.model.request import Request
from orchestrator.model.secret import Secret
from orchestrator.service.accounts import Accounts, Place
from orchestrator.service.asking import allowed
from orchestrator.service.gate import Gate, Wish
from tests.unit.people import sentence
from tests.unit.web_reception import CHEAP

ARCHS = ("kvm-flat", "kvm-vlan", "xenserver-flat")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    yield opened
    opened.database.close()


@pytest.fixture
def accounts(store: Store) -> Accounts:
    return Accounts(
        clock=SystemClock(),
        users=store.users,
        sessions=store.sessions,
        passwords=Argon2Passwords(CHEAP),
        partners={"hp"},
        archs=ARCHS,
    )


@pytest.fixture
def gate(store: Store) -> Gate:
    return Gate(
        clock=SystemClock(),
        tokens=store.tokens,
        users=store.users,
        operator=Secret("the home's own"),
        partners={"hp"},
        archs=ARCHS,
    )


def _asker(role: Role, **more: object) -> Asker:
    return replace(Asker(name="ada", role=role, via=Via.SESSION), **more)


def test_no_role_may_what_is_not_in_the_table() -> None:
    for role in Role:
        for right in Right:
            assert _asker(role).may(right) == (right in RIGHTS[role])
    assert within(Role.VIEWER, Role.DEVELOPER)
    assert within(Role.DEVELOPER, Role.LIEUTENANT)
    assert within(Role.LIEUTENANT, Role.OPERATOR)
    assert within(Role.OPERATOR, Role.ADMIN)
    assert not within(Role.VENDOR, Role.ADMIN), "nobody else delivers in a partner's name"
    assert not within(Role.OPERATOR, Role.LIEUTENANT)


def test_a_right_is_good_on_ones_own_and_ones_archs() -> None:
    kvm, xen = Thing(arch="kvm-flat", owner="eve"), Thing(arch="xenserver-flat", owner="eve")
    mine = Thing(arch="xenserver-flat", owner="ada")
    theirs = Thing(arch="kvm-lefthand", owner="eve", partners=frozenset({"hp"}))
    developer, viewer = _asker(Role.DEVELOPER), _asker(Role.VIEWER)
    lieutenant = _asker(Role.LIEUTENANT, archs=("kvm*",))
    vendor = _asker(Role.VENDOR, partner="hp")
    for asker, reached in (
        (viewer, ()),
        (developer, (mine,)),
        (lieutenant, (kvm, mine, theirs)),
        (vendor, (mine, theirs)),
        (_asker(Role.OPERATOR), (kvm, xen, mine, theirs)),
    ):
        for thing in (kvm, xen, mine, theirs):
            assert asker.reaches(Right.STEER, (thing,)) == (thing in reached), (asker, thing)
    assert not lieutenant.reaches(Right.STEER, (kvm, xen)), "all of it, or nothing"
    assert not vendor.reaches(Right.READ, (kvm,))
    assert not developer.reaches(Right.STEER, (Thing(arch="kvm-flat"),)), "nobody's is not theirs"


def test_a_request_is_in_ones_own_name_but_for_the_home_s_token() -> None:
    request = Request(repo="r", ref="x", requester="somebody", archs=("kvm-flat",), key="k")
    asked = allowed(_asker(Role.DEVELOPER), request)
    assert (asked.requester, asked.key) == ("ada", "ada:k")
    home = Asker(name="operator", role=Role.ADMIN, via=Via.HOME)
    assert allowed(home, request) == request
    vendor = _asker(Role.VENDOR, partner="hp", archs=("xenserver*",))
    with pytest.raises(Denied, match="may not ask for kvm-flat"):
        allowed(vendor, request)
    with pytest.raises(Denied, match="name the archs"):
        allowed(vendor, replace(request, archs=()))
    assert allowed(vendor, replace(request, archs=("xenserver-flat",))).here
    lieutenant = _asker(Role.LIEUTENANT, archs=("xenserver*",))
    assert allowed(lieutenant, request).requester == "ada", "it may ask for any arch"


def test_a_token_never_does_more_than_its_owner(accounts: Accounts, gate: Gate) -> None:
    accounts.add("ada", Place(role=Role.LIEUTENANT, archs=("kvm*",)), Secret(sentence()))
    ada = _asker(Role.LIEUTENANT, archs=("kvm*",))
    for wrong in (
        Wish(role=Role.OPERATOR, note="", days=1),
        Wish(role=Role.LIEUTENANT, note="", days=1, archs=("xenserver-flat",)),
        Wish(role=Role.LIEUTENANT, note="", days=1, archs=("*",)),
        Wish(role=Role.VIEWER, note="", days=1, user="eve"),
    ):
        with pytest.raises(Denied):
            gate.give_to(ada, wrong)
    with pytest.raises(Denied, match="no account"):
        gate.give_to(replace(ada, via=Via.TOKEN), Wish(role=Role.VIEWER, note="", days=1))
    token, opens = gate.give_to(ada, Wish(role=Role.LIEUTENANT, note="", days=1))
    assert (token.user, token.archs) == ("ada", ("kvm*",))
    found = gate.who(opens.reveal())
    assert found is not None
    assert (found.name, found.role, found.archs) == ("ada", Role.LIEUTENANT, ("kvm*",))
    accounts.set_role("ada", Place(role=Role.LIEUTENANT, archs=("xenserver*",)))
    moved = gate.who(opens.reveal())
    assert moved is not None
    assert moved.archs == ("xenserver*",)
    accounts.set_role("ada", Place(role=Role.VIEWER))
    less = gate.who(opens.reveal())
    assert less is not None
    assert less.role is Role.VIEWER
    accounts.disable("ada")
    assert gate.who(opens.reveal()) is None


def test_who_is_no_admin_sees_and_revokes_their_own_tokens(accounts: Accounts, gate: Gate) -> None:
    for name in ("ada", "eve"):
        accounts.add(name, Place(role=Role.DEVELOPER), Secret(sentence()))
    hers, _ = gate.give_to(
        _asker(Role.DEVELOPER, name="eve"), Wish(role=Role.VIEWER, note="", days=1)
    )
    lab, _ = gate.give(Wish(role=Role.VENDOR, note="", days=1, partner="hp"))
    ada, admin = _asker(Role.DEVELOPER), _asker(Role.ADMIN)
    assert gate.shown_to(ada) == ()
    assert {token.id for token in gate.shown_to(admin)} == {hers.id, lab.id}
    for token in (hers, lab):
        with pytest.raises(NotFound):
            gate.revoke_for(ada, token.id)
    assert gate.revoke_for(admin, hers.id).revoked_at is not None


def test_what_nobody_can_be_is_refused(accounts: Accounts) -> None:
    good = Secret(sentence())
    for name in ("", "Ada", "operator", "anonymous", "../x", "a b", "x" * 65, "<script>"):
        with pytest.raises(ConfigError, match="is no user's name"):
            accounts.add(name, Place(role=Role.VIEWER), good)
    for place, said in (
        (Place(role=Role.VENDOR), "one --partner"),
        (Place(role=Role.VIEWER, partner="hp"), "one --partner"),
        (Place(role=Role.VENDOR, partner="hpp"), "no partner hpp; did you mean `hp`"),
        (Place(role=Role.DEVELOPER, archs=("kvm-flat",)), "only a lieutenant"),
        (Place(role=Role.LIEUTENANT, archs=("kvm-flatt",)), "no arch kvm-flatt; did you mean"),
    ):
        with pytest.raises(ConfigError, match=said):
            accounts.add("ada", place, good)
    assert accounts.all() == ()


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "12 to 1000 characters"),
        ("x" * 1001, "12 to 1000 characters"),
        ("aaaaaaaaaaaaaaaa", "soon guessed"),
        ("password1234", "soon guessed"),
        ("qwertyuiop12", "soon guessed"),
        ("ada-lovelace1", "soon guessed"),
    ],
)
def test_a_password_that_is_soon_guessed_is_refused(
    accounts: Accounts, password: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        accounts.add("ada-lovelace", Place(role=Role.VIEWER), Secret(password))
    assert password not in str(refused.value) or password == "short"


def test_passwords_are_kept_as_argon2id_and_nobody_has_one() -> None:
    passwords, secret = Argon2Passwords(CHEAP), Secret(sentence())
    kept = passwords.hash(secret)
    assert kept.startswith("$argon2id$")
    assert kept != passwords.hash(secret)
    assert passwords.right(kept, secret)
    assert not passwords.right(kept, Secret(sentence()))
    assert not passwords.right("", Secret("nobody's"))
    assert not passwords.right("nonsense", secret)
    assert not passwords.stale(kept)
    assert Argon2Passwords().stale(kept), "a cheap hash is made anew at the next sign-in"


def test_a_user_of_a_provider_has_no_password(accounts: Accounts, store: Store) -> None:
    user = User(
        name="grace",
        role=Role.VIEWER,
        source=Source.OIDC,
        subject="https://id.example.org 7",
        created_at=accounts.clock.now(),
    )
    store.users.add(user, "")
    with pytest.raises(ConfigError, match="change it there"):
        accounts.set_password("grace", Secret(sentence()))
    assert store.users.of_subject("https://id.example.org 7") == user
    assert store.users.of_subject("") is None
    with pytest.raises(Occupied):
        store.users.add(replace(user, subject="other"), "")


def test_the_first_group_that_fits_counts() -> None:
    grants = (
        Grant(group="admins", role=Role.ADMIN),
        Grant(group="*", role=Role.VIEWER),
    )
    identity = Identity(subject="x 1", name="ada", groups=frozenset({"staff", "admins"}))
    assert grant_of(identity, grants) == grants[0]
    assert grant_of(replace(identity, groups=frozenset()), grants) == grants[1]
    assert grant_of(replace(identity, groups=frozenset({"staff"})), grants[:1]) is None


def test_the_record_keeps_what_is_no_secret() -> None:
    said = told({"reason": "new disk", "password": "x", "csrf": "y", "hours": 2, "note": ""})
    assert said == "reason=new disk, hours=2"
    assert len(told({"reason": "x" * 5000})) == 300


LAB = """
[lab]
name = "rack"
[partners.hp]
pull = true
jobs = {kvm-lefthand = "kvm-lefthand"}
[accounts]
anonymous_read = false
idle = "30m"
[accounts.oidc]
issuer = "ISSUER"
client_id = "smoketest"
client_secret = "env:LAB_OIDC"
grants = [GRANTS]
"""
_GRANTS = """{group = "a", role = "admin"}, {group = "b", role = "vendor", partner = "hp"}"""


def _load(folder: Path, issuer: str, grants: str) -> labfile.LabFile:
    file = folder / "lab.toml"
    file.write_text(LAB.replace("ISSUER", issuer).replace("GRANTS", grants))
    return labfile.load(file)


def test_the_lab_file_says_how_people_come_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_OIDC", sentence())
    people = _load(tmp_path, "https://id.example.org", _GRANTS).people
    assert not people.rules.anonymous_read
    assert people.rules.local
    assert people.rules.idle == timedelta(minutes=30)
    assert people.oidc is not None
    assert people.oidc.name == "id.example.org"
    assert people.oidc.grants[1] == Grant(group="b", role=Role.VENDOR, partner="hp")
    assert "LAB_OIDC" not in repr(people)


@pytest.mark.parametrize(
    ("issuer", "grants", "said"),
    [
        ("http://id.example.org", _GRANTS, "lab.toml:11: `issuer` is not https"),
        ("https://id.example.org", "", "names no group"),
        ("https://id.example.org", '{group = "a", role = "boss"}', "`boss`, which is unknown"),
        ("https://id.example.org", '{group = "a", role = "vendor"}', "names its `partner`"),
        (
            "https://id.example.org",
            '{group = "a", role = "vendor", partner = "dell"}',
            "no partner is called `dell`",
        ),
        (
            "https://id.example.org",
            '{group = "a", role = "viewer", archs = ["kvm*"]}',
            "only a lieutenant",
        ),
    ],
)
def test_a_wrong_lab_file_is_refused_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issuer: str, grants: str, said: str
) -> None:
    monkeypatch.setenv("LAB_OIDC", sentence())
    with pytest.raises(ConfigError) as refused:
        _load(tmp_path, issuer, grants)
    assert said in str(refused.value)
    assert "lab.toml:" in str(refused.value)
