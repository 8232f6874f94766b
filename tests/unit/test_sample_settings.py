"""The sample's settings, each of which is an axis of an arch: what they change really changes."""

import json
import runpy
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from botocore.session import Session, get_session

from orchestrator.lab import sample
from tests.unit.sample_cloud import Cloud, Host, checkout, cloud, git, passed, red, smoke

ENGINES = Path(sample.__file__).parent / "product-tree" / "stratus" / "engines"
OTHERS = {"rpc": "queue", "image_api": "v2", "users_api": "ec2", "engine": "convergence"}
OVER_EC2 = {
    "test_server_boots_and_answers",
    "test_keypair_reaches_the_guest",
    "test_security_group_shuts_and_opens",
    "test_every_network_reaches_its_servers",
    "test_two_nics",
    "test_volume_reaches_the_guest",
    "test_stack_makes_and_takes_down_what_it_holds",
}


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trees")


def told(running: Cloud) -> dict[str, Any]:
    """Return what the control is configured by."""
    found: dict[str, Any] = json.loads((running.folder / "n01-api.json").read_text())
    return found


def test_every_setting_at_its_other_value_is_green(trees: Path, tmp_path: Path) -> None:
    hosts = [Host("hyperv")]
    with cloud(tmp_path / "c", checkout(trees, "trunk"), hosts, "flat-dhcp", **OTHERS) as running:
        results = smoke(running.folder, "servers or volumes or stacks", "flat-dhcp", "ec2")
        control = running.log("n01-api").read_text()
        refused_by_ec2(told(running)["control"], told(running)["password"])
        nothing_for_strangers(told(running)["address"])
    assert red(results) == []
    assert passed(results) == OVER_EC2
    for line in ("EC2: RunInstances", "EC2: AttachVolume", ": ACK 127.", "/image/v2/images/"):
        assert line in control
    assert "POST /compute/v2.1/servers" not in control
    assert "/image/v1/images/" not in control


def refused_by_ec2(control: str, password: str) -> None:
    """Ask EC2 without a signature, by an unknown key, and by another secret."""
    bare = httpx.post(f"{control}/ec2", content=b"Action=DescribeInstances", trust_env=False)
    assert (bare.status_code, "<Code>MissingAuthenticationToken</Code>" in bare.text) == (403, True)
    session = get_session()
    assert ec2(session, control, "nobody", "secret") == "AuthFailure"
    remember(control, password, {"access": "known", "secret": "right"})
    assert ec2(session, control, "known", "wrong") == "SignatureDoesNotMatch"
    assert ec2(session, control, "known", "right") == ""


def ec2(session: Session, control: str, access: str, secret: str) -> str:
    """Return the code with which EC2 refuses to list the instances; empty: it does not."""
    client = session.create_client(
        "ec2",
        region_name="lab",
        endpoint_url=f"{control}/ec2",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
    )
    try:
        assert client.describe_instances()["Reservations"] == []
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def remember(control: str, password: str, key: dict[str, str]) -> None:
    """Log in, and store an access key."""
    user = {"name": "admin", "password": password}
    identity = {"auth": {"identity": {"password": {"user": user}}}}
    with httpx.Client(base_url=f"{control}/identity/v3", trust_env=False) as client:
        token = client.post("/auth/tokens", json=identity).headers["X-Subject-Token"]
        made = client.post(
            "/credentials",
            json={"credential": {"type": "ec2", "blob": json.dumps(key)}},
            headers={"X-Auth-Token": token},
        )
    assert made.status_code == 201


def nothing_for_strangers(address: str) -> None:
    """Ask for an address as a card that is in no server, in bytes of our own."""
    mac = bytes.fromhex("525400123456") + bytes(10)
    head = bytes((1, 1, 6, 0)) + bytes(4) + bytes(20) + mac + bytes(192)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(0.3)
        wire.connect((address, 6767))
        wire.send(head + bytes((99, 130, 83, 99, 0, 53, 1, 1, 255)))
        with pytest.raises(TimeoutError):
            wire.recv(1500)


@pytest.mark.parametrize(
    ("setting", "value", "process", "why"),
    [
        ("rpc", "post", "api", "rpc is 'post', and can be direct or queue"),
        ("engine", "steam", "api", "No module named 'stratus.engines.steam'"),
    ],
)
def test_a_value_that_there_is_not_is_told(
    trees: Path, tmp_path: Path, setting: str, value: str, process: str, why: str
) -> None:
    tree = checkout(trees, "trunk")
    with (
        pytest.raises(AssertionError, match="has ended"),
        cloud(tmp_path / "d", tree, **{setting: value}),
    ):
        pytest.fail("it started")
    last = (tmp_path / "d" / f"n01-{process}.log").read_text().splitlines()[-1]
    assert last.endswith(f"cannot start: {why}")


def test_names_of_leases_are_red_where_guests_ask_for_addresses(
    trees: Path, tmp_path: Path
) -> None:
    tree = checkout(trees, "dhcp-names")
    with cloud(tmp_path / "c", tree, network="flat-dhcp") as running:
        [broken] = smoke(running.folder, "boots_and_answers", "flat-dhcp")
    with cloud(tmp_path / "d", tree) as running:
        [fine] = smoke(running.folder, "boots_and_answers", "flat")
    assert "the guest has another name than its server" in broken.message
    assert red([fine]) == []


def test_a_checksum_that_v1_never_read_is_red_with_v2_only(trees: Path, tmp_path: Path) -> None:
    tree = tmp_path / "half"
    git(checkout(trees, "trunk"), "worktree", "add", "--detach", str(tree))
    images = tree / "stratus" / "images.py"
    images.write_text(
        images.read_text().replace("hashlib.sha512(request", "hashlib.sha256(request")
    )
    for version, wrong in {"v1": [], "v2": ["has another sha512 than was stored"]}.items():
        with cloud(tmp_path / version, tree, image_api=version) as running:
            found = red(smoke(running.folder, "boots_and_answers"))
        assert [words for words in wrong if words not in found[0].message] == []
        assert len(found) == len(wrong)


@pytest.mark.parametrize(("engine", "at_once"), [("legacy", 1), ("convergence", 2)])
def test_an_engine_keeps_the_order_and_works_on_as_many_as_it_may(
    engine: str, at_once: int
) -> None:
    run = runpy.run_path(str(ENGINES / f"{engine}.py"))["run"]
    requires = {"roof": frozenset({"east", "west"}), "east": frozenset({"floor"})}
    requires |= {"west": frozenset({"floor"}), "floor": frozenset()}
    done: list[str] = []
    busy, most, lock = 0, 0, threading.Lock()

    def work(name: str) -> None:
        nonlocal busy, most
        with lock:
            assert requires[name] <= set(done)
            busy += 1
            most = max(most, busy)
        time.sleep(0.05)
        with lock:
            busy -= 1
            done.append(name)

    run(requires, work)
    assert (done[0], sorted(done[1:3]), done[3], most) == (
        "floor",
        ["east", "west"],
        "roof",
        at_once,
    )

    def fail(name: str) -> None:
        raise ValueError(name)

    with pytest.raises(ValueError, match="floor"):
        run(requires, fail)
