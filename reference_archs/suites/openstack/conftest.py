"""One connection for all tests; whatever a test makes is deleted after it.

A failure says which log tells more, about which request; the excerpt stands below it.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import openstack
import pytest
from cloud import Cloud
from evidence import gather
from machine import Machine, MachineError, places
from openstack.compute.v2.flavor import Flavor
from openstack.connection import Connection
from openstack.image.v2.image import Image
from requests import Response
from tunnel import tunnel

#: a setting of the arch
DRIVER = os.environ.get("SMOKETEST_COMPUTE_DRIVER", "fake")
#: another one: services beside those that every cloud has
MORE = os.environ.get("SMOKETEST_WITH_SERVICES", "")
#: service -> what its tests are in
_NEEDS = {
    "cinder": ("test_volume.py", "test_guest_volume.py"),
    "heat": ("test_orchestration.py",),
    "swift": ("test_object.py",),
}
collect_ignore = ["test_guest.py", "test_guest_volume.py"] if DRIVER != "libvirt" else []
collect_ignore += [name for one, names in _NEEDS.items() if one not in MORE for name in names]
HOSTS = Path("hosts.json")  # the suite runs in the attempt's folder
REQUEST = "x-openstack-request-id"
SEEN: list[str] = []
Report = pytest.TestReport


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have what the services logged be a part of the failure."""
    report = yield
    if not report.failed or report.longrepr is None:
        return report
    given = getattr(item, "funcargs", {})
    clouds = [given[name] for name in ("shared", "cloud") if name in given]
    requests = [*SEEN, *(request for cloud in clouds for request in cloud.requests)]
    found = gather(_machines(), list(dict.fromkeys(reversed(requests)))[::-1])
    crash = getattr(report.longrepr, "reprcrash", None)
    if found and crash:
        first, *more = crash.message.splitlines() or [""]
        crash.message = "\n".join([f"{first} ({found.sentence})", *more])
        report.sections.append(("what the services logged", found.excerpt))
    return report


def _machines() -> list[Machine]:
    found = []
    for place in places(HOSTS):
        try:
            found.append(Machine(place))
        except MachineError:
            continue  # that it is gone is found out by whoever started us
    return found


@contextmanager
def _reached() -> Iterator[None]:
    """Have the APIs answer at their addresses, if need be through SSH."""
    with ExitStack() as ways:
        for place in places(HOSTS):
            if place.forwarded:
                ways.enter_context(tunnel(place))
        yield


@pytest.fixture(scope="session")
def connection() -> Iterator[Connection]:
    """The cloud that OS_CLOUD names in the file OS_CLIENT_CONFIG_FILE."""

    def note(response: Response, *_: object, **__: object) -> None:
        if request := response.headers.get(REQUEST):
            SEEN.append(request)

    with _reached(), openstack.connect(load_envvars=True) as connected:
        connected.session.session.hooks["response"].append(note)
        yield connected


@pytest.fixture(autouse=True)
def _forget() -> None:
    """Requests of an earlier test are none of this one's."""
    SEEN.clear()


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """The first machine of the cloud."""
    found = Machine(places(HOSTS)[0])
    yield found
    found.close()


@pytest.fixture
def cloud(connection: Connection) -> Iterator[Cloud]:
    """The cloud, swept after the test."""
    cloud = Cloud(connection)
    yield cloud
    cloud.clean_up()


@pytest.fixture(scope="session")
def shared(connection: Connection) -> Iterator[Cloud]:
    """What tests share: swept after the last of them."""
    cloud = Cloud(connection)
    yield cloud
    cloud.clean_up()


@pytest.fixture(scope="session")
def image(shared: Cloud) -> Image:
    """An image that servers boot from, whether or not there is a guest in it."""
    found = shared.connection.image.find_image("tiny") if DRIVER == "vmware" else None
    return found or shared.image()


@pytest.fixture(scope="session")
def flavor(shared: Cloud) -> Flavor:
    """A small flavor; a vCenter's disks are as large as their images."""
    return shared.flavor(disk=0 if DRIVER == "vmware" else 1)
