"""For which commits an arch exists: the file that is there, the release that it belongs to."""

import pytest

from orchestrator.model.existence import Existence
from orchestrator.model.request import Commit
from orchestrator.stages.plan import absence

COMMIT = Commit(repo="nova", ref="master", sha="1a2b3c4d5e6f")
XEN = "nova/virt/xenapi/driver.py"


@pytest.mark.parametrize(
    ("exists", "files", "release", "why"),
    [
        (Existence(files=(XEN,)), {XEN}, "", ""),
        (Existence(files=(XEN,)), set(), "", f"1a2b3c4d5e has no {XEN}"),
        (Existence(files=(XEN, "b")), set(), "", f"1a2b3c4d5e has no {XEN} and no b"),
        (
            Existence(files=(XEN,), because="XenAPI left nova in 2020"),
            set(),
            "",
            f"XenAPI left nova in 2020: 1a2b3c4d5e has no {XEN}",
        ),
        (Existence(until="22.0.0"), set(), "21.2.1", ""),
        (Existence(until="22"), set(), "22.0.0", "1a2b3c4d5e is of 22.0.0, and it was gone by 22"),
        (Existence(until="22.0.0"), set(), "22.0.0.0rc1", "is of 22.0.0.0rc1"),
        (Existence(since="22.0.0"), set(), "9.1", "1a2b3c4d5e is of 9.1, and it came with 22.0.0"),
        (Existence(since="22.0.0", until="30"), set(), "22.0.0", ""),
        (Existence(since="22.0.0", until="30"), set(), "", ""),
    ],
)
def test_absence_is_one_sentence(
    exists: Existence, files: set[str], release: str, why: str
) -> None:
    found = absence(exists, COMMIT, files, release)
    assert found == why or (why and why in found)
