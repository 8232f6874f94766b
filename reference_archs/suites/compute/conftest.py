"""One connection for all tests; whatever a test makes is deleted after it."""

from collections.abc import Generator, Iterator

import openstack
import pytest
from cloud import Cloud, Refusal, Resource, sentence
from openstack.connection import Connection


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """Have a refusal of the cloud be the test's message, rather than our own stack."""
    try:
        return (yield)
    except Refusal as error:
        pytest.fail(sentence(error), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """Do the same for what a test needs first."""
    try:
        return (yield)
    except Refusal as error:
        pytest.fail(sentence(error), pytrace=False)


@pytest.fixture(scope="session")
def connection() -> Iterator[Connection]:
    """The cloud that OS_CLOUD names in the file OS_CLIENT_CONFIG_FILE."""
    with openstack.connect(load_envvars=True) as connected:
        yield connected


@pytest.fixture(scope="session")
def image(connection: Connection) -> Iterator[Resource]:
    """A tiny image that servers boot from."""
    cloud = Cloud(connection)
    yield cloud.image()
    cloud.clean_up()


@pytest.fixture
def cloud(connection: Connection) -> Iterator[Cloud]:
    """The cloud, swept after the test."""
    cloud = Cloud(connection)
    yield cloud
    cloud.clean_up()
