"""Which line of a failure a person should read first."""

import pytest

from orchestrator.drivers.smoke.junit import headline


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("AssertionError: the address is wrong\nassert False", "the address is wrong"),
        ("AssertionError: \n  the second line\n", "the second line"),
        ("assert 1 == 2", "assert 1 == 2"),
        ("Failed: no answer", "no answer"),
        ("Failed: Timeout: nova: no answer", "Timeout: nova: no answer"),
        ("Exception: plain", "plain"),
        (
            "openstack.exceptions.ConflictException: 409",
            "openstack.exceptions.ConflictException: 409",
        ),
        ('failed on setup with "RuntimeError: no "flavor"\nmore"', 'RuntimeError: no "flavor"'),
        ('failed on teardown with "Failed: left over"', "left over"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("x" * 9999, "x" * 500),
        ("AssertionError", "AssertionError"),
        ("", ""),
        ("\n\n", ""),
    ],
)
def test_headline(text: str, line: str) -> None:
    assert headline(text) == line


def test_of_a_printed_traceback_the_last_words_are_the_headline() -> None:
    text = "x._StringException: Traceback (most recent call last):\n  File 'a.py', line 1\n"
    assert headline(f"{text}tempest.lib.exceptions.Conflict: in use\n\nlog: {{{{{{\n}}}}}}") == (
        "tempest.lib.exceptions.Conflict: in use"
    )
    assert headline(f"{text}AssertionError: no valid host") == "no valid host"
