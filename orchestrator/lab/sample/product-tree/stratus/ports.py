"""Ports: a MAC and an address on a network, plugged into a server or not."""

from ipaddress import ip_network

from stratus.db import Database
from stratus.ids import PROJECT, new_id, new_mac
from stratus.web import Json, Refused

_RESERVED = 2


def create(db: Database, network: Json, groups: list[str], *, name: str, owned: bool) -> Json:
    """Return a new port with the first free address; `owned` ones go away with their server."""
    port = new_id()
    number = int(owned)
    address = _free_address(db, network)
    db.insert(
        "ports",
        id=port,
        name=name,
        network=network["id"],
        mac=new_mac(),
        address=address,
        owned=number,
    )
    for group in groups:
        db.insert("port_groups", port=port, security_group=group)
    return get(db, port)


def get(db: Database, port: str) -> Json:
    """Return a port's row."""
    return db.need(f"port {port}", "SELECT * FROM ports WHERE id = ?", port)


def of_server(db: Database, server: str) -> list[Json]:
    """Return a server's ports in the order of its network cards."""
    return db.rows("SELECT * FROM ports WHERE device = ? ORDER BY position", server)


def plug(db: Database, server: str, port: Json) -> None:
    """Make the port the server's next network card."""
    if port["device"] not in {"", server}:
        raise Refused(409, f"port {port['id']} is in use by server {port['device']}")
    sql = "UPDATE ports SET device = ?, position = ? WHERE id = ?"
    db.rows(sql, server, len(of_server(db, server)), port["id"])


def unplug(db: Database, port: Json) -> None:
    """Free the port, and delete it if it was made for its server."""
    if port["owned"]:
        return delete(db, port["id"])
    db.rows("UPDATE ports SET device = '', position = 0 WHERE id = ?", port["id"])
    return None


def delete(db: Database, port: str) -> None:
    """Forget the port."""
    db.rows("DELETE FROM port_groups WHERE port = ?", port)
    db.rows("DELETE FROM ports WHERE id = ?", port)


def groups(db: Database, port: str) -> list[str]:
    """Return the ids of the port's security groups."""
    rows = db.rows("SELECT security_group FROM port_groups WHERE port = ?", port)
    return [row["security_group"] for row in rows]


def shown(db: Database, port: Json) -> Json:
    """Return the port as the network API shows it."""
    network = db.need("its network", "SELECT * FROM networks WHERE id = ?", port["network"])
    return {
        "id": port["id"],
        "name": port["name"],
        "network_id": port["network"],
        "mac_address": port["mac"],
        "fixed_ips": [{"subnet_id": network["subnet"], "ip_address": port["address"]}],
        "device_id": port["device"],
        "device_owner": "compute:nova" if port["device"] else "",
        "status": "ACTIVE" if port["device"] else "DOWN",
        "admin_state_up": True,
        "security_groups": groups(db, port["id"]),
        "project_id": PROJECT,
        "tenant_id": PROJECT,
    }


def _free_address(db: Database, network: Json) -> str:
    taken = {row["address"] for row in db.rows("SELECT address FROM ports")}
    hosts = list(ip_network(network["cidr"]).hosts())[_RESERVED:]
    free = (str(host) for host in hosts if str(host) not in taken)
    address = next(free, None)
    if address is None:
        raise Refused(409, f"network {network['name']} has no free address left")
    return address
