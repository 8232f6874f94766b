"""Objects: what is put in comes out, and nobody else gets it.

Only where the cloud has swift.
"""

import hashlib
import secrets
from collections.abc import Iterator

import pytest
import requests
from cloud import Cloud
from openstack.exceptions import NotFoundException

_SECONDS = 120.0


@pytest.fixture
def container(cloud: Cloud) -> Iterator[str]:
    """A new container, emptied and gone after the test."""
    store, name = cloud.connection.object_store, cloud.name("container")
    store.create_container(name=name)
    yield name
    for found in list(store.objects(name)):
        store.delete_object(found, container=name)
    store.delete_container(name)


def test_upload_and_download(cloud: Cloud, container: str) -> None:
    """An object comes back byte by byte, under the hash of its bytes, with what was said of it."""
    store, data = cloud.connection.object_store, secrets.token_bytes(2**20 + 17)
    store.upload_object(container=container, name="one", data=data)
    store.set_object_metadata("one", container=container, colour="red")
    found = store.get_object_metadata("one", container=container)
    assert found.etag == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert found.metadata["colour"] == "red"
    assert store.download_object("one", container=container) == data


def test_list_and_delete(cloud: Cloud, container: str) -> None:
    """A container knows what is in it."""
    store = cloud.connection.object_store
    for name in ("b/two", "a/one"):
        store.upload_object(container=container, name=name, data=b"smoke")
    assert [found.name for found in store.objects(container)] == ["a/one", "b/two"]
    assert [found.name for found in store.objects(container, prefix="b/")] == ["b/two"]
    store.delete_object("a/one", container=container)
    assert [found.name for found in store.objects(container)] == ["b/two"]
    with pytest.raises(NotFoundException):
        store.get_object_metadata("a/one", container=container)


def test_strangers_are_kept_out(cloud: Cloud, container: str) -> None:
    """Who has no token reads only what is told to be everybody's."""
    store = cloud.connection.object_store
    store.upload_object(container=container, name="one", data=b"smoke")
    url = f"{store.get_endpoint()}/{container}/one"
    assert requests.get(url, timeout=_SECONDS).status_code == 401
    store.set_container_metadata(container, read_ACL=".r:*")
    assert requests.get(url, timeout=_SECONDS).content == b"smoke"
