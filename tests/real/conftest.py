"""What several suites build once; the lab's own suite is no test of ours, but runs on machines."""

import pytest

from orchestrator.lab.vsphere import build

collect_ignore = ["lab"]


@pytest.fixture(scope="session")
def vsphere(tmp_path_factory: pytest.TempPathFactory) -> build.Built:
    """The vSphere simulator from Debian's govmomi, a minute of processor time to build."""
    folder = tmp_path_factory.mktemp("vsphere")
    made = build.ready(folder)
    assert build.ready(folder) == made, "it is built once"
    assert [path.name for path in folder.glob("vsphere-new-*")] == []
    return made
