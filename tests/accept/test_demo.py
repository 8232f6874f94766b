"""The demo: what it claims is true, within the time that the README gives it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 120


@pytest.mark.real
def test_the_demo_keeps_every_promise(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "demo", "--json", "--home", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=5 * SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = json.loads(done.stdout)
    assert [claim["says"] for claim in shown["claims"] if not claim["holds"]] == []
    assert shown["seconds"] < SECONDS
    good, bad = shown["runs"]
    assert {cell["verdict"] for cell in good["cells"]} == {"passed"}
    red = {cell["arch"]: cell for cell in bad["cells"] if cell["verdict"] == "failed"}
    single = {f"{kind}-{net}" for kind in ("xenserver", "hyperv") for net in ("flat", "vlan")}
    assert set(red) == single | {"kvm+xenserver"}
    assert {cell["blame"] for cell in red.values()} == {"product"}
    assert all("mac_address" in cell["cause"] for cell in red.values())
    assert not (tmp_path / "demo" / "server.json").exists(), "it leaves nothing running"
