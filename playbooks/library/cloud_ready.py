#!/usr/bin/python
"""Ansible module: the cloud is whole: APIs answer, hosts can be scheduled to, volumes kept.

Asks as a user would, with a token. When something does not come up, the message names it and ends
with what its log says.
"""

import http.client
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.supervised import answers, info, said, supervisor

_POLL_SECONDS = 0.25
_ASK_SECONDS = 30.0
_CREATED = 201
_OK = 200


class Cloud:
    """The cloud's APIs, asked with the administrator's token."""

    def __init__(self, asked: dict) -> None:
        """Take where they are and how to log in."""
        self._asked = asked
        self._token = ""
        self._project = ""

    def lacking(self) -> str:
        """Return which compute hosts cannot be scheduled to yet, or an empty text."""
        self._token = self._token or self._login()
        wanted = set(self._asked["hosts"])
        nova, placement = self._asked["nova"], self._asked["placement"]
        services = self._get(f"{nova}/os-services?binary=nova-compute").get("services", [])
        up = {service["host"] for service in services if service["state"] == "up"}
        if wanted - up:
            return f"nova-compute on {' and '.join(sorted(wanted - up))} is not up"
        found = self._get(f"{nova}/os-hypervisors/detail").get("hypervisors", [])
        mapped = {hypervisor["service"]["host"] for hypervisor in found}
        if wanted - mapped:
            return f"{' and '.join(sorted(wanted - mapped))} is in no cell yet"
        providers = self._get(f"{placement}/resource_providers").get("resource_providers", [])
        if len(providers) < len(wanted):
            return "a host has no resources in placement yet"
        return self._unkept() if self._asked["cinder"] else ""

    def _unkept(self) -> str:
        """Return that volumes can be kept nowhere yet, or an empty text."""
        path = f"/v3/{self._project}/scheduler-stats/get_pools"
        found = self._get(f"{self._asked['cinder']}{path}").get("pools", [])
        return "" if found else "cinder-volume has told nobody yet what it can keep"

    def _login(self) -> str:
        user = {"name": "admin", "password": self._asked["password"], "domain": {"id": "default"}}
        auth = {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
        }
        url = f"{self._asked['keystone']}/auth/tokens"
        status, headers, body = _ask("POST", url, json.dumps({"auth": auth}), {})
        if status != _CREATED:
            raise OSError(f"keystone lets nobody in: {status} {body[:200]}")
        self._project = json.loads(body)["token"]["project"]["id"]
        return str(headers["X-Subject-Token"])

    def _get(self, url: str) -> dict:
        told = {"X-Auth-Token": self._token}
        status, _, body = _ask("GET", url, "", told)
        if status != _OK:
            raise OSError(f"GET {urlsplit(url).path} answers {status}: {body[:200]}")
        return json.loads(body)


def _ask(verb: str, url: str, body: str, more: dict) -> tuple:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_ASK_SECONDS)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        connection.request(verb, path, body, {"Content-Type": "application/json", **more})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode(errors="replace")
    finally:
        connection.close()


def dead(home: Path) -> str:
    """Return what became of the first program that ended though it should run, or nothing."""
    server = supervisor(home)
    for section in sorted((home / "programs").glob("*.ini")):
        state = info(server, section.stem)
        ended = state and state["statename"] in {"EXITED", "FATAL"}
        if ended and not (state["exitstatus"] == 0 and section.stem.endswith("-prepare")):
            log = home / "log" / f"{section.stem}.log"
            return (
                f"{section.stem} ended with status {state['exitstatus']}: {said(log)} ({log.name})"
            )
    return ""


def problem(asked: dict, cloud: Cloud) -> str:
    """Return the first thing that is not as it should be yet, or an empty text."""
    for name, url in asked["apis"].items():
        if why := answers(url):
            return f"{name} {why}: {said(Path(asked['home']) / 'log' / f'{name}.log')} ({name}.log)"
    try:
        return cloud.lacking()
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return str(error)


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={
            "home": {"type": "path", "required": True},
            "apis": {"type": "dict", "required": True},
            "keystone": {"required": True},
            "nova": {"required": True},
            "placement": {"required": True},
            # empty where volumes are not kept
            "cinder": {"default": ""},
            "password": {"required": True, "no_log": True},
            "hosts": {"type": "list", "elements": "str", "required": True},
            "seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False)
    asked, home = module.params, Path(module.params["home"])
    cloud = Cloud(asked)
    give_up = time.monotonic() + asked["seconds"]
    while why := problem(asked, cloud):
        if ended := dead(home):
            module.fail_json(msg=ended)
        if time.monotonic() > give_up:
            slow = next((name for name in ("nova-compute", "cinder-volume") if name in why), "")
            log = home / "log" / f"{slow}.log"
            more = f": {said(log)} ({log.name})" if slow else ""
            module.fail_json(msg=f"after {asked['seconds']} s, {why}{more}")
        time.sleep(_POLL_SECONDS)
    if ended := dead(home):
        module.fail_json(msg=ended)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
