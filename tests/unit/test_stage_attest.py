"""Whether a machine is trusted: the very script, driver, stage and store, on a machine of files."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.lab import hardware
from orchestrator.model.attestation import Card, SelfReport
from orchestrator.model.errors import OutOfTime, PowerError, Unreachable
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.node import NodeState
from tests.unit.attest_rack import MAC, USERS, Rack, Saying, racked


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Rack]:
    with racked(tmp_path) as one:
        yield one


def test_a_machine_that_stays_as_it_was_is_trusted(rack: Rack) -> None:
    checked, attested = rack.attest()
    assert [checked.kind, attested.kind] == [Kind.CHECKED, Kind.ATTESTED]
    assert {(event.stage, event.node) for event in (checked, attested)} == {(Stage.ATTEST, "n1")}
    assert "2 network cards, 2 with link" in checked.text
    assert "its reference from now on" in attested.text
    again = rack.attest()[-1]
    (known,) = rack.store.attestations.all()
    assert again.text.startswith(f"{known.newest.digest}, as ")
    assert known.image == "debian-12"
    assert known.newest == known.reference
    assert rack.standing() == (NodeState.IN_SERVICE, "")
    assert not list(Path(rack.shell.home).glob(".smoketest-probe*"))


def test_one_conversation_and_one_command_for_each_machine(rack: Rack) -> None:
    rack.attest()
    assert rack.bmc.conversations == 1


def test_what_was_attested_before_a_kill_is_not_asked_again(rack: Rack) -> None:
    done = Event(kind=Kind.ATTESTED, stage=Stage.ATTEST, node="n1")
    assert rack.attest(done) == []
    assert rack.bmc.conversations == 0


def test_every_fact_of_a_simulated_machine_is_its_own_not_its_hosts(rack: Rack) -> None:
    rack.attest()
    facts = dict(rack.store.attestations.all()[0].newest.facts)
    assert facts == {
        "bmc-users": USERS,
        "disks": "134217728 sectors, LAB SIMULATED DISK, lab-n01",
        "firmware": "Lab 1.0 01/01/2026",
        "installed-from": "debian-12",
        "kernel": "6.1.0-amd64",
        "network-cards": "2",
        "package-archive": "not told",
        "packages": "none",
        "partition-ids": "not told",
        "partitions": "unknown",
    }


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("sys/block/vda/size", "67108864", "disks was 134217728 sectors"),
        ("sys/block/vda/serial", "another", "LAB SIMULATED DISK, another"),
        ("sys/class/dmi/id/bios_version", "6.6.6", "firmware was Lab 1.0 01/01/2026, is Lab 6.6.6"),
        ("proc/sys/kernel/osrelease", "6.2.0", "kernel was 6.1.0-amd64, is 6.2.0"),
        ("sys/class/net/eth2/device/vendor", "0x1", "network-cards was 2, is 3"),
    ],
)
def test_a_changed_machine_is_out_of_service_until_a_person_trusts_it(
    rack: Rack, file: str, text: str, told: str
) -> None:
    rack.attest()
    if file.startswith("sys/class/net"):
        hardware._write(rack.hardware / "sys/class/net/eth2/address", "52:54:00:00:00:99")
    hardware._write(rack.hardware / file, text)
    error = rack.refused()
    assert told in str(error)
    assert "`smoketest node restore n1`" in str(error)
    assert rack.standing() == (NodeState.QUARANTINED, str(error))
    assert str(rack.refused()) == str(error)
    rack.restore()
    assert rack.standing() == (NodeState.IN_SERVICE, "")
    assert "its reference from now on" in rack.attest()[-1].text
    assert " as " in rack.attest()[-1].text


def test_a_login_that_nobody_gave_quarantines(rack: Rack) -> None:
    rack.attest()
    rack.bmc.users = f"{USERS}; 3 ops administrator"
    assert f"bmc-users was {USERS}, is {USERS}; 3 ops administrator" in str(rack.refused())
    assert rack.standing()[0] is NodeState.QUARANTINED


def _no_card(rack: Rack) -> None:
    hardware._write(rack.hardware / "sys/class/net/eth0/address", "52:54:00:00:00:77")


def _no_link(rack: Rack) -> None:
    hardware._write(rack.hardware / "sys/class/net/eth0/carrier", "0")


def _late(rack: Rack) -> None:
    rack.clock.off = timedelta(seconds=-3600)


def _early(rack: Rack) -> None:
    rack.clock.off = timedelta(seconds=62)


def _unwritable(rack: Rack) -> None:
    rack.shell.home = "/proc"


def _off(rack: Rack) -> None:
    rack.bmc.on = False


@pytest.mark.parametrize(
    ("spoil", "measured", "advice"),
    [
        (_no_card, f"no network card {MAC.upper()} (it has 52:54:00:00:00:77", "lab file"),
        (_no_link, f"eth0 ({MAC}) has no link", "check cable and switch"),
        (_late, "its clock is +3", "NTP"),
        (_early, "its clock is -6", "NTP"),
        (_unwritable, "cannot be written to (dd: ", "check disk"),
        (_off, "its BMC reads off", "reset the BMC"),
    ],
)
def test_a_canary_that_dies_breaks_the_attempt_and_leaves_the_machine_to_the_verdict(
    rack: Rack, spoil: Callable[[Rack], None], measured: str, advice: str
) -> None:
    rack.attest()
    spoil(rack)
    error = str(rack.refused())
    assert measured in error
    assert advice in error
    assert rack.standing() == (NodeState.IN_SERVICE, "")
    assert len(rack.store.attestations.all()) == 1


def test_a_full_disk_is_told_in_numbers(rack: Rack) -> None:
    report = SelfReport(
        disk_trouble="",
        disk_bytes=4 << 30,
        free_bytes=100 << 20,
        clock=rack.clock.now(),
        cards=(Card(name="eth0", mac=MAC, link=True),),
        facts=(),
    )

    rack.kit = replace(rack.kit, canary=Saying(report))
    assert "only 100 of 4096 MiB of its disk are free" in str(rack.refused())


@pytest.mark.parametrize("answer", ["", "clock=noon\nsize=1\nfree=1", "motd: welcome"])
def test_a_machine_that_answers_something_else_is_not_trusted(rack: Rack, answer: str) -> None:
    rack.shell.answer = answer
    error = rack.refused()
    assert isinstance(error, Unreachable)
    assert "did not say what was asked" in str(error)


@pytest.mark.parametrize("error", [PowerError("n1: no BMC", node="n1"), OutOfTime("too late, n1")])
def test_a_bmc_that_does_not_answer_is_the_machines_fault(rack: Rack, error: Exception) -> None:
    rack.bmc.error = error
    assert str(error) in str(rack.refused())


def test_a_power_driver_that_cannot_inspect_is_asked_for_the_power_alone(rack: Rack) -> None:
    rack.kit = replace(rack.kit, inspects={})
    assert rack.attest()[-1].kind is Kind.ATTESTED
    rack.bmc.on = False
    assert "its BMC reads off" in str(rack.refused())
    assert "bmc-users" not in dict(rack.store.attestations.all()[0].newest.facts)


def test_a_driver_that_learns_to_ask_more_is_no_change_of_the_machine(rack: Rack) -> None:
    inspects, rack.kit = rack.kit.inspects, replace(rack.kit, inspects={})
    rack.attest()
    rack.kit = replace(rack.kit, inspects=inspects)
    assert rack.attest()[-1].kind is Kind.ATTESTED
    assert rack.standing() == (NodeState.IN_SERVICE, "")


def test_an_update_of_the_package_archive_is_no_change_of_the_machine(rack: Rack) -> None:
    lists = rack.hardware / "var/lib/apt/lists/deb.example_dists_bookworm_InRelease"
    kernel = rack.hardware / "proc/sys/kernel/osrelease"
    for release, version in (("monday", "6.1.1"), ("tuesday", "6.1.2"), ("tuesday", "6.1.2")):
        hardware._write(lists, release)
        hardware._write(kernel, version)
        assert rack.attest()[-1].kind is Kind.ATTESTED
    hardware._write(kernel, "6.6.6")
    assert "kernel was 6.1.2, is 6.6.6" in str(rack.refused())


def test_an_image_of_an_install_is_the_same_system_and_says_so_by_its_hash(rack: Rack) -> None:
    rack.attest()
    hardware._write(rack.hardware / "sys/block/vda/vda1/partition", "1")
    hardware._write(rack.hardware / "sys/block/vda/vda1/size", "2048")
    rack.boot.source = "debian-12@0f3c"
    rack.attest()
    (known,) = rack.store.attestations.all()
    assert known.newest.digest == known.reference.digest
    hardware._write(rack.hardware / "sys/block/vda/vda1/size", "4096")
    assert "partitions was unknown 2048, is unknown 4096" in str(rack.refused())
