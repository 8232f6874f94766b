"""Network v2: security groups, which say what reaches a guest."""

from stratus.db import Database
from stratus.guests import Guests
from stratus.ids import PROJECT, new_id
from stratus.web import Json, Refused, Reply, Request, Route, route

_BASE = "/network/v2.0"
_DEFAULT = "default"


def default_group(db: Database) -> str:
    """Return the id of the group that lets nothing in, made when it is first asked for."""
    row = db.row("SELECT id FROM security_groups WHERE name = ?", _DEFAULT)
    if row is not None:
        return str(row["id"])
    group = new_id()
    db.insert("security_groups", id=group, name=_DEFAULT, description="lets nothing in")
    return group


def group_called(db: Database, name: str) -> str:
    """Return the id of the group with that name or id."""
    if name == _DEFAULT:
        return default_group(db)
    sql = "SELECT id FROM security_groups WHERE name = ? OR id = ?"
    return str(db.need(f"security group {name}", sql, name, name)["id"])


class SecurityGroups:
    """The security groups of the one project."""

    def __init__(self, db: Database, guests: Guests) -> None:
        """Tell the guests whenever a rule changes."""
        self._db = db
        self._guests = guests

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", _BASE + "/security-groups", self._list),
            route("POST", _BASE + "/security-groups", self._create),
            route("GET", _BASE + "/security-groups/{id}", self._get),
            route("DELETE", _BASE + "/security-groups/{id}", self._delete),
            route("GET", _BASE + "/security-group-rules", self._rules),
            route("POST", _BASE + "/security-group-rules", self._add_rule),
            route("DELETE", _BASE + "/security-group-rules/{id}", self._delete_rule),
        ]

    def _list(self, request: Request) -> Reply:
        default_group(self._db)
        name = request.query.get("name")
        rows = self._db.rows(
            "SELECT * FROM security_groups WHERE ? IS NULL OR name = ?", name, name
        )
        return Reply(json={"security_groups": [self._shown(row) for row in rows]})

    def _create(self, request: Request) -> Reply:
        asked = request.json("security_group")
        group = new_id()
        told = asked.get("description") or ""
        self._db.insert("security_groups", id=group, name=asked["name"], description=told)
        return Reply(status=201, json={"security_group": self._shown(self._row(group))})

    def _get(self, request: Request) -> Reply:
        return Reply(json={"security_group": self._shown(self._row(request.parts["id"]))})

    def _delete(self, request: Request) -> Reply:
        group = self._row(request.parts["id"])["id"]
        if self._db.rows("SELECT port FROM port_groups WHERE security_group = ?", group):
            raise Refused(409, f"security group {group} is in use")
        self._db.rows("DELETE FROM security_group_rules WHERE security_group = ?", group)
        self._db.rows("DELETE FROM security_groups WHERE id = ?", group)
        return Reply(status=204)

    def _rules(self, _: Request) -> Reply:
        rows = self._db.rows("SELECT * FROM security_group_rules")
        return Reply(json={"security_group_rules": [_shown_rule(row) for row in rows]})

    def _add_rule(self, request: Request) -> Reply:
        asked = request.json("security_group_rule")
        group = self._row(asked.get("security_group_id", ""))["id"]
        rule = new_id()
        self._db.insert(
            "security_group_rules",
            id=rule,
            security_group=group,
            direction=asked.get("direction", "ingress"),
            protocol=asked.get("protocol"),
            port_min=asked.get("port_range_min"),
            port_max=asked.get("port_range_max"),
            remote=asked.get("remote_ip_prefix"),
        )
        self._guests.push_group(group)
        return Reply(status=201, json={"security_group_rule": _shown_rule(self._rule(rule))})

    def _delete_rule(self, request: Request) -> Reply:
        rule = self._rule(request.parts["id"])
        self._db.rows("DELETE FROM security_group_rules WHERE id = ?", rule["id"])
        self._guests.push_group(rule["security_group"])
        return Reply(status=204)

    def _row(self, group: str) -> Json:
        sql = "SELECT * FROM security_groups WHERE id = ?"
        return self._db.need(f"security group {group}", sql, group)

    def _rule(self, rule: str) -> Json:
        sql = "SELECT * FROM security_group_rules WHERE id = ?"
        return self._db.need(f"security group rule {rule}", sql, rule)

    def _shown(self, group: Json) -> Json:
        sql = "SELECT * FROM security_group_rules WHERE security_group = ?"
        rules = [_shown_rule(rule) for rule in self._db.rows(sql, group["id"])]
        told = {"security_group_rules": rules, "project_id": PROJECT, "tenant_id": PROJECT}
        return {**group, **told}


def _shown_rule(rule: Json) -> Json:
    return {
        "id": rule["id"],
        "security_group_id": rule["security_group"],
        "direction": rule["direction"],
        "ethertype": "IPv4",
        "protocol": rule["protocol"],
        "port_range_min": rule["port_min"],
        "port_range_max": rule["port_max"],
        "remote_ip_prefix": rule["remote"],
        "project_id": PROJECT,
        "tenant_id": PROJECT,
    }
