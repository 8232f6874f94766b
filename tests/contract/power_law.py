"""The law of every power driver (design, section 2), as tests over a rig."""

import json
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.model.errors import (
    Cancelled,
    LeaseLost,
    PowerDenied,
    PowerError,
    PowerUnchanged,
    SmoketestError,
)
from orchestrator.model.node import BootDevice
from orchestrator.ports.clock import Deadline
from tests.contract.rig import CLOCK, Rig, free_ports, wait_for

#: seconds after `go` at which the caller is killed
INSTANTS = (0, 0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.04)


def within(seconds: float) -> Deadline:
    return Deadline(CLOCK, seconds)


def descendants(token: str) -> dict[int, tuple[str, str]]:
    """Return the argv and environment of every process that carries the token."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().decode(errors="replace")
            argv = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if token in environment and int(folder.name) != os.getpid():
            found[int(folder.name)] = (argv, environment)
    return found


class PowerLaw:
    """Inherit, and give a class-scoped fixture `rig`."""

    @pytest.fixture(autouse=True)
    def _fresh(self, rig: Rig) -> None:
        rig.device.fault("")
        wait_for(lambda: _switched_off(rig), 30)
        rig.device.forget()

    def test_sets_and_reads_the_state(self, rig: Rig) -> None:
        node = rig.device.node()
        for on in (True, False):
            rig.power.set(node, within(10), on=on)
            assert rig.device.is_on() is on
            assert rig.power.is_on(node, within(10)) is on

    def test_setting_twice_sends_one_command(self, rig: Rig) -> None:
        node = rig.device.node()
        for _ in range(2):
            rig.power.set(node, within(10), on=True)
        for _ in range(2):
            rig.power.set(node, within(10), on=False)
        assert rig.device.commands() == ["power on", "power off"]

    def test_sets_the_next_boot_device(self, rig: Rig) -> None:
        for device in (BootDevice.NETWORK, BootDevice.DISK, BootDevice.DISK):
            rig.power.boot_next(rig.device.node(), device, within(10))
            assert rig.device.boots_from() == device

    def test_setting_the_boot_device_twice_sends_one_command(self, rig: Rig) -> None:
        rig.power.boot_next(rig.device.node(), BootDevice.DISK, within(10))
        rig.device.forget()
        for device in (BootDevice.NETWORK, BootDevice.NETWORK, BootDevice.DISK):
            rig.power.boot_next(rig.device.node(), device, within(10))
        assert rig.device.commands() == ["boot network", "boot disk"]

    def test_a_wrong_password_is_denied_at_once(self, rig: Rig) -> None:
        began = time.monotonic()
        with pytest.raises(PowerDenied, match="n03"):
            rig.power.set(rig.device.node(password=secrets.token_hex(8)), within(10), on=True)
        assert time.monotonic() - began < 3
        assert not rig.device.is_on()

    def test_an_unknown_user_is_refused_in_time(self, rig: Rig) -> None:
        began = time.monotonic()
        with pytest.raises(PowerError, match="n03"):
            rig.power.is_on(rig.device.node(user="nobody"), within(2))
        assert time.monotonic() - began < 3

    def test_a_dead_device_is_told_in_time(self, rig: Rig) -> None:
        (port,) = free_ports(1)
        began = time.monotonic()
        with pytest.raises(PowerError, match=r"n03.*127\.0\.0\.1") as failed:
            rig.power.is_on(rig.device.node(port=port), within(7))
        assert time.monotonic() - began < 8
        assert not isinstance(failed.value, PowerDenied)

    @pytest.mark.parametrize("verb", ["is_on", "set", "boot_next"])
    def test_a_silent_device_keeps_the_deadline(self, rig: Rig, verb: str) -> None:
        node = rig.device.node()
        call = {
            "is_on": lambda: rig.power.is_on(node, within(1.5)),
            "set": lambda: rig.power.set(node, within(1.5), on=True),
            "boot_next": lambda: rig.power.boot_next(node, BootDevice.DISK, within(1.5)),
        }[verb]
        rig.device.stop()
        began = time.monotonic()
        try:
            with pytest.raises(SmoketestError):
                call()
            assert time.monotonic() - began < 2.5
        finally:
            rig.device.go_on()

    @pytest.mark.parametrize("reason", [Cancelled, LeaseLost])
    def test_a_stopped_attempt_stops_within_a_second(
        self, rig: Rig, reason: type[SmoketestError]
    ) -> None:
        ended = threading.Event()

        def guard() -> None:
            if ended.is_set():
                raise reason

        rig.device.fault("lying")
        threading.Timer(0.2, ended.set).start()
        deadline = Deadline(CLOCK, 20, guard)
        with pytest.raises(reason):
            _insist(rig, deadline)
        assert 20 - deadline.left() < 1.5

    def test_a_lying_device_is_found_out(self, rig: Rig) -> None:
        rig.device.fault("lying")
        with pytest.raises(PowerUnchanged, match=r"n03.* on") as failed:
            rig.power.set(rig.device.node(), within(10), on=True)
        assert failed.value.node == "n03"
        rig.device.fault("")
        other = {"network": BootDevice.DISK}.get(rig.device.boots_from(), BootDevice.NETWORK)
        rig.device.fault("lying")
        with pytest.raises(PowerUnchanged, match="n03"):
            rig.power.boot_next(rig.device.node(), other, within(10))

    def test_nobody_sees_the_password(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        token = secrets.token_hex(8)
        node = rig.device.node()
        wrong = secrets.token_hex(8)
        seen = [repr(rig.power), repr(node), repr(vars(rig.power))]
        with self._victim(rig, token) as victim:
            _wait_for_word(victim, "done")
            seen += [text for pair in descendants(token).values() for text in pair]
            victim.kill()
        rig.device.fault("lying")
        for call in (
            lambda: rig.power.set(node, within(1), on=False),
            lambda: rig.power.is_on(rig.device.node(password=wrong), within(5)),
            lambda: rig.power.is_on(rig.device.node(port=free_ports(1)[0]), within(1)),
        ):
            with pytest.raises(PowerError) as failed:
                call()
            seen.append("".join(traceback.format_exception(failed.value)))
        told = "\n".join([*seen, caplog.text])
        assert rig.device.password not in told
        assert wrong not in told

    @pytest.mark.parametrize("instant", INSTANTS)
    def test_killed_and_called_again(self, rig: Rig, instant: float) -> None:
        """Nothing of a killed caller acts later, and the repeat finds what was reached."""
        token = secrets.token_hex(8)
        with self._victim(rig, token) as victim:
            _wait_for_word(victim, "go")
            time.sleep(instant)
            victim.kill()
        wait_for(lambda: not descendants(token), 1)
        time.sleep(0.05)  # what was on the wire already is not late
        sent = rig.device.commands()
        time.sleep(0.2)
        assert rig.device.commands() == sent
        reached = rig.device.is_on()
        rig.power.set(rig.device.node(), within(10), on=True)
        assert rig.device.is_on()
        assert rig.device.commands() == (sent if reached else [*sent, "power on"])

    @staticmethod
    def _victim(rig: Rig, token: str) -> subprocess.Popen[str]:
        bmc = rig.device.node().bmc
        order = {
            "driver": rig.victim,
            "address": bmc.address,
            "port": bmc.port,
            "user": bmc.user,
            "password": bmc.password.reveal(),
        }
        victim = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.victim"],
            env={
                **os.environ,
                "VICTIM": token,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert victim.stdin
        victim.stdin.write(json.dumps(order) + "\n")
        victim.stdin.flush()
        return victim


def _switched_off(rig: Rig) -> bool:
    """Return whether the machine could be switched off; what was silent may still be waking up."""
    with suppress(PowerError):
        rig.power.set(rig.device.node(), within(10), on=False)
        return True
    return False


def _insist(rig: Rig, deadline: Deadline) -> None:
    """Command a device that lies until the deadline ends it."""
    while True:
        with suppress(PowerUnchanged):
            rig.power.set(rig.device.node(), deadline, on=True)
        deadline.check()


def _wait_for_word(victim: subprocess.Popen[str], word: str) -> None:
    assert victim.stdout
    for line in victim.stdout:
        if line.strip() == word:
            return
    pytest.fail(f"the victim ended before it said {word!r}")
