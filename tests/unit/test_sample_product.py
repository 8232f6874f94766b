"""The sample product really runs: each branch on each hypervisor and network, by the suite."""

from pathlib import Path

import pytest

from tests.unit.sample_cloud import Cloud, Host, checkout, cloud, git, passed, red, smoke

HYPERVISORS = ("kvm", "xenserver", "hyperv", "vmware")
ONE_HOST = {
    "test_server_boots_and_answers",
    "test_keypair_reaches_the_guest",
    "test_security_group_shuts_and_opens",
    "test_every_network_reaches_its_servers",
    "test_two_nics",
    "test_image_keeps_its_data",
    "test_volume_reaches_the_guest",
    "test_object_comes_back",
}


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trees")


@pytest.mark.parametrize("network", ["flat", "vlan"])
@pytest.mark.parametrize("hypervisor", HYPERVISORS)
def test_trunk_is_green_everywhere(
    trees: Path, tmp_path: Path, hypervisor: str, network: str
) -> None:
    with cloud(tmp_path / "c", checkout(trees, "trunk"), [Host(hypervisor)], network) as running:
        results = smoke(running.folder, model=network)
        definitions = [path.suffix for path in running.folder.glob("data1/definitions/*")]
    assert red(results) == []
    assert passed(results) == ONE_HOST
    assert set(definitions) == {f".{hypervisor}"}


@pytest.mark.parametrize("hypervisor", ["kvm", "vmware"])
def test_multi_nic_is_green_where_the_driver_was_adapted(
    trees: Path, tmp_path: Path, hypervisor: str
) -> None:
    with cloud(tmp_path / "c", checkout(trees, "multi-nic"), [Host(hypervisor)]) as running:
        assert passed(smoke(running.folder)) == ONE_HOST


@pytest.mark.parametrize("hypervisor", ["xenserver", "hyperv"])
def test_multi_nic_is_red_where_the_driver_was_forgotten(
    trees: Path, tmp_path: Path, hypervisor: str
) -> None:
    with cloud(tmp_path / "c", checkout(trees, "multi-nic"), [Host(hypervisor)]) as running:
        results = smoke(running.folder)
        logged = running.log("n01-agent").read_text()
    broken = red(results)
    assert passed(results) == {"test_image_keeps_its_data", "test_object_comes_back"}
    for test in broken:
        assert f"went to ERROR on {hypervisor}: {hypervisor}: instance" in test.message
        assert "has no 'mac_address'" in test.message
    request = broken[0].message.partition("(request ")[2].partition(",")[0]
    line = next(line for line in logged.splitlines() if " ERROR " in line)
    assert f"ERROR stratus.agent [{request}] {hypervisor}: instance 1 has no" in line


def test_networks_are_tunnelled_if_so_set(trees: Path, tmp_path: Path) -> None:
    with cloud(tmp_path / "c", checkout(trees, "trunk"), network="vxlan") as running:
        results = smoke(running.folder, "every_network or two_nics", model="vxlan")
        definition = next(running.folder.glob("data1/definitions/*")).read_text()
    assert passed(results) == {"test_every_network_reaches_its_servers", "test_two_nics"}
    assert 'bridge="vx500' in definition


def test_a_mended_driver_turns_the_column_green(trees: Path, tmp_path: Path) -> None:
    tree = tmp_path / "mended"
    git(checkout(trees, "multi-nic"), "worktree", "add", "--detach", str(tree))
    driver = tree / "stratus" / "drivers" / "xenserver.py"
    old = 'instance["mac_address"].split(",")'
    new = '[card["address"] for card in instance["virtual_interfaces"]]'
    assert old in driver.read_text()
    driver.write_text(driver.read_text().replace(old, new))
    with cloud(tmp_path / "c", tree, [Host("xenserver")]) as running:
        assert passed(smoke(running.folder)) == ONE_HOST


def test_a_driver_that_loses_a_card_is_found_out(trees: Path, tmp_path: Path) -> None:
    tree = tmp_path / "lossy"
    git(checkout(trees, "trunk"), "worktree", "add", "--detach", str(tree))
    driver = tree / "stratus" / "drivers" / "kvm.py"
    driver.write_text(driver.read_text().replace('iterfind(".//interface/mac")', "iterfind('x')"))
    with cloud(tmp_path / "c", tree) as running:
        broken = red(smoke(running.folder, "two_nics"))
    assert [test.name for test in broken] == ["test_servers::test_two_nics"]
    assert "among the NICs" in broken[0].message


@pytest.mark.parametrize(("seed", "green"), [("1", True), ("2", False)])
def test_flaky_volumes_attach_by_chance(
    trees: Path, tmp_path: Path, seed: str, *, green: bool
) -> None:
    tree = checkout(trees, "flaky-volumes")
    with cloud(tmp_path / "c", tree, seed=seed) as running:
        results = smoke(running.folder, "volume")
    assert (red(results) == []) is green
    for test in red(results):
        assert "was not attached: iSCSI login to 10.30.0.3" in test.message
        assert "(HTTP 504, request req-" in test.message


def test_does_not_start_says_why(trees: Path, tmp_path: Path) -> None:
    tree = checkout(trees, "does-not-start")
    with pytest.raises(AssertionError, match="has ended"), cloud(tmp_path / "c", tree):
        pytest.fail("it started")
    last = (tmp_path / "c" / "n01-api.log").read_text().splitlines()[-1]
    why = "cannot start: migration 002_launched.sql failed: no such table: instance"
    assert last.endswith(f" ERROR stratus.api [-] {why}")


def landed(running: Cloud) -> tuple[str, str]:
    """Return the agents' logs."""
    one, two = (running.log(f"{name}-agent").read_text() for name in ("n01", "n02"))
    return one, two


def test_two_hypervisors_in_one_cloud(trees: Path, tmp_path: Path) -> None:
    hosts = [Host("kvm"), Host("xenserver")]
    with cloud(tmp_path / "c", checkout(trees, "trunk"), hosts, "vlan") as running:
        results = smoke(running.folder, "placement")
        assert all("PUT /guests/" in log for log in landed(running))
    assert passed(results) == {"test_every_hypervisor_takes_a_server"}
    assert [test.message for test in results if test.message] == ["this cloud has one zone only"]


def test_two_zones_in_one_cloud(trees: Path, tmp_path: Path) -> None:
    hosts = [Host(zone="zone-a"), Host(zone="zone-b")]
    with cloud(tmp_path / "c", checkout(trees, "trunk"), hosts) as running:
        results = smoke(running.folder, "zone")
        assert all("PUT /guests/" in log for log in landed(running))
    assert passed(results) == {"test_every_zone_takes_a_server"}
