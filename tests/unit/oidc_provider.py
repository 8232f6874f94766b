"""A real OpenID Connect provider on loopback: pyop, which is what SATOSA runs in production.

Nobody types a password there: whoever `user` names is who comes to its page.
"""

import json
import secrets
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from Cryptodome.PublicKey import RSA
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey as SigningKey
from jwkest.jwk import RSAKey
from pyop.authz_state import AuthorizationState
from pyop.exceptions import InvalidAuthenticationRequest, OAuthError
from pyop.provider import Provider
from pyop.subject_identifier import HashBasedSubjectIdentifierFactory
from pyop.userinfo import Userinfo

CLIENT = "smoketest"


@dataclass
class Op:
    """The provider, and what a test may change of it."""

    url: str
    #: what its certificate is checked against
    trusted: str
    secret: str
    key: Any
    provider: Provider
    people: dict[str, dict[str, Any]]
    #: who comes to its page
    user: str = "ada"
    #: what it was asked for, the newest last
    asked: list[dict[str, str]] = field(default_factory=list)
    #: changes the claims of an id token, which is then signed anew
    lie: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    #: makes something else of the signed id token
    forge: Callable[[str], str] | None = None

    def claims(self, user: str) -> dict[str, Any]:
        """Return what the id token tells besides."""
        return {
            name: self.people[user][name]
            for name in ("groups", "preferred_username")
            if name in self.people[user]
        }

    def token(self, body: str, headers: dict[str, str]) -> dict[str, Any]:
        """Return the answer of the token endpoint, as honest as the test wants it."""
        answer = self.provider.handle_token_request(
            body, headers, extra_id_token_claims=lambda user, _: self.claims(user)
        )
        found: dict[str, Any] = json.loads(answer.to_json())
        if self.lie:
            key = SigningKey.import_key(self.key.key.export_key())
            told = jwt.decode(found["id_token"], key).claims
            found["id_token"] = jwt.encode({"alg": "RS256"}, self.lie(dict(told)), key)
        if self.forge:
            found["id_token"] = self.forge(found["id_token"])
        return found


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for the provider."""

    op: Op

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer discovery, keys, the page, and who somebody is."""
        parts = urlsplit(self.path)
        if parts.path == "/.well-known/openid-configuration":
            self._json(self.op.provider.provider_configuration.to_dict())
        elif parts.path == "/jwks":
            self._json(self.op.provider.jwks)
        elif parts.path == "/authorize":
            self._authorize(parts.query)
        elif parts.path == "/userinfo":
            headers = {"Authorization": self.headers["Authorization"]}
            answer = self.op.provider.handle_userinfo_request("", headers)
            sub = answer["sub"]
            user = self.op.provider.authz_state.get_user_id_for_subject_identifier(sub)
            self._json({**self.op.people[user], **answer.to_dict()})
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Answer the token endpoint."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        headers = {k: v for k, v in self.headers.items() if k == "Authorization"}
        try:
            self._json(self.op.token(body, headers))
        except OAuthError as error:
            self._json({"error": error.oauth_error}, HTTPStatus.BAD_REQUEST)

    def _authorize(self, query: str) -> None:
        self.op.asked.append({name: values[0] for name, values in parse_qs(query).items()})
        try:
            asked = self.op.provider.parse_authentication_request(query)
        except InvalidAuthenticationRequest as error:
            self.send_error(HTTPStatus.BAD_REQUEST, str(error)[:100].replace("\n", " "))
            return
        answer = self.op.provider.authorize(asked, self.op.user)
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", answer.request(asked["redirect_uri"]))
        self.end_headers()

    def _json(self, value: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def certificate(folder: Path) -> Path:
    """Write a certificate of 127.0.0.1 with its key; return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime.now(UTC) - timedelta(minutes=5)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "provider.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def _people() -> dict[str, dict[str, Any]]:
    return {
        "ada": {"preferred_username": "Ada", "groups": ["staff", "kvm"]},
        "grace": {"preferred_username": "grace", "groups": ["staff", "lab-admins"]},
        "mallory": {"preferred_username": "operator", "groups": ["lab-admins"]},
        "eve": {"preferred_username": "eve", "groups": []},
    }


def _client(secret: str, redirect: str) -> dict[str, Any]:
    return {
        "client_secret": secret,
        "redirect_uris": [redirect],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "subject_type": "public",
    }


@contextmanager
def serving(redirect: str, folder: Path) -> Iterator[Op]:
    """Yield a provider that knows us as a client who is sent back to `redirect`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    trusted = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"https://127.0.0.1:{server.server_address[1]}"
    key = RSAKey(key=RSA.generate(2048), alg="RS256", kid=secrets.token_hex(4))
    secret = secrets.token_urlsafe(24)
    people = _people()
    provider = Provider(
        key,
        {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "userinfo_endpoint": f"{url}/userinfo",
            "jwks_uri": f"{url}/jwks",
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email"],
            "subject_types_supported": ["public"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        },
        AuthorizationState(HashBasedSubjectIdentifierFactory(secrets.token_hex(8))),
        {CLIENT: _client(secret, redirect)},
        Userinfo(people),
    )
    op = Op(url=url, trusted=str(trusted), secret=secret, key=key, provider=provider, people=people)
    server.RequestHandlerClass = type("Bound", (Handler,), {"op": op})
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield op
    server.shutdown()
    server.server_close()
    thread.join(20)
