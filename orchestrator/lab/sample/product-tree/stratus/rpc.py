"""Calls between control and agents: JSON over HTTP, with the deployment's key."""

import http.client
import json
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from stratus.journal import request_id
from stratus.web import Json, Refused, Request

#: what reaches an agent: method, URL, key, body
Caller = Callable[..., Json]
Headers = Mapping[str, str]
KEY_HEADER = "X-Stratus-Key"
_SECONDS = 60.0
_FIRST_ERROR = 400


def call(method: str, url: str, key: str, body: Json | None = None) -> Json:
    """Return the JSON that the other side answers; raise `Refused` with its own sentence."""
    _, said = _exchange(method, url, key, json.dumps(body or {}))
    return _json(said)


def fetch(url: str, key: str) -> tuple[Headers, bytes]:
    """Return the headers (by names in small letters) and the bytes that the other side has."""
    return _exchange("GET", url, key)


def _exchange(method: str, url: str, key: str, body: str = "") -> tuple[Headers, bytes]:
    parts = urlsplit(url)
    headers = {KEY_HEADER: key, "X-Openstack-Request-Id": request_id.get()}
    connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    try:
        connection.request(method, parts.path, body, headers)
        response = connection.getresponse()
        said = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Refused(503, f"{parts.netloc} does not answer: {error}") from error
    finally:
        connection.close()
    if response.status >= _FIRST_ERROR:
        raise Refused(response.status, _json(said)["error"]["message"])
    return {name.lower(): value for name, value in response.getheaders()}, said


def _json(said: bytes) -> Json:
    try:
        found: Json = json.loads(said or b"{}")
    except ValueError as error:
        raise Refused(503, f"an answer is not JSON: {error}") from error
    return found


def knows(request: Request, key: str) -> bool:
    """Return whether the request came from a process of this deployment."""
    return request.headers.get(KEY_HEADER.lower()) == key
