"""Identity v3: passwords for tokens, tokens for a catalogue of services."""

import hmac
import json
import secrets
from datetime import UTC, datetime, timedelta

from stratus.config import Config
from stratus.ids import PROJECT, USER
from stratus.web import Json, Refused, Reply, Request, Route, route

_LIFETIME = timedelta(hours=12)
_SERVICES = (
    ("identity", "keystone", "/identity/v3"),
    ("compute", "nova", "/compute/v2.1"),
    ("image", "glance", "/image"),
    ("network", "neutron", "/network"),
    ("block-storage", "cinder", f"/volume/v3/{PROJECT}"),
    ("object-store", "swift", f"/object-store/v1/AUTH_{PROJECT}"),
)
#: what is there if the settings say so
_EC2 = ("ec2", "ec2", "/ec2")
_STACKS = ("orchestration", "heat", f"/orchestration/v1/{PROJECT}")
_PROJECT = {"id": PROJECT, "name": "demo", "domain": {"id": "default", "name": "Default"}}
_USER = {"id": USER, "name": "admin", "domain": {"id": "default", "name": "Default"}}


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%S.%fZ}"


class Identity:
    """Tokens live as long as the process."""

    def __init__(self, config: Config) -> None:
        """Know nobody but `admin`."""
        self._config = config
        self._ends: dict[str, datetime] = {}
        #: the secret of each access key
        self._secrets: dict[str, str] = {}
        self._services = (
            *_SERVICES,
            *((_EC2,) if config.users_api == "ec2" else ()),
            *((_STACKS,) if config.engine else ()),
        )

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", "/", self._versions, public=True),
            route("GET", "/identity", self._versions, public=True),
            route("GET", "/identity/v3", self._version, public=True),
            route("POST", "/identity/v3/auth/tokens", self._log_in, public=True),
            route("GET", "/identity/v3/auth/projects", self._projects),
            route("GET", "/identity/v3/projects", self._projects),
            route("POST", "/identity/v3/credentials", self._remember),
            route("DELETE", "/identity/v3/credentials/{access}", self._forget),
        ]

    def admits(self, request: Request) -> bool:
        """Return whether the request carries a token that holds."""
        end = self._ends.get(request.headers.get("x-auth-token", ""))
        return end is not None and end > datetime.now(UTC)

    def secret(self, access: str) -> str | None:
        """Return the secret of an access key, None if there is no such key."""
        return self._secrets.get(access)

    def _remember(self, request: Request) -> Reply:
        """Store an access key for EC2's clients."""
        asked = request.json("credential")
        try:
            blob = json.loads(asked["blob"])
            self._secrets[blob["access"]] = blob["secret"]
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(400, "a credential's blob is JSON with `access` and `secret`") from error
        told = {"type": "ec2", "project_id": PROJECT, "user_id": USER}
        shown = {"id": blob["access"], "blob": asked["blob"], **told}
        return Reply(status=201, json={"credential": shown})

    def _forget(self, request: Request) -> Reply:
        if self._secrets.pop(request.parts["access"], None) is None:
            raise Refused(404, f"there is no access key {request.parts['access']}")
        return Reply(status=204)

    def _document(self) -> Json:
        links = [{"rel": "self", "href": f"{self._config.control}/identity/v3/"}]
        return {"id": "v3.14", "status": "stable", "links": links}

    def _versions(self, _: Request) -> Reply:
        return Reply(status=300, json={"versions": {"values": [self._document()]}})

    def _version(self, _: Request) -> Reply:
        return Reply(json={"version": self._document()})

    def _projects(self, _: Request) -> Reply:
        listed = {**_PROJECT, "domain_id": "default", "enabled": True}
        return Reply(json={"projects": [listed], "links": {}})

    def _log_in(self, request: Request) -> Reply:
        try:
            user = request.json("auth")["identity"]["password"]["user"]
            name, password = user["name"], user["password"]
        except (KeyError, TypeError) as error:
            raise Refused(400, f"a password log-in lacks {error}") from error
        if name != "admin" or not hmac.compare_digest(password, self._config.password):
            raise Refused(401, f"{name} cannot log in: wrong name or password")
        token = secrets.token_urlsafe(24)
        start = datetime.now(UTC)
        self._ends[token] = start + _LIFETIME
        body = {
            "methods": ["password"],
            "user": _USER,
            "project": _PROJECT,
            "roles": [{"id": "admin", "name": "admin"}],
            "issued_at": _time(start),
            "expires_at": _time(start + _LIFETIME),
            "catalog": [self._service(*service) for service in self._services],
        }
        return Reply(status=201, json={"token": body}, headers={"X-Subject-Token": token})

    def _service(self, kind: str, name: str, path: str) -> Json:
        endpoint = {
            "id": f"{name}-public",
            "interface": "public",
            "region": "lab",
            "region_id": "lab",
            "url": f"{self._config.control}{path}",
        }
        return {"id": name, "type": kind, "name": name, "endpoints": [endpoint]}
