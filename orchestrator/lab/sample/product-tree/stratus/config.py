"""What a process is told when it starts: one JSON file for the control and the agent."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one host."""

    #: name of this host
    host: str
    #: where this host's processes listen
    address: str
    #: folder for the database and images; in the file, it may be relative to the file's own
    folder: Path
    #: what the user `admin` logs in with
    password: str = field(repr=False)
    #: what control and agents prove to each other that they belong together
    key: str = field(repr=False)
    #: base URL of the control
    control: str
    #: pool that guests get their addresses from, as a CIDR
    guest_addresses: str
    hypervisor: str = "kvm"
    network_model: str = "flat"
    zone: str = "nova"
    #: how the control reaches agents: direct, or through a queue
    rpc: str = "direct"
    #: by which version of the image API compute hosts fetch images: v1, v2
    image_api: str = "v1"
    #: what users may speak to compute besides its own API: ec2, or nothing more
    users_api: str = "openstack"
    #: what makes stacks: legacy, convergence; empty: there are none
    engine: str = ""
    api_port: int = 8774
    agent_port: int = 8775
    #: where volumes are: address, port, user, password and cluster of an array; empty: nowhere
    array: dict[str, str] = field(default_factory=dict, repr=False)
    #: where the hypervisor is managed: address, port, user, password and the file that holds the
    #: hash of its certificate; of libvirt, the file that holds its URI, and the type of domains;
    #: empty: guests are made from their definitions alone
    api: dict[str, str] = field(default_factory=dict, repr=False)
    #: seeds every random choice; empty means that chance decides
    seed: str = ""


def load(path: Path) -> Config:
    """Return the settings in the JSON file `path`; keys it does not know are ignored."""
    read = json.loads(path.read_text())
    known = {item.name for item in fields(Config)}
    told = {name: value for name, value in read.items() if name in known}
    return Config(**{**told, "folder": path.parent / read["folder"]})
