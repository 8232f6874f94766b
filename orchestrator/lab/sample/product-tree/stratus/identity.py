"""Identity v3: passwords for tokens, tokens for a catalogue of services."""

import hmac
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

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", "/", self._versions, public=True),
            route("GET", "/identity", self._versions, public=True),
            route("GET", "/identity/v3", self._version, public=True),
            route("POST", "/identity/v3/auth/tokens", self._log_in, public=True),
            route("GET", "/identity/v3/auth/projects", self._projects),
            route("GET", "/identity/v3/projects", self._projects),
        ]

    def admits(self, request: Request) -> bool:
        """Return whether the request carries a token that holds."""
        end = self._ends.get(request.headers.get("x-auth-token", ""))
        return end is not None and end > datetime.now(UTC)

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
            "catalog": [self._service(*service) for service in _SERVICES],
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
