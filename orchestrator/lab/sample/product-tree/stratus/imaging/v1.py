"""Image v1: one answer holds the data, and what is known of them in its headers."""

import hashlib

from stratus.rpc import fetch
from stratus.web import Refused

_CHECKSUM = "x-image-meta-checksum"


def download(control: str, key: str, image: str) -> bytes:
    """Return the image's data; raise `Refused` if they are not those that were stored."""
    headers, data = fetch(f"{control}/image/v1/images/{image}", key)
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != headers.get(_CHECKSUM):
        raise Refused(502, f"image {image} has MD5 {found}, not {headers.get(_CHECKSUM)}")
    return data
