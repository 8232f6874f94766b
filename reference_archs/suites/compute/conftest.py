"""One connection for all tests; whatever a test makes is deleted after it."""

import os
from collections.abc import Generator, Iterator
from importlib import import_module

import openstack
import pytest
from cloud import Cloud, Refusal, Resource, sentence
from openstack.connection import Connection
from volumes import Volumes

#: classes of a cloud and of its volumes
Api = tuple[type[Cloud], type[Volumes]]
#: how servers and volumes are asked for, by API: (module, class) of either; a process loads one
APIS = {
    "openstack": (("cloud", "Cloud"), ("volumes", "Volumes")),
    "ec2": (("ec2", "Ec2Cloud"), ("ec2_volumes", "Ec2Volumes")),
}


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
def api() -> Api:
    """The classes of the API that SMOKETEST_API names, OpenStack's own by default."""
    chosen = APIS[os.environ.get("SMOKETEST_API", "openstack")]
    clouds, volumes = (getattr(import_module(module), name) for module, name in chosen)
    return clouds, volumes


@pytest.fixture(scope="session")
def image(connection: Connection) -> Iterator[Resource]:
    """A tiny image that servers boot from."""
    cloud = Cloud(connection)
    yield cloud.image()
    cloud.clean_up()


@pytest.fixture
def cloud(connection: Connection, api: Api) -> Iterator[Cloud]:
    """The cloud, swept after the test."""
    cloud = api[0](connection)
    yield cloud
    cloud.clean_up()


@pytest.fixture
def volumes(cloud: Cloud, api: Api) -> Volumes:
    """The volumes of that cloud."""
    return api[1](cloud)
