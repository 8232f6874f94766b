"""Images: what is put in comes out."""

import hashlib
import secrets

import pytest
from cloud import Cloud
from openstack.exceptions import NotFoundException


def test_upload_and_download(cloud: Cloud) -> None:
    """An image comes back byte by byte, under the hash of its bytes."""
    data = secrets.token_bytes(2**20 + 17)
    image = cloud.image(data)
    found = cloud.connection.image.get_image(image)
    assert (found.status, found.size) == ("active", len(data))
    assert found.hash_value == hashlib.sha512(data).hexdigest()
    assert cloud.connection.image.download_image(image).content == data


def test_delete(cloud: Cloud) -> None:
    """A deleted image is gone."""
    image = cloud.image()
    cloud.connection.image.delete_image(image)
    with pytest.raises(NotFoundException):
        cloud.connection.image.get_image(image)
