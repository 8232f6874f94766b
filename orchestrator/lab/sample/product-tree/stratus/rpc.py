"""Calls between control and agents: JSON over HTTP, with the deployment's key."""

import http.client
import json
from collections.abc import Callable
from urllib.parse import urlsplit

from stratus.journal import request_id
from stratus.web import Json, Refused, Request

#: what reaches an agent: method, URL, key, body
Caller = Callable[..., Json]
KEY_HEADER = "X-Stratus-Key"
_SECONDS = 30.0
_FIRST_ERROR = 400


def call(method: str, url: str, key: str, body: Json | None = None) -> Json:
    """Return the JSON that the other side answers; raise `Refused` with its own sentence."""
    parts = urlsplit(url)
    headers = {KEY_HEADER: key, "X-Openstack-Request-Id": request_id.get()}
    connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    try:
        connection.request(method, parts.path, json.dumps(body or {}), headers)
        response = connection.getresponse()
        answer: Json = json.loads(response.read() or b"{}")
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Refused(503, f"{parts.netloc} does not answer: {error}") from error
    finally:
        connection.close()
    if response.status >= _FIRST_ERROR:
        raise Refused(response.status, answer["error"]["message"])
    return answer


def knows(request: Request, key: str) -> bool:
    """Return whether the request came from a process of this deployment."""
    return request.headers.get(KEY_HEADER.lower()) == key
