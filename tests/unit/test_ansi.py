"""Logs as a browser is shown them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.web.ansi import LONGEST, Style, rows, styled


def _shown(line: str) -> str:
    return str(styled(line, Style())[0])


def test_colours_become_classes_and_hold_on_the_next_line() -> None:
    red, style = styled("\x1b[1;31mred", Style())
    assert str(red) == '<span class="t1 t31">red</span>'
    assert str(style) == "1.31"
    assert Style.read(str(style)) == style
    rest, after = styled("still\x1b[0m plain", style)
    assert str(rest) == '<span class="t1 t31">still</span> plain'
    assert after == Style()


def test_more_colours_than_sixteen_are_left_out_and_eat_their_numbers() -> None:
    assert _shown("\x1b[38;5;9mx") == '<span class="t91">x</span>'
    assert _shown("\x1b[48;5;2mx") == '<span class="t42">x</span>'
    assert _shown("\x1b[38;5;200;1mx") == '<span class="t1">x</span>'
    assert _shown("\x1b[38;2;1;31;4mx") == "x"
    assert _shown("\x1b[31;39;4;24mx") == "x"


def test_what_a_terminal_is_told_has_no_effect() -> None:
    hostile = "\x1b[2J\x1b]0;title\x07\x1b]8;;http://x\x1b\\<img src=x onerror=1>\x1b[31\u202e"
    shown = _shown(hostile)
    assert "\x1b" not in shown
    assert "<img" not in shown
    assert "\u202e" not in shown
    assert _shown("0 %\r50 %\r100 %\r") == "100 %"


@given(st.binary(max_size=400))
def test_whatever_a_log_holds_only_our_tags_come_out(text: bytes) -> None:
    shown = str(rows(text, 1, Style(), ids=True).html)
    tags = re.findall(r"<[^>]*>", shown)
    ours = re.compile(
        r'</?(?:span|a|i)(?: class="[\w ]+")?(?: id="L\d+")?'
        r'(?: href="#L\d+" tabindex="-1" data-no="\d+" aria-label="line \d+")?>'
    )
    assert all(ours.fullmatch(tag) for tag in tags), tags
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", shown)


def test_lines_are_numbered_and_the_unfinished_one_is_open() -> None:
    found = rows(b"one\ntwo\nthr", 7, Style(), ids=True)
    assert (found.line, found.whole) == (9, 8)
    assert 'id="L7"' in found.html
    assert '<span class="line open" id="L9">' in found.html
    further = rows(b"three\n", found.line, found.style, ids=False, href="/logs/a")
    assert 'href="/logs/a?line=9#L9"' in further.html
    assert "open" not in further.html


def test_a_line_without_end_is_cut_and_says_so() -> None:
    shown = _shown("x" * (LONGEST + 7))
    assert "(7 more characters)" in shown
