"""Small rules over values: names, masks, consoles, plans."""

import base64
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.arch import Arch, Deploy, Role, Smoke
from orchestrator.model.console import recognise
from orchestrator.model.errors import NotFound
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import RunId, attempt_id, cell_id, cell_of, number_of, run_of
from orchestrator.model.lease import Candidate
from orchestrator.model.request import Request, Select
from orchestrator.model.secret import Secret, mask
from orchestrator.model.summary import doing
from orchestrator.model.verdict import Blame
from orchestrator.stages.plan import choose, cover, held, meant, pair_coverage, possible


def arch(name: str, **axes: str) -> Arch:
    return Arch(
        name=name,
        summary="",
        roles=(),
        deploy=Deploy(play="p.yml"),
        smoke=Smoke(suite="s"),
        axes=tuple(axes.items()),
    )


FAMILY = [
    arch(f"{h}-{n}-{b}", hypervisor=h, network=n, bus=b)
    for h in ("kvm", "xenserver", "hyperv", "vmware")
    for n in ("flat", "vlan", "ovn")
    for b in ("rabbit", "zmq")
]


def test_names_hold_what_they_name() -> None:
    attempt = attempt_id(cell_id(RunId(12), "kvm+xenserver"), 3)
    assert attempt == "12/kvm+xenserver/3"
    assert (run_of(attempt), cell_of(attempt), number_of(attempt)) == (12, "12/kvm+xenserver", 3)


@given(st.text(min_size=8), st.text(), st.text())
def test_a_secret_is_masked_in_every_common_form(secret: str, before: str, after: str) -> None:
    forms = [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()]
    for form in forms:
        assert form not in mask(f"{before}|{form}|{after}".replace(secret, form), [Secret(secret)])


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("hunter2-hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"


@pytest.mark.parametrize(
    ("line", "blame", "said"),
    [
        ("PXE-E51: No DHCP or proxyDHCP offers were received.", Blame.INFRA, "no DHCP offer"),
        ("  /var/lib/preseed.cfg, line 7: no value", Blame.CONFIG, "line 7"),
        ("[!!] Preconfiguration error: Failed to process it", Blame.CONFIG, "refused our"),
        ("Kernel panic - not syncing: VFS", Blame.INFRA, "Kernel panic - not syncing: VFS"),
        ("No bootable device", Blame.INFRA, "nothing to boot"),
    ],
)
def test_consoles_are_read(line: str, blame: Blame, said: str) -> None:
    diagnosis = recognise(["earlier", line, "then nothing"])
    assert diagnosis is not None
    assert diagnosis.blame is blame
    assert said in diagnosis.sentence


def test_an_innocent_console_says_nothing() -> None:
    fetching = "[*] Download debconf preconfiguration file..."
    assert recognise([fetching, "Partitioning /dev/vda", "Installing the base system"]) is None


def test_an_unknown_arch_is_refused_with_a_near_one() -> None:
    request = Request(repo="r", ref="main", requester="me", archs=("kvm-flat-rabit",))
    with pytest.raises(NotFound, match="did you mean kvm-flat-rabbit"):
        choose(request, FAMILY)


@pytest.mark.parametrize("strength", [1, 2])
def test_a_selection_covers_what_the_whole_covers_with_fewer(strength: int) -> None:
    chosen = cover(FAMILY, strength)
    assert len(chosen) < len(FAMILY)
    every = frozenset().union(*(held(a, strength) for a in FAMILY))
    assert frozenset().union(*(held(a, strength) for a in chosen)) == every
    assert cover(FAMILY, strength) == chosen


def test_pairwise_is_asked_for_by_name() -> None:
    request = Request(repo="r", ref="main", requester="me", select=Select.PAIRWISE)
    chosen = choose(request, FAMILY)
    covered, whole = pair_coverage(chosen, FAMILY)
    assert covered == whole
    assert len(chosen) <= 14


def test_all_means_all_that_the_lab_has_machines_for() -> None:
    role = Role(name="r", count=2, needs=frozenset({"kvm"}), install="debian-12", groups=())
    needy = replace(FAMILY[0], name="needs-two", roles=(role,))
    modest = replace(FAMILY[0], name="needs-one", roles=(replace(role, count=1),))
    one = Candidate(name="n01", capabilities=frozenset({"kvm"}), free=True)
    two = replace(one, name="n02")
    assert possible([needy, modest], [one]) == (modest,)
    assert possible([needy, modest], [one, two]) == (needy, modest)
    assert possible([needy], [one]) == (needy,), "what is then refused says why"


def test_progress_is_shown_until_something_else_happens() -> None:
    said = Event(kind=Kind.PROGRESS, stage=Stage.PROVISION, node="n01", text="Partitioning 40 %")
    arrived = Event(kind=Kind.ARRIVED, stage=Stage.PROVISION, node="n01")
    assert doing([said]) == "n01: Partitioning 40 %"
    assert doing([said, arrived]) == ""
    assert doing([]) == ""


@pytest.mark.parametrize(
    "repo", ["nova", "/home/me/nova/", "https://git.example/openstack/nova.git"]
)
def test_archs_of_one_project_are_meant_for_it_alone(repo: str) -> None:
    cloud = replace(FAMILY[0], name="cloud", projects=("nova", "neutron"))
    sample = FAMILY[1]
    assert meant([cloud, sample], repo) == (cloud,)
    assert meant([cloud, sample], "sample") == (sample,)
    assert meant([cloud, sample], "/home/me/nova-fork") == (sample,)
