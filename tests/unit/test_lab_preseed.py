"""The preseed parser against what debconf accepts and refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.lab.answers import REQUIRED, unsettled
from orchestrator.lab.preseed import PreseedError, parse

COMPLETE = """
d-i time/zone string Etc/UTC
d-i mirror/http/hostname string deb.example
d-i passwd/root-password-crypted password $6$x
d-i partman-auto/disk string /dev/vda
d-i partman/confirm_nooverwrite boolean true
d-i grub-installer/bootdev string /dev/vda
d-i finish-install/reboot_in_progress note
"""


def test_reads_owner_question_type_and_value() -> None:
    answers = parse(
        "#_preseed_V1\n\n  # note\n d-i\tnetcfg/get_hostname  string   a b \n"
        "tasksel tasksel/first note"
    )
    host = answers["netcfg/get_hostname"]
    assert (host.owner, host.kind, host.line) == ("d-i", "string", 4)
    # debconf takes one blank off, and keeps the rest
    assert host.value == "  a b "
    assert answers["tasksel/first"].value == ""


def test_joins_continued_lines_and_counts_from_the_first() -> None:
    answers = parse("d-i a/b string one \\\n two \\\n#three\nd-i c/d boolean true\n")
    assert answers["a/b"].value == "one  two #three"
    assert (answers["a/b"].line, answers["c/d"].line) == (1, 4)


def test_the_last_answer_holds_and_seen_flags_are_no_answers() -> None:
    answers = parse("d-i a/b string 1\nd-i a/b string 2\nd-i a/b seen false\n")
    assert answers["a/b"].value == "2"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("d-i a/b string x\nd-i a/b\n", 2, "parse error"),
        ("\n\nd-i a/b strin x\n", 3, "unknown type 'strin'"),
        ("d-i a/b boolean yes\n", 1, "neither true nor false"),
        ("d-i a/b boolean true\r\n", 1, "neither true nor false"),
        ("d-i a/b boolean true \n", 1, "neither true nor false"),
        ("d-i hostname string x\n", 1, "not a question"),
        ("# x\nd-i a/b string \\\n y \\", 2, "ends in the middle"),
    ],
)
def test_refuses_with_the_line(text: str, line: int, said: str) -> None:
    with pytest.raises(PreseedError, match=said) as caught:
        parse(text)
    assert caught.value.line == line


@given(st.text())
def test_any_text_is_read_or_refused_with_a_line_of_it(text: str) -> None:
    answers, refused_at = {}, 1
    try:
        answers = dict(parse(text))
    except PreseedError as error:
        refused_at = error.line
    assert 1 <= refused_at <= text.count("\n") + 1
    assert all(question in text.replace("\\\n", "") for question in answers)


def test_complete_answers_leave_nothing_to_ask() -> None:
    assert unsettled(parse(COMPLETE)) is None


@pytest.mark.parametrize("gone", range(len(REQUIRED)))
def test_each_missing_answer_is_asked_for(gone: int) -> None:
    lines = COMPLETE.strip().splitlines()
    need = unsettled(parse("\n".join(lines[:gone] + lines[gone + 1 :])))
    assert need is REQUIRED[gone]


def test_a_key_set_by_the_late_command_is_a_login() -> None:
    keyed = COMPLETE.replace(
        "passwd/root-password-crypted password $6$x",
        "preseed/late_command string wget -O ~root/.ssh/authorized_keys http://x/",
    )
    assert unsettled(parse(keyed)) is None
