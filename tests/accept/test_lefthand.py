"""An arch of storage on a lab in a box: the array is simulated, everything else is as ever."""

from pathlib import Path

from orchestrator.lab.lefthand_target import installed
from tests.orchestrating import Orchestrator


def test_the_simulated_array_decides_where_there_is_no_other(tmp_path: Path) -> None:
    orchestrator = Orchestrator(home=tmp_path / "home", nodes=2)
    orchestrator.start()
    try:
        run = orchestrator.ask("trunk", "kvm-lefthand")
        orchestrator.wait_for(lambda: orchestrator.done(run), 400, "the cell")
        (cell,) = orchestrator.json("show", str(run))["cells"]
        assert (cell["verdict"], cell["provenance"]) == ("passed", "simulated"), cell["cause"]
        assert cell["tests"]["passed"] == 1
        said = (tmp_path / "home" / "lab" / "lab.log").read_text()
        assert "lefthand: an array answers" in said
        assert ("iSCSI at" in said) is installed()
    finally:
        orchestrator.cli("down")
        orchestrator.stop()
