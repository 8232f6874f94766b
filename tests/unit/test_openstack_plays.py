"""The parts of the OpenStack plays that decide something: names, versions, last words, files."""

import importlib.util
import io
import re
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest
from ansible.errors import AnsibleActionFail

from tests.orchestrating import ROOT

PINS = {"nova": "34.0.0", "openstack-placement": "16.0.0"}


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "playbooks" / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archive(folder: Path, **files: str) -> Path:
    path = folder / "tree.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("_", "."))
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_a_release_says_its_version_itself(tmp_path: Path) -> None:
    told = {"setup_cfg": "[metadata]\nname = nova\n", "PKG-INFO": "Name: nova\nVersion: 33.0.2\n"}
    found = load("action_plugins/source_wheels.py").identity(archive(tmp_path, **told), PINS)
    assert found == ("nova", "33.0.2")


@pytest.mark.parametrize(
    "told",
    [
        {"setup_cfg": "[metadata]\nname = nova\n"},
        {"pyproject_toml": '[project]\nname = "nova"\ndynamic = ["version"]\n'},
    ],
)
def test_any_other_commit_comes_after_the_release(tmp_path: Path, told: dict[str, str]) -> None:
    found = load("action_plugins/source_wheels.py").identity(archive(tmp_path, **told), PINS)
    assert found == ("nova", "34.0.1.dev1")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"setup_cfg": "[metadata]\nname = stratus\n"}, "no project of this series"),
        ({"README": "hello"}, "no Python project"),
        ({"pyproject_toml": "[project"}, "does not say what it is"),
        ({"setup_cfg": "[metadata]\nname = ../nova\n"}, "no Python project"),
    ],
)
def test_a_stranger_is_refused(tmp_path: Path, told: dict[str, str], words: str) -> None:
    with pytest.raises(AnsibleActionFail, match=words):
        load("action_plugins/source_wheels.py").identity(archive(tmp_path, **told), PINS)


def test_a_log_says_what_it_came_to(tmp_path: Path) -> None:
    said = load("module_utils/supervised.py").said
    log = tmp_path / "nova-api.log"
    stamp = "2026-11-28 19:23:27.448 21332"
    log.write_text(
        f"{stamp} ERROR nova Traceback (most recent call last):\n"
        f"{stamp} ERROR nova     raise LookupError(\n"
        f"{stamp} ERROR nova LookupError: no section 'osapi_compute'\n"
        f"{stamp} ERROR nova \n"
        "goodbye to uWSGI.\n"
    )
    assert said(log) == "LookupError: no section 'osapi_compute'"
    log.write_text(f"{stamp} INFO nova fine\n{stamp} ERROR nova.service [-] the bus is gone\nbye\n")
    assert said(log) == "the bus is gone"
    log.write_text("first\nlast\n")
    assert said(log) == "last"
    assert said(log, log.stat().st_size) == "it logged nothing"
    assert said(tmp_path / "none.log") == "it logged nothing"


def test_pip_s_complaint_names_what_a_build_lacked() -> None:
    said = (
        "WARNING: Location 'file:///simple/libvirt-python/' is ignored\n"
        "  error: subprocess-exited-with-error\n  \n"
        "  x Getting requirements to build wheel did not run successfully.\n  │ exit code: 1\n"
        "  ╰─> [30 lines of output]\n"
        "      Package 'libvirt', required by 'virtual:world', not found\n"
        "      Command '['pkg-config', '--libs-only-L', 'libvirt']' returned exit status 1.\n"
        "      [end of output]\n  \n"
        "  note: This error originates from a subprocess, and is likely not a problem with pip.\n"
        "x Getting requirements to build wheel did not run successfully.\n│ exit code: 1\n"
        "╰─> See above for output.\n"
    )
    complaint = load("action_plugins/released_wheels.py").complaint
    assert complaint(said).startswith("Command '['pkg-config', '--libs-only-L', 'libvirt']'")
    none = "ERROR: No matching distribution found for nova==99.0\n[notice] A new release of pip\n"
    assert complaint(none) == "ERROR: No matching distribution found for nova==99.0"


def test_a_bus_that_still_starts_is_no_excuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a product that failed while it started would be blamed on the lab."""
    shared = "ansible.module_utils.supervised"
    monkeypatch.setitem(sys.modules, shared, load("module_utils/supervised.py"))
    foundation = load("library/foundation.py")
    refusals = iter(["does not answer (Connection refused)", "does not answer (timed out)", ""])
    monkeypatch.setattr(foundation, "answers", lambda _: next(refusals))
    monkeypatch.setattr(foundation, "over", lambda *_: False)
    bus = {"rabbitmq": "tcp://127.0.0.1:5672"}
    assert foundation.silent(tmp_path, bus, 60) == ""
    monkeypatch.setattr(foundation, "answers", lambda _: "does not answer (Connection refused)")
    monkeypatch.setattr(foundation, "over", lambda *_: True)
    dead = "rabbitmq does not answer (Connection refused): it logged nothing (rabbitmq.log)"
    assert foundation.silent(tmp_path, bus, 60) == dead


def test_files_are_laid_once(tmp_path: Path) -> None:
    files = load("library/lay_files.py")
    path = tmp_path / "etc" / "nova.conf"
    assert not files.same(path, b"x", 0o600)
    files.lay(path, b"x", 0o600)
    assert files.same(path, b"x", 0o600)
    assert not files.same(path, b"x", 0o644)
    assert [found.name for found in path.parent.iterdir()] == ["nova.conf"]


def test_no_list_comes_in_an_order_of_chance() -> None:
    """Ansible makes these by sets: a file that holds such a list would change with the process."""
    by_sets = r"\|\s*(intersect|difference|union|symmetric_difference)\((?![^|]*\|\s*(sort|length))"
    files = [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "playbooks").rglob("*.j2")]
    assert files
    assert [path for path in files if re.search(by_sets, path.read_text(encoding="utf-8"))] == []


def test_the_pins_of_a_series_name_each_distribution_once() -> None:
    for path in (ROOT / "playbooks" / "openstack").glob("*.txt"):
        names = [line.partition("==")[0].lower() for line in path.read_text().splitlines()]
        assert len(names) == len(set(names))
        assert {"nova", "keystone", "glance", "openstack-placement", "neutron", "uv"} <= set(names)
