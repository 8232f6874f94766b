"""An OpenID Connect provider: authorization code with PKCE, state and nonce (Authlib).

What the provider says of itself and its keys are read anew at each sign-in: a key that it has
changed needs no restart of ours.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from joserfc.jws import JWSRegistry

from orchestrator.model.account import Identity, Started
from orchestrator.model.errors import Denied, InfraError
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline

#: signatures that only the provider can make; one by a shared secret or none at all is refused
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
#: seconds for one answer, and by how much its clock may differ from ours
ANSWER_SECONDS: Final = 10.0
LEEWAY: Final = 60
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_UNNAMED: Final = re.compile(r"[^a-z0-9._@-]+")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProvider:
    """`ports.accounts.Provider` for one issuer."""

    issuer: str
    client_id: str
    client_secret: Secret
    #: the file of certificates that its own is checked against; empty: the system's
    certificates: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    #: the claims that tell a person's groups and name
    groups_claim: str = "groups"
    name_claim: str = "preferred_username"

    def begin(self, redirect: str, deadline: Deadline) -> Started:
        """Return where to send the browser; raise `InfraError` if the provider does not answer."""
        with self._session(redirect) as session:
            about = self._about(session, deadline)
            state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
            url, _ = session.create_authorization_url(
                _safe(about["authorization_endpoint"]),
                state=state,
                nonce=nonce,
                code_verifier=verifier,
            )
        return Started(url=url, state=state, nonce=nonce, verifier=verifier)

    def finish(self, code: str, redirect: str, pending: Started, deadline: Deadline) -> Identity:
        """Return who came back; raise `Denied` unless all is as it was begun."""
        with self._session(redirect) as session:
            about = self._about(session, deadline)
            try:
                token = session.fetch_token(
                    _safe(about["token_endpoint"]),
                    code=code,
                    code_verifier=pending.verifier,
                    **self._limits(deadline),
                )
                keys = self._document(session, about["jwks_uri"], deadline)
                claims = self._claims(token, keys, pending.nonce)
            except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
                # Its own words may hold what was sent: only the kind of error is told.
                what = getattr(error, "error", "") or type(error).__name__
                raise Denied(f"{self.issuer} did not vouch for anybody ({what})") from error
            except requests.RequestException as error:
                raise self._silent(error) from error
            return self._identity(claims, self._more(session, about, claims, deadline))

    def _session(self, redirect: str) -> OAuth2Session:
        session = OAuth2Session(
            client_id=self.client_id,
            client_secret=self.client_secret.reveal(),
            scope=" ".join(self.scopes),
            redirect_uri=redirect,
            code_challenge_method="S256",
        )
        session.max_redirects = 0
        return session

    def _about(self, session: OAuth2Session, deadline: Deadline) -> Document:
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            about = self._document(session, url, deadline)
        except requests.RequestException as error:
            raise self._silent(error) from error
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if about.get("issuer") != self.issuer or not all(name in about for name in needed):
            raise InfraError(f"what answers at {url} is not the provider {self.issuer}")
        return about

    def _document(self, session: OAuth2Session, url: str, deadline: Deadline) -> Document:
        deadline.check()
        answer = session.get(_safe(url), withhold_token=True, **self._limits(deadline))
        answer.raise_for_status()
        found = answer.json()
        return found if isinstance(found, dict) else {}

    def _limits(self, deadline: Deadline) -> Document:
        """Return how long one answer may take, and whose certificate counts.

        Said with each request: what a session has is overruled by the environment.
        """
        patience = max(0.1, min(ANSWER_SECONDS, deadline.left()))
        return {"timeout": patience, "verify": self.certificates or True}

    def _claims(self, token: Document, jwks: Document, nonce: str) -> CodeIDToken:
        """Return the claims of the id token; raise what Authlib raises for any that is wrong."""
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        keys = KeySet.import_key_set(cast("KeySetSerialization", jwks))
        found = jwt.decode(token["id_token"], key=keys, registry=registry)
        claims = CodeIDToken(
            found.claims,
            found.header,
            options={
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self.client_id},
                "nonce": {"essential": True, "value": nonce},
                "exp": {"essential": True},
            },
            params={
                "nonce": nonce,
                "client_id": self.client_id,
                "access_token": token.get("access_token", ""),
            },
        )
        claims.validate(leeway=LEEWAY)
        return claims

    def _more(
        self, session: OAuth2Session, about: Document, claims: Document, deadline: Deadline
    ) -> Document:
        """Return what the provider tells besides the id token, if we need it and it does."""
        known = {self.groups_claim, self.name_claim} <= set(claims)
        if known or "userinfo_endpoint" not in about:
            return {}
        try:
            url = _safe(about["userinfo_endpoint"])
            answer = session.get(url, **self._limits(deadline))
            answer.raise_for_status()
            more = answer.json()
        except (requests.RequestException, AuthlibBaseError) as error:
            raise self._silent(error) from error
        # OpenID Connect Core, 5.3.2: else it is about somebody else.
        return more if isinstance(more, dict) and more.get("sub") == claims["sub"] else {}

    def _identity(self, claims: Document, more: Document) -> Identity:
        told = {**more, **claims}
        groups = told.get(self.groups_claim) or []
        name = str(told.get(self.name_claim) or told.get("email") or told["sub"])
        return Identity(
            subject=f"{self.issuer} {claims['sub']}",
            name=_UNNAMED.sub("-", name.lower()).strip("-._@")[:64],
            groups=frozenset(map(str, [groups] if isinstance(groups, str) else groups)),
        )

    def _silent(self, error: Exception) -> InfraError:
        return InfraError(
            f"the identity provider {self.issuer} does not answer ({type(error).__name__}): try "
            "again, or sign in with a password"
        )


def _safe(url: str) -> str:
    """Return the address if nobody on the way can read it; raise `InfraError` otherwise."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise InfraError(f"the identity provider names an address that is not https: {url[:200]}")
