"""Gerrit over a real sshd: each patch set is tried once, and commented on once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.model.errors import Undelivered
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, RunId
from orchestrator.model.review import Fate, Forks, Opinion, Proposal
from orchestrator.model.run import Run, State
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.service.asker import Asker, Rules
from orchestrator.service.reviewing import Reviewing
from tests.contract.gerrit_site import PROJECT, Site
from tests.unit.web_house import Furnished, furnish

PASSED = Ruling(verdict=Verdict.PASSED)
FAILED = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="no such column")
BROKEN = Ruling(verdict=Verdict.BROKEN, blame=Blame.CONFIG, cause="no such image")


def soon(seconds: float = 60) -> Deadline:
    return Deadline(SystemClock(), seconds)


def until(what: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@dataclass
class Desk:
    """An orchestrator that attends to a Gerrit."""

    site: Site
    home: Furnished
    reviewing: Reviewing

    @contextmanager
    def attending(self) -> Iterator[None]:
        """Attend in a thread, connecting again at once when cut off."""
        over = threading.Event()

        def attend() -> None:
            while not over.is_set():
                try:
                    self.reviewing.attend("acme", over.is_set)
                except Undelivered:
                    time.sleep(0.05)

        begun = self.site.streams()
        thread = threading.Thread(target=attend, daemon=True)
        thread.start()
        until(lambda: self.site.streams() > begun)
        try:
            yield
        finally:
            over.set()
            thread.join(60)

    def runs(self) -> list[Run]:
        return list(reversed(self.home.store.runs.runs(limit=100)))

    def finish(self, run: RunId, **rulings: Ruling) -> None:
        """Judge what waits of the run: archs as named, the others pass."""
        for cell in self.home.store.runs.cells(run):
            if cell.state is not State.DONE:
                ruling = rulings.get(cell.arch.name.replace("-", "_"), PASSED)
                event = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling)
                self.home.store.events.append(cell.attempts[-1], [event], SystemClock().now())

    def settled(self, run: RunId) -> bool:
        return all(cell.state is State.DONE for cell in self.home.store.runs.cells(run))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with furnish(tmp_path) as home:
        (tmp_path / "gerrit").mkdir()
        site = Site(tmp_path / "gerrit", Path(home.repo))
        clock = SystemClock()
        reviews = home.store.reviews
        rules = Rules(name="acme", projects={PROJECT: home.repo}, archs=("kvm-flat", "vmware-flat"))
        asker = Asker(
            clock=clock,
            reviews=reviews,
            desk=home.house.desk,
            systems={"acme": site.client()},
            rules={"acme": rules},
        )
        reviewing = Reviewing(
            clock=clock,
            reviews=reviews,
            desk=home.house.desk,
            library=home.house.library,
            asker=asker,
            pages="https://ci.example.com",
        )
        yield Desk(site, home, reviewing)
        site.sshd.stop()


def test_every_patch_set_is_tried_once_and_commented_on_once(desk: Desk) -> None:
    site = desk.site
    site.upload(7)
    with desk.attending():
        for _ in range(3):  # the same event again and again, and a comment's before its change's
            site.happens(7, "comment-added")
            site.happens(7)
        until(desk.runs)
        # Cut off in the middle of a line; what happens then is told by nobody.
        begun = site.streams()
        site.cut()
        newer = site.upload(7, 2)
        until(lambda: site.streams() > begun)
        until(lambda: len(desk.runs()) == 2)
        site.happens(7, "patchset-created", patchSet={"number": 2})
        site.happens(7, "patchset-created", patchSet={"number": 1})
        until(lambda: desk.settled(desk.runs()[0].id))
        desk.finish(desk.runs()[1].id)
        until(site.reviews)
        for kind in ("patchset-created", "comment-added", "ref-updated"):
            site.happens(7, kind)
        site.cut()
        until(lambda: site.streams() > begun + 1)
        site.upload(8)
        site.happens(8)
        until(lambda: len(desk.runs()) == 3)
    first, second, _ = desk.runs()
    assert second.commit.sha == newer
    verdicts = {cell.ruling.verdict for cell in desk.home.store.runs.cells(first.id) if cell.ruling}
    assert verdicts == {Verdict.CANCELLED}
    (said,) = site.reviews()
    assert said["target"] == "7,2"
    assert said["labels"] == {"Verified": 1}
    assert said["tag"] == "autogenerated:acme~result"


def look(desk: Desk, number: int = 7) -> None:
    desk.reviewing.look_at("acme", str(number))
    desk.reviewing.tick("acme")


def test_the_comment_is_in_the_form_that_tools_parse(desk: Desk) -> None:
    desk.site.upload(7)
    look(desk)
    desk.finish(RunId(1), kvm_flat=FAILED, vmware_flat=BROKEN)
    desk.reviewing.tick("acme")
    (said,) = desk.site.reviews()
    assert said["labels"] == {"Verified": -1}
    lines = said["message"].splitlines()
    assert lines[0].startswith("Build failed (check pipeline).")
    assert "- kvm-flat https://ci.example.com/cells/1/kvm-flat : FAILURE" in lines
    row = "- vmware-flat https://ci.example.com/cells/1/vmware-flat : ERROR no such image"
    assert f"{row} (non-voting)" in lines
    assert any(line.endswith("ci@example.com") for line in lines)
    assert " UTC. Say `recheck`" in said["message"]


def test_an_arch_without_a_vote_does_not_vote(desk: Desk) -> None:
    desk.site.upload(7)
    look(desk)
    desk.finish(RunId(1), vmware_flat=FAILED)
    desk.reviewing.tick("acme")
    (said,) = desk.site.reviews()
    assert said["labels"] == {"Verified": 1}
    assert said["message"].startswith("Build succeeded")


def test_who_could_not_tell_does_not_vote(desk: Desk) -> None:
    desk.site.upload(7)
    look(desk)
    desk.finish(RunId(1), kvm_flat=BROKEN)
    desk.reviewing.tick("acme")
    (said,) = desk.site.reviews()
    assert "labels" not in said
    assert said["message"].startswith("Build failed")


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("recheck", {"kvm-flat", "vmware-flat"}),
        ("Looks odd.\n\n  ReCheck  ", {"kvm-flat", "vmware-flat"}),
        ("recheck kvm-flat", {"kvm-flat"}),
        ("please recheck", set()),
        ("recheck xen-flat", set()),
        ("Patch Set 9:\n\nrecheck it?", set()),
    ],
)
def test_a_recheck_tries_again_what_it_names(desk: Desk, text: str, again: set[str]) -> None:
    desk.site.upload(7)
    look(desk)
    desk.finish(RunId(1))
    desk.reviewing.tick("acme")
    desk.site.say(7, text)
    for _ in range(3):
        look(desk)
    cells = desk.home.store.runs.cells(RunId(1))
    assert {cell.arch.name for cell in cells if len(cell.attempts) == 2} == again
    desk.finish(RunId(1))
    look(desk)
    assert len(desk.site.reviews()) == (2 if again else 1)
    assert len(desk.runs()) == 1


def test_what_a_kill_left_half_done_is_done_once(desk: Desk) -> None:
    """Each write is followed by a repeat of what came before it, as after a kill."""
    desk.site.upload(7)
    proposal = desk.site.client().find("7", soon())
    assert proposal
    desk.reviewing.asker.begin("acme", proposal)
    look(desk)
    desk.finish(RunId(1))
    (watched,) = desk.home.store.reviews.running("acme")
    desk.reviewing.tick("acme")
    desk.home.store.reviews.update(watched)  # killed after it was said, before it was stored
    desk.reviewing.tick("acme")
    assert len(desk.site.reviews()) == 1
    desk.site.say(7, "recheck kvm-flat")
    desk.reviewing.look_at("acme", "7")
    (watched,) = desk.home.store.reviews.running("acme")
    assert watched.again == (AttemptId("1/kvm-flat/1"),)
    desk.reviewing.tick("acme")
    desk.home.store.reviews.update(watched)  # killed after it was queued, before it was stored
    desk.reviewing.tick("acme")
    assert len(desk.home.store.runs.cells(RunId(1))[0].attempts) == 2
    assert len(desk.runs()) == 1


def test_a_closed_change_is_stopped(desk: Desk) -> None:
    desk.site.upload(7)
    look(desk)
    desk.site.change(7, status="ABANDONED")
    desk.reviewing.look_at_all("acme")
    assert desk.settled(RunId(1))
    desk.reviewing.tick("acme")
    assert desk.site.reviews() == []


def test_work_in_progress_waits(desk: Desk) -> None:
    desk.site.upload(7)
    desk.site.change(7, wip=True)
    look(desk)
    assert desk.runs() == []
    desk.site.change(7, wip=False)
    look(desk)
    assert len(desk.runs()) == 1


def test_what_it_depends_on_comes_along_the_far_ends_included(desk: Desk) -> None:
    desk.site.upload(3)
    desk.site.upload(4, message=f"Middle\n\nDepends-On: https://127.0.0.1/c/{PROJECT}/+/3")
    desk.site.upload(5)
    desk.site.change(5, status="MERGED")
    message = f"Top\n\nDepends-On: I{4:040x}\ndepends-on: https://127.0.0.1/#/c/5/"
    desk.site.upload(7, message=message)
    look(desk)
    plan = desk.home.store.runs.plan(RunId(1))
    assert {other.ref for other in plan.others} == {"refs/changes/04/4/1", "refs/changes/03/3/1"}


@pytest.mark.parametrize("on", ["abandoned", "https://elsewhere.example.com/c/x/+/9", "12345"])
def test_what_cannot_be_had_is_said_instead_of_a_run(desk: Desk, on: str) -> None:
    if on == "abandoned":
        desk.site.upload(3)
        desk.site.change(3, status="ABANDONED")
        on = "3"
    desk.site.upload(7, message=f"Top\n\nDepends-On: {on}")
    for _ in range(3):
        look(desk)
    assert desk.runs() == []
    (said,) = desk.site.reviews()
    assert said["message"].startswith("Build failed")
    assert "depends on" in said["message"]
    desk.site.upload(7, 2)
    look(desk)
    assert len(desk.runs()) == 1


def test_every_page_of_a_long_list_is_read(desk: Desk) -> None:
    for number in range(1, 6):
        desk.site.upload(number)
    found = desk.site.client().proposals(soon())
    assert sorted(proposal.number for proposal in found) == list("12345")
    assert {proposal.fate for proposal in found} == {Fate.OPEN}


def test_another_server_in_its_place_is_not_spoken_to(desk: Desk) -> None:
    client = desk.site.client()
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz2H9QG9Wd1GfDKcTdcvHjQPn3Dj7TGPTzqWa"
    wrong = replace(client, account=replace(client.account, host_key=other))
    with pytest.raises(Undelivered):
        wrong.find("7", soon())


def test_nobody_there_is_our_error(desk: Desk) -> None:
    desk.site.sshd.stop()
    with pytest.raises(Undelivered, match="does not answer"):
        desk.site.client().proposals(soon())


def test_code_under_review_is_not_trusted_with_this_host(desk: Desk) -> None:
    desk.site.upload(7)
    proposal = desk.site.client(trust=False).find("7", soon())
    assert isinstance(proposal, Proposal)
    assert proposal.outside
    rules = replace(desk.reviewing.asker.rules["acme"], forks=Forks.ALWAYS)
    asker = replace(desk.reviewing.asker, rules={"acme": rules})
    asker.begin("acme", proposal)
    assert desk.runs() == []
    (watched,) = desk.home.store.reviews.running("acme")
    assert "simulated" in watched.said


def test_a_comment_while_it_is_under_way_says_nothing(desk: Desk) -> None:
    desk.site.upload(7)
    look(desk)
    proposal = desk.site.client().find("7", soon())
    assert proposal
    waiting = Opinion(key="run 1, round 1", url="x", cells=())
    desk.site.client().tell(proposal, replace(waiting, refusal="no"), soon())
    desk.site.client().tell(proposal, replace(waiting, refusal="no"), soon())
    assert len(desk.site.reviews()) == 1
