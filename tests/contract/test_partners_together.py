"""Two partners of one lab: both answer, and one that is down holds up nobody but who asked it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from orchestrator.drivers.partner import breaker
from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.opened import open_store
from orchestrator.model.arch import Alternative, Means
from orchestrator.model.ids import AttemptId, CellId
from orchestrator.model.partner import Contract
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.kit import Kit
from orchestrator.ports.partner import Partner
from tests.contract.fake_jenkins import RED, Jenkins, serving
from tests.contract.partner_rig import ARCH, CONTRACT, NAME, Rig, guarded, jenkins
from tests.contract.storing import arch, ask, plan

OTHER, OTHER_ARCH = "citrix", "xenserver-gpu"
ATTEMPTS = {NAME: AttemptId(f"1/{ARCH}/1"), OTHER: AttemptId(f"1/{OTHER_ARCH}/1")}


@dataclass(kw_only=True)
class Pair(Rig):
    """One run of two cells, each of which goes to a partner of its own."""

    other: Partner
    agreed: Contract

    def __post_init__(self) -> None:
        archs = (
            replace(arch(name), alternatives=(Alternative(means=Means.PARTNER, partner=who),))
            for name, who in ((ARCH, NAME), (OTHER_ARCH, OTHER))
        )
        ask(self.store, plan(*archs, sha=self.sha))

    def kit(self) -> Kit:
        """Return what stages work with, both partners among it."""
        contracts = {NAME: self.contract, OTHER: self.agreed}
        partners = {NAME: self.driver, OTHER: self.other}
        return replace(super().kit(), contracts=contracts, partners=partners)

    def walk_both(self) -> None:
        """Walk both cells side by side."""
        flow = self.flow()
        threads = [
            threading.Thread(target=flow.walk, args=(attempt, lambda: None), daemon=True)
            for attempt in ATTEMPTS.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(200)
            assert not thread.is_alive()

    def ruling(self, arch_name: str) -> Ruling:
        """Return what an arch's cell came to."""
        found = self.store.runs.cell(CellId(f"1/{arch_name}")).ruling
        assert found
        return found


@contextmanager
def paired(folder: Path, first: Jenkins, second: Jenkins, accept: float = 60) -> Iterator[Pair]:
    store = open_store(f"sqlite:///{folder}/store.sqlite")
    contract = replace(CONTRACT, accept=accept)
    agreed = replace(CONTRACT, name=OTHER, jobs={OTHER_ARCH: "vendor/a b"})
    with serving(first) as one, serving(second) as two:
        drivers = guarded(jenkins(one, contract)), guarded(jenkins(two, agreed), OTHER)
        pair = Pair(store, folder, drivers[0], contract, other=drivers[1], agreed=agreed)
        pair.grant()
        yield pair
        wrong = check(store.database)
    store.database.close()
    assert wrong == ()


def test_both_answer_each_for_its_own_cell(tmp_path: Path) -> None:
    hp, citrix = Jenkins(), Jenkins(result="UNSTABLE", report=RED)
    with paired(tmp_path, hp, citrix) as pair:
        pair.walk_both()
        assert pair.ruling(ARCH).verdict is Verdict.PASSED
        red = pair.ruling(OTHER_ARCH)
        assert (red.verdict, red.cause) == (Verdict.FAILED, "suite.test_volume: no LUN, at citrix")
        keys = {who: fake.starts[0]["RUN_ID"] for who, fake in ((NAME, hp), (OTHER, citrix))}
        for who, key in keys.items():
            assert key.startswith(ATTEMPTS[who]), "each is asked for its own"
        assert (len(hp.starts), len(citrix.starts)) == (1, 1)


def test_one_that_is_left_alone_does_not_hold_up_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FAILURES", 2)
    hp, citrix = Jenkins(status=500, times=-1), Jenkins()
    with paired(tmp_path, hp, citrix, accept=3) as pair:
        pair.walk_both()
        silent = pair.ruling(ARCH)
        assert (silent.verdict, silent.blame) == (Verdict.BROKEN, Blame.PARTNER)
        assert "hp is left alone until" in silent.cause
        assert isinstance(pair.driver, breaker.Breaker)
        assert isinstance(pair.other, breaker.Breaker)
        assert (bool(pair.driver.trouble()), pair.other.trouble()) == (True, "")
        assert pair.ruling(OTHER_ARCH).verdict is Verdict.PASSED
        assert (len(hp.starts), len(citrix.starts)) == (0, 1)
