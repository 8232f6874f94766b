"""The smoke drivers: pytest for our suites, Tempest for its own."""

from orchestrator.drivers.smoke.chosen import ChosenSmoke
from orchestrator.drivers.smoke.pytests import PytestSmoke
from orchestrator.drivers.smoke.tempest import PACKAGES, SUITE, TempestSmoke
from orchestrator.drivers.smoke.toolbox import Toolbox
from orchestrator.ports.smoke import Smoke
from orchestrator.wiring.home import Home
from orchestrator.wiring.lab import LabParts


def suites(home: Home, lab: LabParts, identity: str) -> Smoke:
    """Return what runs suites; Tempest is installed when the first arch asks for it."""
    toolbox = Toolbox(folder=home.folder / "tools" / SUITE, packages=PACKAGES)
    tempest = TempestSmoke(lab.suites, toolbox, identity)
    return ChosenSmoke(usual=PytestSmoke(lab.suites, identity), others={SUITE: tempest})
