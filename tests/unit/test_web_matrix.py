"""The matrix by windows: what is shown, filtered, compared and counted."""

import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus

import pytest

from orchestrator.model.grid import Look, Wanted, Window
from orchestrator.model.verdict import Verdict
from orchestrator.service.windows import GONE, OTHER
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import Scene, busy_day


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as home:
        busy_day(home)
        yield home


def _page(home: Furnished, path: str) -> str:
    answer = home.client().get(path, headers={"Accept": "text/html"})
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.text


def _squares(text: str) -> list[str]:
    return re.findall(r'<td aria-colindex="\d+" id="c-([^"]+)"', text)


def _heads(text: str) -> list[str]:
    return re.findall(r'id="run-(\d+)"', text)


def test_a_window_is_cut_out_of_rows_and_columns(day: Furnished) -> None:
    whole = day.house.windows.board(Look())
    part = day.house.windows.board(Look(window=Window(row=2, rows=3, col=1, cols=2)))
    assert (part.rows, part.columns, part.groups) == (whole.rows, whole.columns, whole.groups)
    assert part.heads == whole.heads[1:3]
    assert [line.arch.name for line in part.lines] == [line.arch.name for line in whole.lines[2:5]]
    for line, all_of_it in zip(part.lines, whole.lines[2:5], strict=True):
        assert line.squares == all_of_it.squares[1:3]


def test_rows_are_grouped_by_hypervisor_the_mixed_last(day: Furnished) -> None:
    board = day.house.windows.board(Look())
    assert dict(board.groups) == {
        "kvm": 2,
        "xenserver": 2,
        "hyperv": 2,
        "vmware": 2,
        "kvm + xenserver": 1,
    }
    assert board.groups[-1] == ("kvm + xenserver", 1)
    assert {GONE, OTHER} & set(dict(board.groups)) == set()


def test_a_window_below_a_groups_first_row_repeats_no_title(day: Furnished) -> None:
    text = _page(day, "/?row=1&rows=2&col=2&cols=1")
    assert re.findall(r'<tr class="group">.*?<span>([^<]+)</span>', text) == ["xenserver"]
    assert 'aria-rowcount="10" aria-colcount="7"' in text
    assert _squares(text) == ["4/kvm-vlan", "4/xenserver-flat"]
    assert 'aria-rowindex="3"' in text
    assert "Newer runs" in text
    assert "Archs below" in text


def test_filters_narrow_rows_and_columns(day: Furnished) -> None:
    assert _heads(_page(day, "/?ref=multi-nic")) == ["6", "4"]
    assert _heads(_page(day, "/?requester=nobody")) == []
    assert _heads(_page(day, "/?at=4")) == ["4", "3", "2", "1"]
    text = _page(day, "/?hypervisor=xenserver&arch=FLAT")
    assert {name.partition("/")[2] for name in _squares(text)} == {"xenserver-flat"}
    broken = day.house.windows.board(Look(wanted=Wanted(verdict=Verdict.BROKEN)))
    assert [int(head.run) for head in broken.heads] == [5]
    failed = _page(day, "/?verdict=failed&blame=product")
    assert _heads(failed) == ["4", "3", "2"]
    assert 'class="square is-passed faint"' in failed
    assert 'class="square is-failed faint"' not in failed


def test_what_cannot_be_a_filter_is_refused_by_name(day: Furnished) -> None:
    answer = day.client().get("/?verdict=green", headers={"Accept": "text/html"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "verdict" in answer.text


def test_only_what_differs_from_trunk_is_shown(day: Furnished) -> None:
    board = day.house.windows.board(Look(differs="trunk"))
    assert {line.base for line in board.lines} == {Verdict.PASSED}
    rows = {line.arch.name: line for line in board.lines}
    red = rows["xenserver-flat"].squares[2]
    assert red is not None
    assert (red.cell.cell, red.faint) == ("4/xenserver-flat", False)
    equal = rows["hyperv-flat"].squares[5]
    assert equal is not None
    assert equal.faint
    assert "Nothing matches" in _page(day, "/?differs=trunk&ref=trunk")


def test_runs_of_one_commit_are_one_column(tmp_path_factory: pytest.TempPathFactory) -> None:
    with furnish(tmp_path_factory.mktemp("twice")) as home:
        scene = Scene(home, home.clock.now() - timedelta(hours=1))
        first = scene.ask("trunk", "Same", ("kvm-flat", "kvm-vlan"))
        scene.walk_all(first)
        scene.ask("trunk", "Other", ("kvm-flat",))
        scene.ask("trunk", "Same", ("kvm-flat",))
        board = home.house.windows.board(Look(by_commit=True))
        assert board.columns == len(board.heads) == 2
        assert [tuple(map(int, head.runs)) for head in board.heads] == [(3, 1), (2,)]
        squares = {line.arch.name: line.squares[0] for line in board.lines}
        # What waits says nothing yet: the run before it does.
        assert [squares[name].cell.cell for name in ("kvm-flat", "kvm-vlan")] == [
            "1/kvm-flat",
            "1/kvm-vlan",
        ]
        assert "2 runs" in _page(home, "/?by=commit")


def test_a_row_tells_its_trend_in_words(day: Furnished) -> None:
    text = _page(day, "/")
    row = text[text.index('id="row-xenserver-flat"') :]
    assert re.search(r'aria-label="lately 2 passed 2 failed of 4"', row[:1200]), row[:1200]


def test_programs_get_the_same_window(day: Furnished) -> None:
    answer = day.client().get("/api/matrix/window?rows=1&cols=2&verdict=failed")
    assert answer.status_code == HTTPStatus.OK
    found = answer.json()
    assert [head["run"] for head in found["heads"]] == [4, 3]
    assert found["rows"] == 9
    assert found["lines"][0]["squares"][0]["cell"]["cell"] == "4/kvm-flat"
