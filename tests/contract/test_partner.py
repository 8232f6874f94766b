"""The law of the port `partner`, over each driver: one order, one build, whatever is repeated.

For the Jenkins driver the partner is another orchestrator of ours, seen through its Jenkins face.
"""

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.partner.breaker import Breaker
from orchestrator.drivers.partner.conversation import Login
from orchestrator.drivers.partner.jenkins import JenkinsPartner
from orchestrator.drivers.partner.pull import PullPartner
from orchestrator.model.errors import PartnerError, PartnerSilent
from orchestrator.model.ids import AttemptId
from orchestrator.model.partner import Answer, Claim, Contract, Order, Sighting, Standing
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.partner import Partner
from tests.contract.partner_rig import ARCH, CONTRACT, NAME, Rig
from tests.unit.jenkins_house import JOB, RED, Face, face


class Theirs(Protocol):
    """The partner's side, played by the test."""

    driver: Partner

    def begin(self) -> None: ...

    def finish(self, *, red: bool) -> None: ...

    def builds(self) -> int: ...


@dataclass
class Chained:
    """Another orchestrator, reached through its Jenkins face."""

    face: Face
    driver: Partner

    def begin(self) -> None:
        self.face.grant()

    def finish(self, *, red: bool) -> None:
        newest = self.face.home.store.items.of_job(JOB, 1)[0].run
        self.face.finish(newest, red=(RED,) if red else ())

    def builds(self) -> int:
        return len(self.face.home.store.items.of_job(JOB, 100))


@dataclass
class Pulling:
    """A worker's moves, made by hand."""

    face: Face
    driver: Partner

    def begin(self) -> None:
        found = self._store.take(NAME, "w", SystemClock().now(), SystemClock().now())
        if found:
            seen = Sighting(standing=Standing.RUNNING)
            self._store.change(found.key, lambda d: replace(d, seen=seen))

    def finish(self, *, red: bool) -> None:
        outcome = Outcome.FAILED if red else Outcome.PASSED
        tests = (TestResult(name=RED, outcome=outcome, seconds=1, message="the second NIC"),)
        answer = Answer(claim=Claim.UNSTABLE if red else Claim.SUCCESS, tests=tests)
        seen = Sighting(standing=Standing.ANSWERED)
        key = order().key
        self._store.change(key, lambda d: replace(d, seen=seen, answer=answer, console="smoke\n"))

    def builds(self) -> int:
        return int(self._store.find(order().key).order is not None)

    @property
    def _store(self):  # type: ignore[no-untyped-def]  # noqa: ANN202  # the store's own
        return self.face.home.store.deliveries


@pytest.fixture(params=["jenkins", "pull"])
def theirs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Theirs]:
    with face(tmp_path) as made:
        if request.param == "pull":
            yield Pulling(made, PullPartner(made.home.store.deliveries))
            return
        yield Chained(made, chained(made))


def chained(made: Face) -> Partner:
    contract = Contract(name=NAME, jobs={ARCH: JOB})
    login = Login(name=NAME, url=made.url, user="main", token=Secret(made.token))
    hook = "http://main.example/hook/".__add__
    return JenkinsPartner(contract, login, lambda _: made.home.repo, hook, {})


def limit(seconds: float = 120) -> Deadline:
    return Deadline(SystemClock(), seconds, what="the test")


def order(key: str = "1/kvm-lefthand/1#0a") -> Order:
    now = SystemClock().now()
    return Order(
        attempt=AttemptId("1/kvm-lefthand/1"),
        partner=NAME,
        arch=ARCH,
        key=key,
        repo="nova",
        ref="trunk",
        commit="trunk",
        hook="0f" * 16,
        asked_at=now,
        due_at=now + timedelta(hours=1),
    )


def test_an_order_is_started_once_seen_through_and_fetched_twice(
    theirs: Theirs, tmp_path: Path
) -> None:
    wanted = order()
    nothing = theirs.driver.poll(wanted, Sighting(), limit())
    assert nothing.standing is Standing.ASKED, "nobody has it"
    first = theirs.driver.start(wanted, limit())
    second = theirs.driver.start(wanted, limit())
    assert first.queue == second.queue
    assert theirs.builds() == 1
    theirs.begin()
    seen = theirs.driver.poll(wanted, first, limit())
    assert seen.standing is Standing.RUNNING
    assert theirs.driver.start(wanted, limit()).standing is Standing.RUNNING, "found by its key"
    theirs.finish(red=True)
    seen = theirs.driver.poll(wanted, seen, limit())
    assert seen.standing is Standing.ANSWERED
    for _ in range(2):
        answer = theirs.driver.fetch(wanted, seen, str(tmp_path / "kept"), limit())
        assert answer.claim is Claim.UNSTABLE
        (red,) = [t for t in answer.tests or () if t.outcome is Outcome.FAILED]
        assert (RED in red.name, "the second NIC" in red.message) == (True, True)
        assert "smoke" in (tmp_path / "kept" / "partner-console.log").read_text()
    assert theirs.builds() == 1


def test_what_was_lost_is_found_by_the_key(theirs: Theirs) -> None:
    wanted = order()
    theirs.driver.start(wanted, limit())
    theirs.begin()
    lost = Sighting(standing=Standing.RUNNING, queue=999, build=999)
    assert theirs.driver.poll(wanted, lost, limit()).standing is Standing.RUNNING


def test_an_order_is_stopped_and_stopping_twice_is_stopping_once(theirs: Theirs) -> None:
    wanted = order()
    seen = theirs.driver.start(wanted, limit())
    theirs.begin()
    seen = theirs.driver.poll(wanted, seen, limit())
    for _ in range(2):
        theirs.driver.cancel(wanted, seen, limit())
    theirs.driver.cancel(order("never asked"), Sighting(), limit())
    if isinstance(theirs, Chained):
        with pytest.raises(Exception, match="stopped"):
            theirs.face.home.store.queue.guard(AttemptId(f"1/{JOB}/1"))


def test_no_secret_shows(theirs: Theirs) -> None:
    if isinstance(theirs, Chained):
        token = theirs.face.token
        assert token not in repr(theirs.driver.__dict__)
        wrong = Login(name=NAME, url=theirs.face.url, user="u", token=Secret("st_1_" + "s" * 9))
        contract = Contract(name=NAME, jobs={ARCH: JOB})
        driver = JenkinsPartner(contract, wrong, str, str, {})
        with pytest.raises(PartnerError, match=re.escape("(401)")) as caught:
            driver.start(order(), limit())
        assert "sssssssss" not in str(caught.value)


def test_a_red_of_a_chained_lab_is_as_legible_as_our_own(tmp_path: Path) -> None:
    for name in ("main", "vendor"):
        (tmp_path / name).mkdir()
    with face(tmp_path / "vendor") as vendor:
        said = subprocess.check_output(("git", "rev-parse", "trunk"), cwd=vendor.home.repo)
        sha = said.decode().strip()
        rig = Rig(vendor.home.store, tmp_path / "main", chained(vendor), CONTRACT, sha)
        rig.grant()
        thread = threading.Thread(target=rig.walk, daemon=True)
        thread.start()
        theirs = Chained(vendor, rig.driver)
        end = time.monotonic() + 120
        while not theirs.builds():
            assert time.monotonic() < end
            time.sleep(0.05)
        theirs.begin()
        theirs.finish(red=True)
        thread.join(120)
        ruling = rig.cell().ruling
        assert ruling
        assert ruling.verdict is Verdict.FAILED
        assert re.match(rf"smoketest.{JOB}.*{RED}: the second NIC .*, at hp$", ruling.cause)
        assert theirs.builds() == 1


class Failing:
    """A partner that is down, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked, self.well = 0, False

    def poll(self, *_: object) -> Sighting:
        self.asked += 1
        if not self.well:
            raise PartnerSilent("hp cannot be reached")
        return Sighting()


class Ahead(SystemClock):
    """A clock that can be put forward."""

    ahead = timedelta()

    def now(self):  # type: ignore[no-untyped-def]  # noqa: ANN201  # as inherited
        return super().now() + self.ahead


def test_the_breaker_leaves_a_partner_alone_and_tries_it_again() -> None:
    down, clock = Failing(), Ahead()
    breaker = Breaker(down, clock, NAME)  # type: ignore[arg-type]

    def ask() -> str:
        try:
            breaker.poll(order(), Sighting(), limit())
        except PartnerSilent as silent:
            return str(silent)
        return ""

    said = [ask() for _ in range(9)]
    assert down.asked == 5
    assert said[0] == "hp cannot be reached"
    assert re.match(r"hp is left alone until \S+ UTC after 5 failures: hp cannot", said[-1])
    assert breaker.trouble()
    clock.ahead += timedelta(seconds=20)
    ask()
    assert down.asked == 6, "one try"
    ask()
    assert down.asked == 6, "and a longer pause"
    clock.ahead += timedelta(minutes=5)
    down.well = True
    assert [ask(), ask(), breaker.trouble()] == ["", "", ""]
