"""The members of the segment, each reached over its own management network."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from member import Member


@pytest.fixture(scope="session")
def members() -> Mapping[str, Member]:
    """The machines by their address on the segment."""
    hosts = json.loads((Path.cwd() / "hosts.json").read_text(encoding="utf-8"))["hosts"]
    return {host["member"]: Member(host) for host in hosts}
