"""Is a hook's call signed by who knows the secret, and is it fresh?"""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from orchestrator.model.errors import Denied
from orchestrator.model.secret import Secret

#: an older call is refused: whoever kept it may be somebody else
LATEST_SECONDS = 3600.0
#: by the Standard Webhooks
STAMP_SECONDS = 300.0
_PREFIX = "whsec_"


def github(secret: Secret, headers: Mapping[str, str], body: bytes) -> None:
    """Raise `Denied` unless `X-Hub-Signature-256` signs the body."""
    made = hmac.new(secret.reveal().encode(), body, sha256).hexdigest()
    given = headers.get("x-hub-signature-256", "")
    if not hmac.compare_digest(f"sha256={made}".encode(), given.encode(errors="replace")):
        raise Denied("the signature is not of this body by the secret of this hook")


def token(secret: Secret, given: str) -> None:
    """Raise `Denied` unless `given` is the secret."""
    if not hmac.compare_digest(secret.reveal().encode(), given.encode(errors="replace")):
        raise Denied("the token is not that of this hook")


def standard(secret: Secret, headers: Mapping[str, str], body: bytes) -> None:
    """Raise `Denied` unless one of the Standard Webhooks' signatures is right, and fresh."""
    name, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    try:
        key = base64.b64decode(secret.reveal().removeprefix(_PREFIX), validate=True)
        late = abs(time.time() - int(stamp)) > STAMP_SECONDS
    except (ValueError, binascii.Error) as error:
        raise Denied("the call has no time, or the hook no whsec_ secret") from error
    if late:
        raise Denied("the call is late, or its clock is wrong")
    made = hmac.new(key, f"{name}.{stamp}.".encode() + body, sha256).digest()
    right = f"v1,{base64.b64encode(made).decode()}".encode()
    given = headers.get("webhook-signature", "").encode(errors="replace").split()
    if not any(hmac.compare_digest(right, one) for one in given):
        raise Denied("the signature is not of this body by the secret of this hook")


def payload(body: bytes) -> Mapping[str, Any]:
    """Return the body's JSON object; raise `Denied`."""
    try:
        found = json.loads(body)
    except ValueError as error:
        raise Denied("the body is no JSON") from error
    if not isinstance(found, dict):
        raise Denied("the body is no JSON object")
    return found


def fresh(when: object) -> None:
    """Raise `Denied` if that time (ISO 8601, if any) is too long ago."""
    if not when:
        return
    text = str(when).replace(" UTC", "+00:00").replace("Z", "+00:00")
    try:
        age = time.time() - datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise Denied(f"{text[:40]!r} is no time") from error
    if age > LATEST_SECONDS:
        raise Denied("the call is late: what it tells is too long ago")


def digest(body: bytes) -> str:
    """Return what a call is known by: the id that it came with is signed by nobody."""
    return sha256(body).hexdigest()
