"""What docs/api.md tells people to type: it is typed, in its order, and ends as it says."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.config.labfile import load
from orchestrator.config.notices import By
from orchestrator.model.verdict import Verdict
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import busy_day

DOCS = (Path(__file__).parents[2] / "docs/api.md").read_text()
_BLOCK = re.compile(r"^```sh\n(.+?)^```$", re.MULTILINE | re.DOTALL)


def _lines() -> list[tuple[str, int]]:
    """Return each line that is typed, and the status that it promises."""
    found = [line for block in _BLOCK.findall(DOCS) for line in block.splitlines()]
    parts = [re.fullmatch(r"(curl .+?)\s+# (\d{3})(?::.*)?", line) for line in found]
    return [(part[1], int(part[2])) for part in parts if part]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("docs")) as found:
        busy_day(found)
        yield found


def _typed(home: Furnished, line: str) -> int:
    """Return what the line is answered, as curl would send it."""
    told = {"$TOKEN": home.house.token.reveal(), "$URL": "", "$REPO": home.repo}
    for word, value in told.items():
        line = line.replace(word, value)
    words = shlex.split(line)[1:]
    headers: dict[str, str] = {}
    body, method = None, ""
    while len(words) > 1:
        option, value, *words = words
        if option == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text
        elif option == "--json":
            body = value
        else:
            assert option == "-X"
            method = value
    method = method or ("GET" if body is None else "POST")
    headers |= {} if body is None else {"Content-Type": "application/json"}
    answer = home.client().request(method, words[0], headers=headers, content=body)
    return answer.status_code


def test_every_line_ends_as_it_says(home: Furnished) -> None:
    lines = _lines()
    assert len(lines) == DOCS.count("\ncurl ") > 25
    for line, status in lines:
        assert _typed(home, line) == status, line


def test_the_lab_file_of_the_traces_is_understood(tmp_path: Path) -> None:
    shown = re.search(r"^```toml\n(.+?)^```$", DOCS, re.MULTILINE | re.DOTALL)
    assert shown
    (tmp_path / "lab.toml").write_text(shown[1])
    only = load(tmp_path / "lab.toml").told.notices[0]
    wanted = only.subscription
    assert (only.by, only.inside, wanted.every, wanted.digest) == (By.TRACES, True, True, 0)
    assert set(wanted.on) == set(Verdict)
