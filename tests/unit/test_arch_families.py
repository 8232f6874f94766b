"""Families of reference architectures: any axes and exclusions, and those that are shipped."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import archs
from orchestrator.config import labfile as config
from tests.unit.test_archs import PLAIN, written

AXES = st.dictionaries(
    st.from_regex(r"a[a-z]{1,4}", fullmatch=True),
    st.lists(st.from_regex(r"v[a-z0-9]{1,4}", fullmatch=True), min_size=1, max_size=4, unique=True),
    min_size=1,
    max_size=3,
)


@settings(deadline=None)
@given(axes=AXES, data=st.data())
def test_members_are_the_product_minus_the_exclusions(
    tmp_path_factory: pytest.TempPathFactory, axes: dict[str, list[str]], data: st.DataObject
) -> None:
    members = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    wanted = data.draw(st.lists(st.sampled_from(members), unique_by=str, max_size=len(members) - 1))
    out = [
        {axis: member[axis] for axis in data.draw(st.sets(st.sampled_from(list(axes)), min_size=1))}
        for member in wanted
    ]
    left, kept = members, []
    for entry in out:
        after = [member for member in left if not entry.items() <= member.items()]
        if after and len(after) < len(left):
            left, kept = after, [*kept, entry]
    excluded = [entry | {"because": "test"} for entry in kept]
    text = PLAIN.replace("arch: plain", f"arch: x{''.join(f'-{{{axis}}}' for axis in axes)}")
    text += f"axes: {_flow(axes)}\n"
    text += f"exclude: [{', '.join(map(_flow, excluded))}]\n"
    found = archs.load([written(tmp_path_factory.mktemp("archs"), text)])
    assert [dict(arch.axes) for arch in found] == left
    assert len({arch.name for arch in found}) == len(left)


def _flow(table: dict[str, str | list[str]]) -> str:
    rows = (
        f"{key}: [{', '.join(value)}]" if isinstance(value, list) else f"{key}: {value}"
        for key, value in table.items()
    )
    return "{" + ", ".join(rows) + "}"


def test_the_shipped_archs_load() -> None:
    folders = config.builtin()
    found = {
        arch.name: arch
        for arch in archs.load([folders.archs], playbooks=folders.playbooks, suites=folders.suites)
    }
    kinds = ("kvm", "xenserver", "hyperv", "vmware")
    wanted = {f"{kind}-{network}" for kind in kinds for network in ("flat", "vlan")}
    assert wanted | {"kvm+xenserver", "kvm-two-zones"} <= set(found)
    assert found["kvm+xenserver"].hypervisors == ("kvm", "xenserver")
    assert all(arch.lieutenants for arch in found.values())
