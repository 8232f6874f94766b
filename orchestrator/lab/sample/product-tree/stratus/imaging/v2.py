"""Image v2: what is known of an image is a document, its data are a file beside it."""

import hashlib
import json

from stratus.rpc import fetch
from stratus.web import Refused


def download(control: str, key: str, image: str) -> bytes:
    """Return the image's data; raise `Refused` if they are not those that were stored."""
    where = f"{control}/image/v2/images/{image}"
    told = json.loads(fetch(where, key)[1])
    _, data = fetch(f"{where}/file", key)
    found = hashlib.new(told["os_hash_algo"], data).hexdigest()
    if found != told["os_hash_value"]:
        raise Refused(502, f"image {image} has another {told['os_hash_algo']} than was stored")
    return data
