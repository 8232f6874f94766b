"""Orchestration v1: stacks of resources, made by the engine that the settings name."""

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from stratus.ids import PROJECT, new_id, now
from stratus.inside import Inside
from stratus.template import filled, requirements, reverse
from stratus.web import Json, Refused, Reply, Request, Route, route

_BASE = f"/orchestration/v1/{PROJECT}/stacks"
_SERVERS, _GROUPS = "/compute/v2.1/servers", "/network/v2.0/security-groups"
_RULES = "/network/v2.0/security-group-rules"
_BUILD_SECONDS, _POLL_SECONDS = 60.0, 0.02


class Engine(Protocol):
    """A module of `stratus.engines`."""

    def run(self, requires: Mapping[str, frozenset[str]], work: Callable[[str], None]) -> None:
        """Do the work of each name after that of those which it requires."""
        ...


@dataclass(slots=True, kw_only=True)
class _Stack:
    name: str
    template: Json
    requires: Mapping[str, frozenset[str]]
    id: str = field(default_factory=new_id)
    created: str = field(default_factory=now)
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    #: what was made of each resource, by its name
    made: dict[str, Json] = field(default_factory=dict)


class Stacks:
    """The stacks of the one project; they live as long as the process."""

    def __init__(self, engine: str, inside: Inside) -> None:
        """Make resources by asking `inside`; raise `ImportError` for an unknown engine."""
        self._engine: Engine = import_module(f"stratus.engines.{engine}")
        self._inside = inside
        self._stacks: dict[str, _Stack] = {}

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("POST", _BASE, self._create),
            route("GET", _BASE, self._list),
            route("GET", _BASE + "/{stack}", self._get),
            route("GET", _BASE + "/{name}/{stack}", self._get),
            route("DELETE", _BASE + "/{stack}", self._delete),
            route("DELETE", _BASE + "/{name}/{stack}", self._delete),
        ]

    def _create(self, request: Request) -> Reply:
        asked = request.json()
        template, name = asked.get("template") or {}, asked.get("stack_name") or ""
        resources = template.get("resources") or {}
        for one, body in resources.items():
            if body.get("type") not in {"OS::Nova::Server", "OS::Neutron::SecurityGroup"}:
                raise Refused(400, f"{one} is of a type that stratus does not make")
        if any(stack.name == name for stack in self._stacks.values()):
            raise Refused(409, f"there is a stack {name} already")
        stack = _Stack(name=name, template=template, requires=requirements(resources))
        self._stacks[stack.id] = stack
        self._begin(stack, "CREATE", stack.requires, self._make)
        return Reply(status=201, json={"stack": {"id": stack.id, "links": []}})

    def _list(self, _: Request) -> Reply:
        return Reply(json={"stacks": [self._shown(stack) for stack in self._stacks.values()]})

    def _get(self, request: Request) -> Reply:
        return Reply(json={"stack": self._shown(self._stack(request))})

    def _delete(self, request: Request) -> Reply:
        stack = self._stack(request)
        self._begin(stack, "DELETE", reverse(stack.requires), self._unmake)
        return Reply(status=204)

    def _stack(self, request: Request) -> _Stack:
        wanted = request.parts["stack"]
        found = (stack for stack in self._stacks.values() if wanted in {stack.id, stack.name})
        if (stack := next(found, None)) is None:
            raise Refused(404, f"stack {wanted} could not be found")
        return stack

    def _begin(
        self,
        stack: _Stack,
        action: str,
        order: Mapping[str, frozenset[str]],
        work: Callable[[_Stack, str], None],
    ) -> None:
        """Have the engine work through the stack, in a thread that keeps the request's id."""

        def all_of_it() -> None:
            try:
                self._engine.run(order, lambda name: work(stack, name))
            except Refused as refused:
                stack.status, stack.reason = f"{action}_FAILED", str(refused)
            else:
                stack.status = f"{action}_COMPLETE"

        stack.status = f"{action}_IN_PROGRESS"
        threading.Thread(target=copy_context().run, args=(all_of_it,)).start()

    def _make(self, stack: _Stack, name: str) -> None:
        resource = stack.template["resources"][name]
        wanted = filled(resource.get("properties") or {}, _from(stack))
        server = resource["type"] == "OS::Nova::Server"
        stack.made[name] = (
            self._server(f"{stack.name}-{name}", wanted)
            if server
            else self._group(f"{stack.name}-{name}", wanted)
        )

    def _unmake(self, stack: _Stack, name: str) -> None:
        if (made := stack.made.get(name)) is not None:
            self._inside.ask("DELETE", f"{made['path']}/{made['id']}")
            del stack.made[name]

    def _server(self, name: str, wanted: Json) -> Json:
        """Make a server, and return it once it runs."""
        asked = {
            "name": name,
            "imageRef": wanted.get("image", ""),
            "flavorRef": wanted.get("flavor", ""),
            "security_groups": [{"name": group} for group in wanted.get("security_groups", [])],
            "networks": [{"uuid": net["network"]} for net in wanted.get("networks", [])],
            "metadata": wanted.get("metadata") or {},
        }
        server = self._inside.ask("POST", _SERVERS, {"server": asked})["server"]
        end = time.monotonic() + _BUILD_SECONDS
        while server["status"] == "BUILD" and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
            server = self._inside.ask("GET", f"{_SERVERS}/{server['id']}")["server"]
        if server["status"] != "ACTIVE":
            why = server.get("fault", {}).get("message", "it does not become ACTIVE")
            raise Refused(500, f"server {name}: {why}")
        addresses = [item["addr"] for cards in server["addresses"].values() for item in cards]
        return {"path": _SERVERS, "id": server["id"], "first_address": addresses[0]}

    def _group(self, name: str, wanted: Json) -> Json:
        asked = {"security_group": {"name": name, "description": ""}}
        group = self._inside.ask("POST", _GROUPS, asked)["security_group"]
        for rule in wanted.get("rules", []):
            told = {"security_group_id": group["id"], "direction": "ingress", **rule}
            self._inside.ask("POST", _RULES, {"security_group_rule": told})
        return {"path": _GROUPS, "id": group["id"]}

    def _shown(self, stack: _Stack) -> Json:
        outputs = stack.template.get("outputs") or {}
        complete = stack.status == "CREATE_COMPLETE"
        return {
            "id": stack.id,
            "stack_name": stack.name,
            "stack_status": stack.status,
            "stack_status_reason": stack.reason,
            "creation_time": stack.created,
            "links": [],
            "outputs": [
                {"output_key": key, "output_value": filled(body["value"], _from(stack))}
                for key, body in outputs.items()
                if complete
            ],
        }


def _from(stack: _Stack) -> Callable[[str, list[Any]], object]:
    return lambda kind, words: _refer(stack.made, kind, words)


def _refer(made: Mapping[str, Json], kind: str, words: list[Any]) -> object:
    """Return what a reference stands for: a resource's id, or one of its attributes."""
    name, *attribute = words
    found = made[name].get(attribute[0] if kind == "get_attr" and attribute else "id")
    if found is None:
        raise Refused(400, f"{name} has no attribute {' '.join(map(str, attribute))}")
    return found
