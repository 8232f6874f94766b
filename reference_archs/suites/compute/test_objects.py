"""Objects: what is put in a container comes back."""

import secrets

from cloud import Cloud, unique


def test_object_comes_back(cloud: Cloud) -> None:
    """A container lists its object and returns its data."""
    store, data = cloud.api.object_store, secrets.token_bytes(1024)
    container = store.create_container(name=unique("container"))
    cloud.afterwards(lambda: store.delete_container(container))
    store.upload_object(container=container.name, name="a/file", data=data)
    cloud.afterwards(lambda: store.delete_object("a/file", container=container.name))
    assert [item.name for item in store.objects(container.name)] == ["a/file"], "wrong listing"
    assert store.download_object("a/file", container=container.name) == data, "other data"
