"""Which installer answers are refused before a machine is powered on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.drivers.boot.answers import faults

GOOD = """\
#_preseed_V1
d-i debian-installer/locale string C
d-i netcfg/choose_interface select auto
d-i mirror/http/hostname string mirror
d-i mirror/http/directory string /debian
d-i mirror/suite string bookworm
d-i time/zone string Etc/UTC
d-i partman-auto/method string regular
d-i partman/confirm boolean true
d-i partman/confirm_nooverwrite boolean true
d-i passwd/root-password-crypted password *
d-i grub-installer/bootdev string default
d-i preseed/late_command string true
d-i finish-install/reboot_in_progress note
"""


def test_good_answers_have_no_fault() -> None:
    assert faults(GOOD) == ()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("d-i apt-setup/use_mirror", "is not `owner question type value`"),
        ("d-i use_mirror boolean true", "'use_mirror' is not a question"),
        ("d-i apt-setup/use_mirror bool true", "apt-setup/use_mirror has the unknown type 'bool'"),
        ("d-i apt-setup/use_mirror boolean 1", "is a boolean, so '1' must be true or false"),
        ("d-i preseed/early_command string a \\", "ends in a backslash"),
        ("d-i passwd/root-password-crypted password !", "takes for none and asks; write `*`"),
    ],
)
def test_a_fault_is_named_with_its_line(line: str, fault: str) -> None:
    (found,) = faults(GOOD + line + "\n")
    assert found.startswith("15: ")
    assert fault in found


@pytest.mark.parametrize("number", range(1, 14))
def test_each_required_answer_is_missed(number: int) -> None:
    lines = GOOD.splitlines()
    question = lines.pop(number).split()[1]
    assert faults("\n".join(lines)) == (f"13: no answer for {question}",)


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert all(fault.partition(":")[0].isdecimal() for fault in faults(text))
