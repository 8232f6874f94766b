"""One guest for all tests; whatever a test makes is taken away after it."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from guest import Guest
from host import Host
from hypervisor import choose
from node import Node, NodeError, read


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """Have what a node refuses be the test's message, rather than our own stack."""
    try:
        return (yield)
    except NodeError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """Do the same for what a test needs first."""
    try:
        return (yield)
    except NodeError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """The machine under test: the first of `hosts.json` in the attempt's folder."""
    node = Node(read(Path.cwd() / "hosts.json")[0])
    found = Host(node, choose(os.environ.get("SMOKETEST_HYPERVISOR", "kvm"), node))
    yield found
    found.clean_up()
    node.close()


@pytest.fixture(scope="session")
def guest(host: Host) -> Guest:
    """A guest with a card on each network, once it is ready."""
    guest = host.boot()
    host.wait(guest)
    return guest
