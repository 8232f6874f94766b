"""Images: what is stored is what was sent."""

import hashlib
import secrets

from cloud import Cloud, unique


def test_image_keeps_its_data(cloud: Cloud) -> None:
    """An image's checksum and data are those that were uploaded."""
    data = secrets.token_bytes(4096)
    image = cloud.api.image.create_image(
        unique("image"),
        data=data,
        disk_format="raw",
        container_format="bare",
        allow_duplicates=True,
    )
    cloud.afterwards(lambda: cloud.api.image.delete_image(image))
    kept = cloud.api.image.get_image(image)
    assert kept.status == "active", f"the image is {kept.status} after its upload"
    assert kept.hash_value == hashlib.sha512(data).hexdigest(), "the image has another checksum"
    assert cloud.api.image.download_image(image).content == data, "other data comes back"
