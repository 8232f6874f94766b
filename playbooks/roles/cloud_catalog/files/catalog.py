"""Roles, service users, services and endpoints in keystone, made as far as they are missing.

Reads what is wanted as JSON from a file; prints `changed` if it had to make anything.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import V3Password
from keystoneauth1.session import Session


def main() -> None:
    """Make all of it."""
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    cloud = Cloud(wanted)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(cloud.service, wanted["services"]))
        list(pool.map(cloud.user, wanted["users"]))
    print("changed" if cloud.changed else "unchanged")


class Cloud:
    """Keystone, spoken to as its administrator."""

    def __init__(self, wanted: dict) -> None:
        """Log in, and make what the others refer to."""
        login = V3Password(
            auth_url=wanted["auth_url"],
            username="admin",
            password=wanted["password"],
            project_name="admin",
            user_domain_id="default",
            project_domain_id="default",
        )
        self.keystone = Adapter(Session(login), service_type="identity", interface="public")
        self.wanted = wanted
        self.changed = False
        self.roles = {
            name: self.have("role", name, {}) for name in ("admin", "service", "member", "reader")
        }
        self.project = self.have("project", "service", {"domain_id": "default"})
        self.demo = self.have("project", "demo", {"domain_id": "default"})
        admin = self.have("user", "admin", {"domain_id": "default"})
        self.grant(self.demo, admin, "admin")

    def have(self, kind: str, name: str, more: dict) -> str:
        """Return the id of what is called `name`, made if need be."""
        found = self.keystone.get(f"/{kind}s", params={"name": name}).json()[f"{kind}s"]
        if found:
            return found[0]["id"]
        self.changed = True
        body = {kind: {"name": name, **more}}
        return self.keystone.post(f"/{kind}s", json=body).json()[kind]["id"]

    def grant(self, project: str, user: str, role: str) -> None:
        """Give a user a role in a project."""
        path = f"/projects/{project}/users/{user}/roles/{self.roles[role]}"
        if self.keystone.head(path, raise_exc=False).status_code >= 400:
            self.changed = True
            self.keystone.put(path)

    def user(self, name: str) -> None:
        """Have a service's user."""
        secret = {"password": self.wanted["service_password"], "domain_id": "default"}
        user = self.have("user", name, secret)
        for role in ("admin", "service"):
            self.grant(self.project, user, role)

    def service(self, asked: dict) -> None:
        """Have a service with its public endpoint."""
        service = self.have("service", asked["name"], {"type": asked["type"]})
        query = {"service_id": service, "interface": "public"}
        if self.keystone.get("/endpoints", params=query).json()["endpoints"]:
            return
        self.changed = True
        place = {"url": asked["url"], "region_id": self.wanted["region"]}
        self.keystone.post("/endpoints", json={"endpoint": {**query, **place}})


if __name__ == "__main__":
    main()
