"""What the scheduler promises, one promise at a time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import (
    Account,
    Candidate,
    Ledger,
    Need,
    Reason,
    Schedule,
    Situation,
    Waiting,
)
from orchestrator.model.node import Bmc, Node, Pdu, Provenance
from orchestrator.model.request import Lane
from orchestrator.model.scheduling.estimate import estimate
from orchestrator.model.scheduling.spans import Outlook, Span, Spans
from orchestrator.model.secret import Secret
from orchestrator.stages.lease import schedule

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OUTLOOK = Outlook(
    spans=Spans(
        by_arch={"short": Span(usual=300, late=400), "long": Span(usual=3600, late=4000)},
        other=Span(usual=1800, late=2400),
    )
)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def node(name: str, *capabilities: str, **fields: object) -> Candidate:
    made = Candidate(name=name, capabilities=frozenset(capabilities), free=True)
    return replace(made, **fields)


def busy(name: str, *capabilities: str, arch: str = "", since: float = 0) -> Candidate:
    return node(
        name, *capabilities, free=False, holder=f"9/{name}/1", since=later(since), arch=arch
    )


def waits(name: str, *needs: str, **fields: object) -> Waiting:
    wanted = tuple(
        Need(role=f"r{i}", capabilities=frozenset(need.split())) for i, need in enumerate(needs)
    )
    made = Waiting(
        attempt=AttemptId(name), needs=wanted, asked_at=NOW, owner=name.partition("/")[0]
    )
    return replace(made, **fields)


def decide(
    queue: Sequence[Waiting],
    nodes: Sequence[Candidate],
    outlook: Outlook = OUTLOOK,
    ledger: Ledger | None = None,
) -> Schedule:
    situation = Situation(
        now=NOW, queue=tuple(queue), nodes=tuple(nodes), ledger=ledger or Ledger()
    )
    return schedule(situation, outlook)


def given_to(result: Schedule) -> dict[str, list[str]]:
    return {g.attempt: [p.node for p in g.placements] for g in result.grants}


def test_a_cell_that_needs_no_machine_is_granted_at_once() -> None:
    assert given_to(decide([waits("1/partner/1")], [])) == {"1/partner/1": []}


def test_who_was_given_least_is_next_and_a_newcomer_has_no_credit() -> None:
    spent = (Account(owner="asked 1", spent=500), Account(owner="asked 2", spent=90))
    ledger = Ledger(clock=100, accounts=spent)
    queue = [waits("1/a/1", "kvm"), waits("2/a/1", "kvm"), waits("3/a/1", "kvm", asked_at=later(9))]
    first = decide(queue, [node("n", "kvm")], ledger=ledger)
    assert list(given_to(first)) == ["2/a/1"]
    kept = {account.owner: account.spent for account in first.ledger.accounts}
    assert kept == {"asked 2": 100 + 1800 / 16}


def test_lanes_are_shares_and_none_starves() -> None:
    queue = [
        waits(f"{run}/{lane}-{cell}/1", "kvm", lane=lane, owner="nova")
        for run, lane in ((1, Lane.NIGHTLY), (2, Lane.MERGED), (3, Lane.ASKED))
        for cell in range(40)
    ]
    ledger, served = Ledger(), []
    for _ in range(42):
        result = decide(queue, [node("n", "kvm")], ledger=ledger)
        accounts = {a.owner: a for a in (*ledger.accounts, *result.ledger.accounts)}
        ledger = Ledger(clock=result.ledger.clock, accounts=tuple(accounts.values()))
        served += [next(w.lane for w in queue if w.attempt == a) for a in given_to(result)]
        queue = [w for w in queue if w.attempt not in given_to(result)]
    assert [served.count(lane) for lane in Lane] == [32, 8, 2]


def test_promoted_goes_before_everybody() -> None:
    queue = [waits("1/a/1", "kvm"), waits("2/a/1", "kvm", priority=-1, asked_at=later(50))]
    assert list(given_to(decide(queue, [node("n", "kvm")]))) == ["2/a/1"]


def test_a_gap_before_a_gang_is_for_who_is_over_by_then() -> None:
    nodes = [node("free", "kvm"), busy("late", "kvm", arch="short")]
    queue = [
        waits("1/gang/1", "kvm", "kvm"),
        waits("2/long/1", "kvm", arch="long"),
        waits("3/short/1", "kvm", arch="quick"),
    ]
    spans = Spans(by_arch={**OUTLOOK.spans.by_arch, "quick": Span(usual=200, late=290)})
    result = decide(queue, nodes, Outlook(spans=spans))
    assert given_to(result) == {"3/short/1": ["free"]}
    assert result.grants[0].fills_gap
    gang = dict(result.waits)[AttemptId("1/gang/1")]
    assert gang.until == gang.promised == later(300)


def test_nobody_is_let_past_who_was_promised_an_earlier_start() -> None:
    nodes = [node("free", "kvm"), busy("late", "kvm", arch="short")]
    gang = waits("1/gang/1", "kvm", "kvm")
    quick = waits("3/quick/1", "kvm", arch="quick")
    spans = Spans(by_arch={"short": Span(usual=300, late=400), "quick": Span(usual=9, late=10)})
    told = dict(decide([gang], nodes).waits)[gang.attempt]
    overdue = replace(gang, why=replace(told, promised=later(-1)))
    assert given_to(decide([gang, quick], nodes, Outlook(spans=spans))) == {"3/quick/1": ["free"]}
    assert given_to(decide([overdue, quick], nodes, Outlook(spans=spans))) == {}


def test_contested_machines_are_kept_for_who_needs_them() -> None:
    nodes = [node("scarce", "kvm", "hyperv"), busy("plain", "kvm")]
    common = [waits(f"1/{cell}/1", "kvm") for cell in ("kvm", "more")]
    scarce = [waits(f"{run}/hyperv/1", "hyperv") for run in (2, 3, 4)]
    assert list(given_to(decide([*common, *scarce], nodes))) == ["2/hyperv/1"]
    assert given_to(decide(common, nodes)) == {"1/kvm/1": ["scarce"]}


def test_who_wants_one_machine_alone_is_not_kept_from_a_contested_one() -> None:
    nodes = [node("scarce", "kvm", "hyperv"), busy("plain", "kvm")]
    scarce = [waits(f"{run}/hyperv/1", "hyperv") for run in (2, 3, 4)]
    assert given_to(decide([waits("1/kvm/1", "kvm"), *scarce], nodes)) == {"1/kvm/1": ["scarce"]}


def test_of_equal_ones_who_was_not_served_yet_goes_first() -> None:
    queue = [waits("1/a/1", "kvm", owner="a"), waits("2/b/1", "kvm", owner="b")]
    ledger = Ledger(accounts=(Account(owner="asked a", spent=0.0, served_at=NOW),))
    assert list(given_to(decide(queue, [node("n", "kvm")], ledger=ledger))) == ["2/b/1"]


def test_no_machine_idles_that_somebody_could_use() -> None:
    nodes = [node("scarce", "kvm", "hyperv"), busy("other", "hyperv")]
    queue = [waits("1/kvm/1", "kvm"), waits("2/gang/1", "hyperv", "hyperv", "hyperv")]
    assert given_to(decide(queue, nodes)) == {"1/kvm/1": ["scarce"]}


def racked(name: str) -> Node:
    """Return a machine of one chassis, on one power strip."""
    secret = Secret("x")
    return Node(
        name=name,
        mac="",
        bmc=Bmc(address="10.0.0.7", port=623, user="", password=secret),
        pdu=Pdu(address="10.0.0.9", port=161, community=secret, outlets=(name,)),
        provenance=Provenance.PHYSICAL,
        capabilities=frozenset(),
        address="",
    )


@pytest.mark.parametrize(
    ("kind", "shared"), [("bmc", "10.0.0.7"), ("pdu", "10.0.0.9"), ("boot", "server")]
)
def test_so_many_machines_of_one_bmc_strip_or_boot_server_are_installed_at_once(
    kind: str, shared: str
) -> None:
    outlook = Outlook(groups={name: racked(name).groups for name in "abc"}, limits={kind: 1})
    nodes = [node(name, "kvm") for name in "abc"]
    one, two = waits("1/a/1", "kvm"), waits("2/a/1", "kvm")
    result = decide([one, two], nodes, outlook)
    assert list(given_to(result)) == ["1/a/1"]
    why = dict(result.waits)[two.attempt]
    assert (why.reason, why.capability) == (Reason.LIMIT, (f"{kind} {shared}",))
    gang = waits("3/gang/1", "kvm", "kvm")
    assert len(given_to(decide([gang], nodes, outlook))["3/gang/1"]) == 2
    installing = [*nodes[:2], replace(busy("c", "kvm"), preparing=True)]
    assert given_to(decide([one], installing, outlook)) == {}
    installed = [*nodes[:2], busy("c", "kvm")]
    assert list(given_to(decide([one], installed, outlook))) == ["1/a/1"]


def test_a_machine_that_has_the_image_and_is_trusted_is_preferred() -> None:
    nodes = [
        node("a", "kvm"),
        node("b", "kvm", warm="debian-12"),
        node("c", "kvm", warm="debian-12", marks=1),
        node("d", "kvm", warm="other"),
    ]
    need = Need(role="r", capabilities=frozenset({"kvm"}), install="debian-12")
    for run in range(9):
        item = replace(waits(f"{run}/a/1"), needs=(need,))
        assert given_to(decide([item], nodes)) == {f"{run}/a/1": ["b"]}


def test_who_waits_is_told_behind_whom_for_what_until_when() -> None:
    nodes = [busy("x", "x86_64", "hyperv", arch="long", since=-600), node("k", "x86_64", "kvm")]
    first, second = waits("1/h/1", "hyperv"), waits("2/h/1", "hyperv")
    whys = dict(decide([first, second], nodes).waits)
    one, two = whys[first.attempt], whys[second.attempt]
    assert (one.reason, one.behind, one.capability) == (Reason.BUSY, "9/x/1", ("hyperv",))
    assert one.text == "waits for a machine with hyperv: 0 of 1 free; 9/x/1 has one"
    assert one.until == later(3000)
    assert (two.behind, two.text.partition("; ")[2]) == ("1/h/1", "1/h/1 is before it")
    assert two.until > one.until
    steady = dict(decide([replace(first, why=replace(one, until=later(2990)))], nodes).waits)
    assert steady[first.attempt].until == later(2990)


def test_nobody_waits_behind_itself_and_each_sentence_is_a_sentence() -> None:
    nodes = [node("free", "kvm"), busy("late", "kvm", arch="short")]
    gang, one = waits("1/gang/1", "kvm", "kvm"), waits("2/one/1", "kvm", arch="long")
    pair = waits("3/pair/1", "kvm", "kvm")
    whys = dict(decide([gang, one], nodes).waits)
    assert whys[gang.attempt].text == "waits for 2 machines with kvm: 1 of 2 free; 9/late/1 has one"
    why = whys[one.attempt]
    assert (why.reason, why.behind) == (Reason.BEHIND, "1/gang/1")
    assert why.text == "waits for a machine that is kept for 1/gang/1"
    # two are free, one of them kept for a gang that needs another kind as well
    nodes = [node("a", "kvm"), node("b", "kvm"), busy("c", "hyperv", arch="short")]
    both = waits("1/both/1", "kvm", "hyperv")
    why = dict(decide([both, pair], nodes).waits)[pair.attempt]
    assert why.text == "waits for 2 machines that are kept for 1/both/1"


def test_who_comes_second_for_a_semaphore_is_told_so() -> None:
    queue = [waits(f"{run}/a/1", "kvm", semaphores=("san",)) for run in (1, 2)]
    result = decide(queue, [node("a", "kvm"), node("b", "kvm")])
    (first,) = given_to(result)
    ((_, why),) = result.waits
    assert (why.reason, why.capability, why.behind) == (Reason.SEMAPHORE, ("san",), first)
    assert why.text == f"waits for san, which {first} has"


def test_what_no_machine_in_service_can_do_is_said() -> None:
    result = decide([waits("1/a/1", "arm64", "arm64")], [node("n", "arm64")])
    why = result.waits[0][1]
    assert (why.reason, why.until, why.capability) == (Reason.OUT_OF_SERVICE, None, ("arm64",))
    assert why.text.startswith("no machine in service can do it: 2 machines with arm64 (it has 1)")


def test_semaphores_are_given_once() -> None:
    queue = [waits(f"{run}/a/1", "kvm", semaphores=("san",)) for run in (1, 2)]
    assert len(decide(queue, [node("a", "kvm"), node("b", "kvm")]).grants) == 1


def test_a_plan_knows_who_is_before_it_and_the_spread() -> None:
    nodes = (busy("a", "kvm", arch="long"), node("b", "kvm"))
    situation = Situation(now=NOW, queue=(waits("1/x/1", "kvm", arch="long"),), nodes=nodes)
    cells = [waits("5/y/1", "kvm", arch="short", asked_at=later(1))]
    usual, late = estimate(situation, OUTLOOK, cells)
    assert 3600 <= usual.start <= 3900
    assert usual.finish == usual.start + 300
    assert late.finish >= 4000 + 400
    assert estimate(situation, OUTLOOK, [waits("5/y/1", "arm64")]) is None
    free = Situation(now=NOW, queue=(), nodes=nodes)
    assert estimate(free, OUTLOOK, cells)[0].start == 0
