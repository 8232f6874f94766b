"""A rolling upgrade: what an older release's code began, this one ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import hands
from tests.crash.storm import made
from tests.orchestrating import ROOT

#: the last commit whose walks stored each stage's beginning before anything else, and gave the
#: machines back in a transaction of their own
OLDER = "ae5f38f0a3e01895748dca3aa5fceb8c72384532"


@pytest.mark.real
@pytest.mark.skipif(
    not (ROOT / ".git").exists() or (ROOT / ".git" / "shallow").exists(),
    reason="the history of this repository is not here",
)
def test_a_run_begun_by_older_code_is_ended_by_this_one(tmp_path: Path) -> None:
    tree = _older(tmp_path / "older")
    storm = made(f"sqlite:///{tmp_path}/store.sqlite", tmp_path, nodes=8, pace=0.4)
    try:
        trace = tmp_path / "trace"
        storm.workers["old"] = hands.begin(storm.url, "old", trace, storm.pace, tree)
        hands.readied(storm.workers["old"])
        storm.ask(2, 8)
        storm.wait(lambda: storm.at_work("old"), "the older code to be at work")
        # side by side for a while, as it is in the middle of an upgrade
        storm.start("new")
        storm.wait(lambda: storm.at_work("new"), "the newer code to be at work")
        storm.wait(lambda: storm.at_work("old"), "the older code to be at work still")
        storm.kill("old")
        assert all(attempts for _, attempts in storm.losses)
        storm.wait(storm.done, "the newer code to end all of it")
        storm.prove()
    finally:
        storm.end()


def _older(tree: Path) -> Path:
    """Return a folder with the older code, and prove that Python takes it from there."""
    packed = subprocess.run(
        ["git", "archive", OLDER], cwd=ROOT, capture_output=True, check=True, timeout=60
    )
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", tree], input=packed.stdout, check=True, timeout=60)
    asked = [sys.executable, "-c", "import orchestrator; print(orchestrator.__path__[0])"]
    found = subprocess.run(asked, cwd=tree, capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == str(tree / "orchestrator")
    return tree
