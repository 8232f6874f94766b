"""The spine through the real program: one orchestrator, asked what people ask of it."""

import json
import re
import secrets
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.accept.changes import git, patch
from tests.accept.leaks import leaks, secrets_of
from tests.orchestrating import Orchestrator, Typed, hold, machine

NEW_WAY = '[card["address"] for card in instance["virtual_interfaces"]]'
#: a column that no database has, and nobody could have written into a canned result
MADE_UP = f"mac_{secrets.token_hex(4)}"
RUN_KEYS = {
    **{"run": int, "repo": str, "ref": str, "commit": str, "requester": str},
    **{"lane": str, "state": str, "cells": list},
}
CELL_KEYS = {
    **{"cell": str, "arch": str, "verdict": str, "cause": str, "voting": bool},
    **{"provenance": str, "attempts": int, "phases": dict, "tests": dict, "nodes": list},
    "url": str,
}


@pytest.fixture(scope="module")
def smoketest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    running = Orchestrator(home=tmp_path_factory.mktemp("spine") / "home", nodes=6)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def clone(smoketest: Orchestrator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample product as a repository of somebody's own."""
    folder = tmp_path_factory.mktemp("mine") / "stratus"
    git(folder.parent, "clone", "--quiet", str(smoketest.home / "sample"), str(folder))
    git(folder, "branch", "mine", "origin/trunk")
    return folder


@pytest.fixture(scope="module")
def patches(clone: Path) -> Mapping[str, Path]:
    """Patches by name: one that breaks KVM, one that mends XenServer, one that is stale."""
    breaks = patch(clone, "trunk", "kvm", f'instance["{MADE_UP}"].split(",")')
    texts = {
        "breaks-kvm": breaks,
        "mends-xenserver": patch(clone, "multi-nic", "xenserver", NEW_WAY),
        "stale": breaks.replace("mac_address", "addresses"),
    }
    for name, text in texts.items():
        (clone.parent / f"{name}.patch").write_text(text)
    return {name: clone.parent / f"{name}.patch" for name in texts}


@pytest.fixture(scope="module")
def asked(smoketest: Orchestrator, clone: Path, patches: Mapping[str, Path]) -> Mapping[str, Typed]:
    """Every run that a test looks at, asked for at once: together they take half the time."""
    breaks, mends = (str(patches[name]) for name in ("breaks-kvm", "mends-xenserver"))
    wanted = {
        "another": (f"{clone}@mine", "--on", "kvm-flat", "--trust-code"),
        "multi-nic": ("sample@multi-nic", "--on", "kvm-flat,xenserver-flat,kvm+xenserver"),
        "does-not-start": ("sample@does-not-start", "--on", "kvm-flat"),
        "trunk": ("sample@trunk", "--on", "kvm-flat"),
        "breaks-kvm": ("sample@trunk", "--on", "kvm-flat", "--patch", breaks),
        "mends-xenserver": ("sample@multi-nic", "--on", "xenserver-flat", "--patch", mends),
    }
    begun: dict[str, Typed] = {}
    for number, (name, words) in enumerate(wanted.items(), start=1):
        begun[name] = smoketest.begin("run", *words, "--wait", "--json")
        smoketest.wait_for(lambda n=number: stored(smoketest)[0] == n, 60, f"{name} to be stored")
        if name == "another":
            hold(smoketest, "1/kvm-flat")
    return begun


def stored(smoketest: Orchestrator) -> list[int]:
    """Return how many runs and cells there are."""
    return [smoketest.rows(f"SELECT count(*) FROM {name}")[0][0] for name in ("runs", "cells")]  # noqa: S608  # our words


def cells(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of a run by arch."""
    return {cell["arch"]: cell for cell in view["cells"]}


def verdicts(view: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Return verdict and blame by arch."""
    return {cell["arch"]: (cell["verdict"], cell["blame"]) for cell in view["cells"]}


def assert_one_sentence(said: str) -> None:
    """Fail unless stderr is what a person can use."""
    assert said.startswith("smoketest: ")
    assert len(said.splitlines()) == 1, said
    assert "Traceback" not in said


def assert_as_promised(view: Mapping[str, Any]) -> None:
    """Fail unless the run is the object of the design, its phases seconds since it was asked."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(view["asked_at"])).total_seconds()
    assert {key: type(view[key]) for key in RUN_KEYS} == RUN_KEYS
    assert view["state"] == "done"
    for cell in view["cells"]:
        assert {key: type(cell[key]) for key in CELL_KEYS} == CELL_KEYS
        assert cell["blame"] is None or isinstance(cell["blame"], str)
        assert cell["cell"] == f"{view['run']}/{cell['arch']}"
        assert cell["url"].endswith(f"/cells/{cell['cell']}")
        assert list(cell["phases"]) == ["lease", "provision", "deploy", "smoke"]
        assert all(took > 0 for took in cell["phases"].values())
        assert 1 < sum(cell["phases"].values()) < seconds
        assert set(cell["tests"]) == {"passed", "failed", "skipped"}
        assert all(isinstance(name, str) for name in cell["nodes"])


def test_another_repository_runs_once_its_code_is_trusted(
    smoketest: Orchestrator, asked: Mapping[str, Typed], clone: Path
) -> None:
    before = stored(smoketest)
    refused = smoketest.cli("run", f"{clone}@mine", "--on", "kvm-flat")
    assert refused.returncode == 2
    assert_one_sentence(refused.stderr)
    assert "as you, with all your rights" in refused.stderr
    assert "--trust-code" in refused.stderr
    assert stored(smoketest) == before
    assert "another" in asked


def test_held_machines_stay_and_let_you_in(
    smoketest: Orchestrator, asked: Mapping[str, Typed], clone: Path
) -> None:
    run, cell = 1, "1/kvm-flat"
    node = machine(smoketest, cell)
    assert node
    assert asked["another"].status() == 0
    view = asked["another"].json()
    assert (view["run"], view["repo"]) == (run, str(clone))
    assert verdicts(view) == {"kvm-flat": ("passed", None)}
    smoketest.wait_for(
        lambda: smoketest.rows("SELECT 1 FROM events WHERE kind = 'held'"), 60, "the hold"
    )
    held = smoketest.cli("hold", cell, "--hours", "1").stdout
    assert f"smoketest release {cell}" in held
    (line,) = (line for line in held.splitlines() if line.startswith("ssh "))
    inside = subprocess.run(
        [*shlex.split(line), "-o", "BatchMode=yes", "-F", "/dev/null", "echo in"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert inside.stdout == "in\n", inside.stderr
    (shown,) = (row for row in smoketest.cli("nodes").stdout.splitlines() if row.startswith(node))
    assert f"{cell}/1, held" in shown
    assert leaks(smoketest.home, secrets_of(smoketest.home)) == []
    released = smoketest.cli("release", cell)
    assert (released.returncode, "go back" in released.stdout) == (0, True)
    smoketest.wait_for(lambda: not machine(smoketest, cell), 60, "the release")
    assert "nothing to do" in smoketest.cli("release", cell).stdout


def test_a_bad_branch_is_the_products_fault_on_exactly_the_hypervisors_that_it_forgot(
    asked: Mapping[str, Typed],
) -> None:
    assert asked["multi-nic"].status() == 1
    view = asked["multi-nic"].json()
    assert_as_promised(view)
    assert verdicts(view) == {
        "kvm-flat": ("passed", None),
        "xenserver-flat": ("failed", "product"),
        "kvm+xenserver": ("failed", "product"),
    }
    found = cells(view)
    for arch in ("xenserver-flat", "kvm+xenserver"):
        assert "mac_address" in found[arch]["cause"]
        assert found[arch]["tests"]["failed"] > 0
        assert found[arch]["attempts"] == 1, "what the product did wrong is not tried again"
    assert {arch: len(cell["nodes"]) for arch, cell in found.items()} == {
        "kvm-flat": 1,
        "xenserver-flat": 1,
        "kvm+xenserver": 2,
    }
    assert {cell["provenance"] for cell in view["cells"]} == {"simulated"}


def test_a_good_branch_passes(asked: Mapping[str, Typed]) -> None:
    assert asked["trunk"].status() == 0
    view = asked["trunk"].json()
    assert_as_promised(view)
    assert (view["repo"], view["ref"], view["lane"]) == ("sample", "trunk", "asked")
    assert verdicts(view) == {"kvm-flat": ("passed", None)}
    assert cells(view)["kvm-flat"]["tests"]["passed"] > 5


def test_a_service_that_does_not_start_fails_at_deploy_in_its_own_words(
    smoketest: Orchestrator, asked: Mapping[str, Typed]
) -> None:
    assert asked["does-not-start"].status() == 1
    view = asked["does-not-start"].json()
    cell = cells(view)["kvm-flat"]
    assert (cell["verdict"], cell["blame"]) == ("failed", "product")
    assert "no such table: instance" in cell["cause"]
    assert cell["phases"]["deploy"] > 0
    assert cell["phases"]["smoke"] is None
    kept = smoketest.home / "attempts" / cell["cell"] / "1" / "logs" / cell["nodes"][0]
    assert "no such table: instance" in (kept / "api.log").read_text()


def test_a_patch_that_breaks_a_driver_turns_its_hypervisor_red(asked: Mapping[str, Typed]) -> None:
    assert asked["breaks-kvm"].status() == 1
    view = asked["breaks-kvm"].json()
    assert verdicts(view) == {"kvm-flat": ("failed", "product")}
    assert MADE_UP in cells(view)["kvm-flat"]["cause"]
    assert re.fullmatch(r"[0-9a-f]{10}\+[0-9a-f]{6}", view["commit"])


def test_a_patch_that_mends_a_driver_turns_its_hypervisor_green(
    asked: Mapping[str, Typed],
) -> None:
    assert asked["mends-xenserver"].status() == 0
    assert verdicts(asked["mends-xenserver"].json()) == {"xenserver-flat": ("passed", None)}


def test_a_patch_that_does_not_apply_is_a_verdict_that_names_patch_and_hunk(
    smoketest: Orchestrator, asked: Mapping[str, Typed], patches: Mapping[str, Path]
) -> None:
    words = ("run", "sample@trunk", "--on", "kvm-flat,kvm-vlan", "--patch", str(patches["stale"]))
    done = smoketest.cli(*words, "--wait", "--json")
    assert done.returncode == 2
    view = json.loads(done.stdout)
    assert view["run"] == len(asked) + 1
    for cell in view["cells"]:
        assert (cell["verdict"], cell["blame"]) == ("broken", "config")
        where = r"stale\.patch: hunk #1 does not apply to stratus/drivers/kvm\.py at line \d+"
        assert re.match(where, cell["cause"]), cell["cause"]
        assert cell["nodes"] == []
    newest, *_ = smoketest.json("matrix")["runs"]
    assert (newest["run"], newest["exit"]) == (view["run"], 2)
    assert "stale.patch: hunk #1" in smoketest.cli("matrix").stdout


REFUSED = {
    "branch": (("run", "sample@multi-nick"), "did you mean multi-nic"),
    "other": (("run", "sample@trunk", "--with", "sample@trunc"), "did you mean trunk"),
    "arch": (("run", "sample@trunk", "--on", "kvm-flatt"), "did you mean kvm-flat"),
    "alias": (("run", "nova@trunk", "--trust-code"), "alias of the lab (sample)"),
    "unreachable": (("run", "http://127.0.0.1:9/x.git", "--trust-code"), "check its address"),
    "contradiction": (("run", "sample@trunk", "--on", "kvm-flat", "--all"), "leave one"),
    "patch": (("run", "sample@trunk", "--patch", "nowhere.patch"), "nowhere.patch cannot be read"),
    "lane": (("run", "sample@trunk", "--lane", "fast"), "'asked', 'merged', 'nightly'"),
    "usage": (("run",), "smoketest run --help"),
    "plan": (("plan", "sample@nothing-alike"), "'nothing-alike'"),
    "run": (("show", "4711"), "smoketest runs"),
    "cell": (("hold", "1/nowhere"), "smoketest runs"),
    "hold": (("hold", "1/kvm-flat", "--hours", "1000"), "at most 168 hours"),
    "reason": (("recheck", "1/kvm-flat"), "--reason"),
    "empty": (("recheck", "1/kvm-flat", "--reason", " "), "--reason"),
    "who": (("who", "qemu"), "smoketest archs"),
    "node": (("node", "drain", "n99"), "smoketest nodes"),
    "fault": (("lab", "fault", "n01", "sleepy"), "hangs-in-install"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence_and_nothing_is_stored(
    smoketest: Orchestrator, asked: Mapping[str, Typed], name: str
) -> None:
    words, advice = REFUSED[name]
    before = stored(smoketest)
    done = smoketest.cli(*words)
    assert done.returncode == 2
    assert_one_sentence(done.stderr)
    assert advice in done.stderr
    assert done.stdout == ""
    assert stored(smoketest) == before
    assert asked


def test_an_arch_file_that_cannot_be_read_is_named_by_file_and_line(
    smoketest: Orchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("arch: mine\nsummary: Mine\nroles:\n  cloud: {count: many}\n")
    checked = smoketest.cli("check", str(path))
    assert checked.returncode == 2
    assert f"{path}:4: " in checked.stdout
    assert smoketest.cli("check", str(path), "--json").returncode == 2
    (shown,) = smoketest.json("check", str(path))["files"]
    assert shown["errors"][0].startswith(f"{path}:4: ")


def test_a_recheck_adds_an_attempt_and_tells_the_reason(
    smoketest: Orchestrator, asked: Mapping[str, Typed]
) -> None:
    asked["does-not-start"].status()
    cell = asked["does-not-start"].json()["cells"][0]["cell"]
    done = smoketest.cli("recheck", cell, "--reason", "the machine looked sick")
    assert done.returncode == 0
    assert f"{cell} is queued again (attempt 2)" in done.stdout
    again = smoketest.cli("watch", cell.split("/")[0], "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["cells"][0]["attempts"] == 2
    attempts = smoketest.json("show", cell)["attempts"]
    assert [attempt["verdict"] for attempt in attempts] == ["failed", "failed"]


def test_ctrl_c_leaves_the_run_going_and_cancel_frees_its_machines(
    smoketest: Orchestrator, asked: Mapping[str, Typed]
) -> None:
    for each in asked.values():
        each.status()
    typed = smoketest.begin("run", "sample@trunk", "--on", "kvm+xenserver", "--wait", "--json")
    deploying = (
        "SELECT run FROM events JOIN attempts ON attempt = attempts.id WHERE state <> 'done'"
    )
    smoketest.wait_for(
        lambda: smoketest.rows(f"{deploying} AND stage = 'deploy'"), 120, "the deploy to begin"
    )
    typed.process.send_signal(signal.SIGINT)
    assert typed.status(20) == 130
    run = typed.json()["run"]
    said = typed.err.read_text()
    assert f"smoketest watch {run}" in said
    assert f"smoketest cancel {run}" in said
    assert "Traceback" not in said
    assert smoketest.json("show", str(run))["state"] == "running"
    assert len(smoketest.powered()) == 2
    assert smoketest.cli("cancel", str(run)).returncode == 0
    ended = smoketest.cli("watch", str(run), "--json")
    assert ended.returncode == 4
    (cell,) = json.loads(ended.stdout)["cells"]
    assert (cell["verdict"], cell["blame"], cell["attempts"]) == ("cancelled", None, 1)
    smoketest.wait_for(lambda: smoketest.done(run), 60, "the machines to be freed")
    assert smoketest.powered() == []
    assert "nothing to stop" in smoketest.cli("cancel", str(run)).stdout


READ = {
    "runs": (("runs",), "multi-nic", "runs"),
    "matrix": (("matrix",), "kvm+xenserver", "runs"),
    "run": (("show", "2"), "the product failed", "cells"),
    "cell": (("show", "2/xenserver-flat"), "answers for it: xenserver-team", "attempts"),
    "watch": (("watch", "2"), "next: smoketest show 2/xenserver-flat", "cells"),
    "plan": (("plan", "sample@trunk", "--on", "kvm-flat"), "1 cell on 1 machine; ", "cells"),
    "archs": (("archs",), "kvm+xenserver", "archs"),
    "nodes": (("nodes",), "in-service", "nodes"),
    "arch": (("who", "xenserver-flat"), "xenserver-team (it is an arch", "lieutenants"),
    "hypervisor": (("who", "hyperv"), "hyperv-team (it is a hypervisor", "lieutenants"),
    "path": (("who", "stratus/drivers/vmware.py"), "vmware-team (these archs", "archs"),
    "faults": (("lab", "faults"), "no machine has a fault", "kinds"),
    "doctor": (("doctor",), "git", "probes"),
    "store": (("doctor", "--store"), "is consistent", "violations"),
}


@pytest.mark.parametrize("name", READ)
def test_every_verb_that_reads_has_a_form_for_people_and_one_for_programs(
    smoketest: Orchestrator, asked: Mapping[str, Typed], name: str
) -> None:
    words, told, key = READ[name]
    asked["multi-nic"].status()
    status = 1 if words[0] in {"show", "watch"} and "/" not in words[1] else 0
    for_people = smoketest.cli(*words)
    assert (for_people.returncode, for_people.stderr) == (status, "")
    assert told in for_people.stdout
    for_programs = smoketest.cli(*words, "--json")
    assert for_programs.returncode == status
    assert key in json.loads(for_programs.stdout)


def test_what_comes_with_the_program_is_right(smoketest: Orchestrator) -> None:
    done = smoketest.cli("check")
    assert done.returncode == 0, done.stdout
    assert "deploy.yml: ok" in done.stdout


def test_at_the_end_no_machine_is_on_or_leased_and_no_secret_was_told(
    smoketest: Orchestrator, asked: Mapping[str, Typed]
) -> None:
    for each in asked.values():
        each.status()
    smoketest.wait_for(lambda: not smoketest.leased(), 60, "the last machine to be given back")
    assert smoketest.powered() == []
    checked = smoketest.cli("doctor", "--store")
    assert checked.returncode == 0, checked.stdout
    known = secrets_of(smoketest.home)
    assert {name.split()[0] for name in known} == {"our", "the", "BMC", "admin"}
    assert leaks(smoketest.home, known) == []
    assert leaks(smoketest.home, {"what was told": MADE_UP}), "the search finds nothing at all"
    assert not list((smoketest.home / "keys").glob("*")), "keys of machines that were given back"
