"""The iPXE script parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.lab.ipxe import Link, ScriptError, Verb, expand, parse


def test_reads_commands_and_skips_comments() -> None:
    commands = parse("#!ipxe\n# hello\n\n  kernel http://x/linux a=b c \ninitrd http://x/i\nboot\n")
    assert [(c.verb, c.rest, c.line) for c in commands] == [
        (Verb.KERNEL, "http://x/linux a=b c", 4),
        (Verb.INITRD, "http://x/i", 5),
        (Verb.BOOT, "", 6),
    ]


def test_words_expand_settings_and_leave_options_out() -> None:
    (kernel,) = parse('#!ipxe\nkernel --name k --timeout=5 ${base}/linux a="b c" mac=${net0/mac}')
    words = kernel.words({"base": "http://x", "net0/mac": "52:54"})
    assert words == ("http://x/linux", "a=b c", "mac=52:54")


def test_reads_labels_and_what_depends_on_the_command_before() -> None:
    commands = parse("#!ipxe\n:again\niseq ${n} 3 && exit 1 ||\nkernel u a||b || goto again\n")
    assert [(c.link, c.verb, c.rest, c.line) for c in commands] == [
        (Link.NEXT, Verb.LABEL, "again", 2),
        (Link.NEXT, Verb.ISEQ, "${n} 3", 3),
        (Link.AND, Verb.EXIT, "1", 3),
        (Link.OR, Verb.NOTHING, "", 3),
        (Link.NEXT, Verb.KERNEL, "u a||b", 4),
        (Link.OR, Verb.GOTO, "again", 4),
    ]


def test_an_unknown_setting_is_empty() -> None:
    assert expand("a${b}c", {}) == "ac"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "Exec format error"),
        ("kernel x", "Exec format error"),
        ("#!ipxe\nlinux x", r"linux: command not found \(script line 2\)"),
    ],
)
def test_refuses_as_ipxe_does(script: str, said: str) -> None:
    with pytest.raises(ScriptError, match=said):
        parse(script)


@pytest.mark.parametrize("line", ["kernel", "kernel --name x", "initrd", "kernel 'x"])
def test_refuses_a_command_that_lacks_its_words(line: str) -> None:
    (command,) = parse(f"#!ipxe\n{line}")
    with pytest.raises(ScriptError, match="script line 2"):
        command.words({})


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    refusals = []
    try:
        words = [command.words({}) for command in parse("#!ipxe\n" + text)]
        assert len(words) <= len(text.split())
    except ScriptError as error:
        refusals.append(str(error))
    assert all(refusals)
