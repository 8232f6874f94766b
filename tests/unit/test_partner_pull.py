"""Partners that come to us: their worker takes an order, runs it, brings the signed result."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from orchestrator.drivers.partner.pull import PullPartner
from orchestrator.drivers.signature.ed25519 import Signer
from orchestrator.model.access import Role
from orchestrator.model.event import Kind
from orchestrator.model.partner import Order
from orchestrator.model.verdict import Verdict
from orchestrator.service.gate import Wish
from tests.chaining import keep, worker
from tests.contract import fake_jenkins
from tests.contract.partner_rig import CONTRACT, Rig
from tests.unit.web_house import Furnished, furnish

GREEN = """printf '<testsuite><testcase classname="san" name="attach" time="1.5"/></testsuite>' \
> $RESULTS/junit.xml; echo "tested $COMMIT"
"""
RED = (
    GREEN.replace("/></testsuite>", '><failure message="no LUN"/></testcase></testsuite>')
    + "exit 1"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Furnished]:
    with furnish(tmp_path) as made:
        yield made


@contextmanager
def walking(home: Furnished, folder: Path) -> Iterator[Rig]:
    """Yield a cell that waits for the partner; on leaving, wait until it is decided."""
    contract = replace(CONTRACT, driver="pull", url="", poll=0.1)
    rig = Rig(home.store, folder, PullPartner(home.store.deliveries), contract)
    rig.grant()
    thread = threading.Thread(target=rig.walk, daemon=True)
    thread.start()
    yield rig
    thread.join(200)
    assert not thread.is_alive()


def vendor(home: Furnished) -> str:
    wish = Wish(role=Role.VENDOR, partner="hp", note="ann", days=1)
    return home.house.gate.give(wish)[1].reveal()


def eventually(what: Callable[[], object]) -> None:
    end = time.monotonic() + 200
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_worker_that_is_killed_does_its_order_again_and_brings_one_result(
    home: Furnished, tmp_path: Path
) -> None:
    token = keep(tmp_path / "hp.token", vendor(home))
    began, go = tmp_path / "began", tmp_path / "go"
    script = tmp_path / "smoke.sh"
    waits = f"echo x >> {began}; while [ ! -e {go} ]; do sleep 0.1; done\n"
    script.write_text(waits + GREEN)
    words = ("--run", f"sh {script}", "--once")
    with walking(home, tmp_path) as rig:
        first = worker(home.url, token, tmp_path / "worker", *words)
        eventually(began.exists)
        first.kill()
        first.wait()
        go.touch()
        second = worker(home.url, token, tmp_path / "worker", *words)
        assert second.wait(200) == 0, (tmp_path / "worker/worker.log").read_text()
    ruling = rig.cell().ruling
    assert ruling
    assert ruling.verdict is Verdict.PASSED
    (tested,) = [event for event in rig.events() if event.kind is Kind.TESTED]
    assert [test.name for test in tested.tests] == ["san::attach"]
    console = (tmp_path / "files/1/kvm-lefthand/1/partner-console.log").read_text()
    assert console == f"tested {'c0ffee' * 6}cafe\n"
    assert len(began.read_text().split()) == 2


def test_a_red_test_is_the_product_s(home: Furnished, tmp_path: Path) -> None:
    token = keep(tmp_path / "hp.token", vendor(home))
    script = tmp_path / "smoke.sh"
    script.write_text(RED)
    with walking(home, tmp_path) as rig:
        process = worker(home.url, token, tmp_path / "w", "--run", f"sh {script}", "--once")
        assert process.wait(200) == 0, (tmp_path / "w/worker.log").read_text()
    ruling = rig.cell().ruling
    assert ruling
    assert (ruling.verdict, ruling.cause) == (Verdict.FAILED, "san::attach: no LUN, at hp")


@pytest.mark.parametrize("red", [False, True])
def test_a_worker_has_its_own_jenkins_do_an_order_once(
    home: Furnished, tmp_path: Path, *, red: bool
) -> None:
    token = keep(tmp_path / "hp.token", vendor(home))
    fake = fake_jenkins.Jenkins(queued=0, building=10**6)
    if red:
        fake.result, fake.report = "UNSTABLE", fake_jenkins.RED
    with fake_jenkins.serving(fake) as url, walking(home, tmp_path) as rig:
        words = ("--jenkins", url, "--job", "vendor/a b", "--once")
        first = worker(home.url, token, tmp_path / "worker", *words)
        eventually(lambda: fake.looks > 1)
        first.kill()
        first.wait()
        fake.building = 0
        second = worker(home.url, token, tmp_path / "worker", *words)
        assert second.wait(200) == 0, (tmp_path / "worker/worker.log").read_text()
    (asked,) = fake.starts
    assert (asked["RUN_ID"], asked["COMMIT"]) == (rig.key(), rig.sha), "found by its key"
    ruling = rig.cell().ruling
    assert ruling
    wanted = (Verdict.FAILED, "suite.test_volume: no LUN, at hp") if red else (Verdict.PASSED, "")
    assert (ruling.verdict, ruling.cause) == wanted
    files = tmp_path / "files/1/kvm-lefthand/1"
    assert (files / "partner-console.log").read_text().endswith("Finished\n")


@pytest.fixture
def order(home: Furnished) -> Order:
    now = home.clock.now()
    made = Order(
        attempt="1/kvm-lefthand/1",  # type: ignore[arg-type]
        partner="hp",
        arch="kvm-lefthand",
        key="1/kvm-lefthand/1#0a1b",
        repo="sample",
        ref="trunk",
        commit="c0ffee",
        hook="",
        asked_at=now,
        due_at=now,
    )
    home.store.deliveries.offer(made)
    return made


def post(
    home: Furnished, token: str, path: str, body: dict[str, object], signature: str = ""
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "X-Smoketest-Signature": signature}
    headers["Content-Type"] = "application/json"
    content = json.dumps(body).encode()
    return home.client().post(f"/api/partner/{path}", content=content, headers=headers)


def result(order: Order, claim: str = "SUCCESS") -> dict[str, object]:
    test = {"name": "attach", "outcome": "passed", "seconds": 1.0, "message": ""}
    return {"key": order.key, "commit": order.commit, "claim": claim, "tests": [test]}


def signed(home: Furnished, token: str, signer: Signer, body: dict[str, object]) -> httpx.Response:
    signature = signer.sign(json.dumps(body).encode())
    return post(home, token, "result", body, f"ed25519={signature}")


def test_only_what_is_signed_by_the_first_key_is_taken_and_only_once(
    home: Furnished, tmp_path: Path, order: Order
) -> None:
    token, ours, theirs = vendor(home), Signer(tmp_path / "a"), Signer(tmp_path / "b")
    assert signed(home, token, ours, result(order)).status_code == 403, "no key speaks yet"
    asked = {"worker": "w", "public_key": ours.public()}
    told = post(home, token, "next", asked).json()
    assert (told["key"], told["commit"]) == (order.key, "c0ffee")
    other = post(home, token, "next", {"worker": "v", "public_key": theirs.public()})
    assert (other.status_code, "another key signs" in other.text) == (403, True)
    assert signed(home, token, theirs, result(order)).status_code == 403
    changed = result(order)
    signature = ours.sign(json.dumps(changed).encode())
    changed["claim"] = "FAILURE"
    assert post(home, token, "result", changed, signature).status_code == 403
    assert signed(home, token, ours, result(order)).json() == {"first": True}
    assert signed(home, token, ours, result(order, "FAILURE")).json() == {"first": False}
    kept = home.store.deliveries.find(order.key).answer
    assert kept
    assert kept.claim == "SUCCESS"
    assert post(home, token, "next", asked).status_code == 204, "it is over"


def test_who_may_take_and_bring(home: Furnished, tmp_path: Path, order: Order) -> None:
    asked: dict[str, object] = {"worker": "w", "public_key": Signer(tmp_path / "a").public()}
    assert post(home, "st_0000_nonsense", "next", asked).status_code == 401
    wish = Wish(role=Role.DEVELOPER, note="dev", days=1)
    developer = home.house.gate.give(wish)[1].reveal()
    assert post(home, developer, "next", asked).status_code == 403
    wish = Wish(role=Role.VENDOR, partner="citrix", note="x", days=1)
    citrix = home.house.gate.give(wish)[1].reveal()
    refused = post(home, citrix, "next", asked)
    assert (refused.status_code, "pull = true" in refused.text) == (422, True)
    token = vendor(home)
    bad = post(home, token, "result", {"key": order.key})
    assert (bad.status_code, "commit" in bad.text) == (422, True)
    unknown = {"key": "nobody's", "worker": "w", "text": ""}
    assert post(home, token, "progress", unknown).status_code == 404


def test_an_order_that_was_taken_back_stops_its_worker(home: Furnished, order: Order) -> None:
    token = vendor(home)
    told = {"key": order.key, "worker": "w", "text": "testing"}
    assert post(home, token, "progress", told).json() == {"go_on": True}
    PullPartner(home.store.deliveries).cancel(order, None, Waiting())  # type: ignore[arg-type]
    assert post(home, token, "progress", told).json() == {"go_on": False}


class Waiting:
    """A deadline that is far."""

    def check(self) -> None:
        return None


def test_call_backs_wake_only_who_they_are_for(home: Furnished, tmp_path: Path) -> None:
    rig = Rig(home.store, tmp_path, PullPartner(home.store.deliveries), CONTRACT)
    attempt = rig.cell().attempts[0]
    now = home.clock.now()
    plain = Order(
        attempt=attempt,
        partner="hp",
        arch="kvm-lefthand",
        key="k",
        repo="r",
        ref="t",
        commit="c",
        hook="0f" * 16,
        asked_at=now,
        due_at=now,
    )
    home.store.orders.open(plain)
    lies = {"build": {"phase": "FINALIZED", "status": "SUCCESS"}}
    assert home.client().post(f"/hook/{'00' * 16}", json=lies).status_code == 404
    assert not home.store.orders.called(attempt)
    assert home.client().post(f"/hook/{plain.hook}", json=lies).status_code == 204
    assert home.store.orders.called(attempt)
    assert not home.store.orders.called(attempt), "told once"
    found = home.store.orders.find(attempt)
    assert found
    assert found.standing == "asked", "what it claims counts for nothing"
    assert home.client().post(f"/hook/{plain.hook}", content=b"x" * 70_000).status_code == 413


def test_partner_serve_says_what_is_missing(tmp_path: Path) -> None:
    def said(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "orchestrator", "partner", "serve", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stderr

    server = ("--server", "http://127.0.0.1:9", "--token-file", str(tmp_path / "none"))
    status, sentence = said(*server)
    assert (status, "either --run CMD, or --jenkins URL" in sentence) == (2, True)
    status, sentence = said(*server, "--run", "true")
    assert (status, "none" in sentence, "Traceback" in sentence) == (2, True, False)
