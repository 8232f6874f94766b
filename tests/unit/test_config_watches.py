"""The `[watch.NAME]` tables of a lab file: what they say, and what is refused in which words."""

from datetime import UTC, time
from pathlib import Path

import pytest

from orchestrator.config import labfile
from orchestrator.model.errors import ConfigError
from orchestrator.model.request import Lane
from orchestrator.model.watch import Watch

LAB = """\
[repos]
nova = "https://git.example.com/nova"
[watch.nova]
repo = "nova"
branches = ["master", "stable/*"]
"""


def load(folder: Path, text: str) -> tuple[Watch, ...]:
    path = folder / "lab.toml"
    path.write_text(text)
    return labfile.load(path).watches


def test_a_watch_has_defaults(tmp_path: Path) -> None:
    (found,) = load(tmp_path, LAB)
    assert found == Watch(
        name="nova",
        repo="nova",
        branches=("master", "stable/*"),
        lane=Lane.MERGED,
        every=60,
        source=f"{tmp_path}/lab.toml:3",
    )
    assert load(tmp_path, "") == ()


def test_a_watch_can_say_everything(tmp_path: Path) -> None:
    more = 'lane = "nightly"\nat = "23:30"\nevery = "5m"\narchs = ["kvm-flat"]\n'
    (found,) = load(tmp_path, LAB + more)
    assert (found.lane, found.every, found.archs) == (Lane.NIGHTLY, 300, ("kvm-flat",))
    assert found.at == time(23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (LAB.replace('"nova"\nbr', '"nvoa"\nbr'), "no repository is called `nvoa`; did you mean"),
        (LAB.replace('["master", "stable/*"]', "[]"), "`watch.nova.branches` is missing"),
        (LAB + 'lane = "asked"\n', "`watch.nova.lane` is `asked`, which is unknown"),
        (LAB + 'at = "02:00"\n', '`watch.nova.at` needs `lane = "nightly"`'),
        (LAB + 'lane = "nightly"\nat = "2am"\n', "`watch.nova.at` is no time of day"),
        (LAB + 'every = "often"\n', "`watch.nova.every` is no time"),
        (LAB + "branch = 1\n", "unknown key `watch.nova.branch`; did you mean `branches`?"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=r"lab\.toml:[3-7]: ") as refused:
        load(tmp_path, text)
    assert complaint in str(refused.value)
