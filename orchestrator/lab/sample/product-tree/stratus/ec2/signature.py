"""Who asked: AWS's signature, version 4."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from stratus.ec2.parameters import Ec2Refused
from stratus.web import Request

_KIND = "AWS4-HMAC-SHA256"
_LATE = timedelta(minutes=15)
_WRONG = "the request's signature is not the one of its access key"


def verify(request: Request, secret: Callable[[str], str | None]) -> None:
    """Raise `Ec2Refused` unless the request is signed by the `secret` of its access key."""
    kind, _, told = request.headers.get("authorization", "").partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in told.split(","))
    if kind != _KIND or not {"Credential", "SignedHeaders", "Signature"} <= set(parts):
        raise Ec2Refused("MissingAuthenticationToken", "sign the request by version 4", 403)
    access, _, scope = parts["Credential"].partition("/")
    known = secret(access)
    if known is None:
        raise Ec2Refused("AuthFailure", f"there is no access key {access}", 401)
    when = request.headers.get("x-amz-date", "")
    _refuse_late(when)
    digest = hashlib.sha256(_canonical(request, parts["SignedHeaders"]).encode()).hexdigest()
    wanted = _mac(_key(known, scope), "\n".join((_KIND, when, scope, digest))).hex()
    if not hmac.compare_digest(wanted, parts["Signature"]):
        raise Ec2Refused("SignatureDoesNotMatch", _WRONG, 403)


def _refuse_late(when: str) -> None:
    try:
        age = datetime.now(UTC) - datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Ec2Refused("IncompleteSignature", "X-Amz-Date is no time", 400) from error
    if abs(age) > _LATE:
        raise Ec2Refused("RequestExpired", f"the request was signed at {when}", 400)


def _canonical(request: Request, signed: str) -> str:
    names = signed.split(";")
    query = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in request.query.items())
    headers = (f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            "".join(headers),
            signed,
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for word in scope.split("/"):
        key = _mac(key, word)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
