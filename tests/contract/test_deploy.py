"""The law of the deploy port, over the Ansible driver and a real OpenSSH server."""

import multiprocessing
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.deploy.ansible import AnsibleDeploy
from orchestrator.drivers.orphans.cookie import CookieOrphans
from orchestrator.model.errors import Cancelled, ConfigError, InfraError, OutOfTime, Unreachable
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import HostResult, PlayResult, TaskOutcome
from orchestrator.ports.clock import Deadline
from tests.contract.playbooks import ATTEMPT, Lab
from tests.contract.procs import command_line, read
from tests.contract.sshd import Sshd, make_key


def wait_for(path: Path) -> None:
    give_up = time.monotonic() + 15
    while not path.exists():
        assert time.monotonic() < give_up, f"{path} never came"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("node") / "sshd")
    yield server
    server.stop()


@pytest.fixture
def lab(tmp_path: Path, sshd: Sshd) -> Iterator[Lab]:
    lab = Lab(tmp_path, sshd)
    yield lab
    lab.close()


def test_a_play_reaches_its_hosts_and_a_repeat_changes_nothing(lab: Lab, tmp_path: Path) -> None:
    made = tmp_path / "made"
    lab.write(f"""
        - name: lay it down
          ansible.builtin.copy:
            content: "{{{{ network_model }}}} {{{{ role }}}} {{{{ groups.compute }}}}"
            dest: {made}
            mode: "0600"
    """)
    host = lab.host(role="compute")
    first, second = lab.run(host), lab.run(host)
    assert first == PlayResult(hosts=(HostResult(host="node1", outcome=TaskOutcome.OK, changed=1),))
    assert second == PlayResult(hosts=(HostResult(host="node1", outcome=TaskOutcome.OK),))
    assert made.read_text() == "vlan compute ['node1']"
    assert lab.told == ["lay it down [node1]"] * 2
    assert "changed: [node1]" not in lab.log()
    assert "ok: [node1]" in lab.log()
    assert sorted(path.name for path in (lab.folder / "ansible").iterdir()) == ["site-1", "site-2"]
    size = sum(path.stat().st_size for path in lab.folder.rglob("*") if path.is_file())
    assert size < 20_000


def test_the_python_on_the_nodes_own_path_is_used(lab: Lab, tmp_path: Path) -> None:
    lab.write(f"""
        - ansible.builtin.setup: {{gather_subset: ["!all", "!min", "python"]}}
        - ansible.builtin.raw: "echo {{{{ ansible_facts.python.executable }}}} > {tmp_path}/python"
    """)
    assert lab.run().ok
    expected = (lab.sshd.folder / "bin" / "python3").resolve()
    assert Path((tmp_path / "python").read_text().strip()).resolve() == expected


FAILURES = {
    "ansible.builtin.fail: {msg: 'column nics.mac_address is missing'}": (
        "column nics.mac_address is missing"
    ),
    "ansible.builtin.shell: echo one >&2; echo two >&2; echo three >&2; exit 3": (
        "two / three (exit status 3)"
    ),
    "ansible.builtin.raw: echo only said; exit 4": "only said (exit status 4)",
    "ansible.builtin.command: /no/such": "Error executing command. / /no/such (exit status 2)",
    "ansible.builtin.fail: {msg: '{{ item }} is bad'}\n  loop: [one, two]": "one is bad",
    "ansible.builtin.debug: {msg: '{{ number.nothing }}'}": "has no attribute 'nothing'",
}
MISTAKES = {
    "ansible.builtin.debug: {msg: '{{ nowhere }}'}": "'nowhere' is undefined",
    "ansible.builtin.debug: {msg: '{{ item }}'}\n  loop: '{{ nowhere }}'": "'nowhere' is undefined",
    "ansible.builtin.debug: {msg: '{{ number | nothing }}'}": "No filter named 'nothing'",
    "ansible.builtin.raw: 'true'\n  failed_when: number": "Conditional result (True)",
    "ansible.builtin.file: {state: touch}": "missing required arguments: path",
    "ansible.builtin.file: {path: /, nothing: 1}": "Unsupported parameters",
    "ansible.builtin.template: {src: nowhere, dest: /}": "Could not find or access 'nowhere'",
    "ansible.builtin.include_role: {name: nowhere}": "the role 'nowhere' was not found",
}


def test_a_failure_names_its_task_and_its_cause(lab: Lab) -> None:
    tasks = [
        f"- name: start {number}\n  {task}\n  when: number == '{number}'\n"
        for number, task in enumerate([*FAILURES, *MISTAKES])
    ]
    lab.write("".join(tasks))
    hosts = lab.run(*(lab.host(f"node{n}", number=str(n)) for n in range(len(tasks)))).hosts
    for number, message in enumerate([*FAILURES.values(), *MISTAKES.values()]):
        host = hosts[number]
        assert host.mistaken == (number >= len(FAILURES)), host
        assert (host.host, host.outcome) == (f"node{number}", TaskOutcome.FAILED)
        assert host.task == f"start {number}"
        assert message in host.message
        assert "\n" not in host.message
        assert any(t.startswith(f"start {number} [{host.host}] failed: ") for t in lab.told)


def test_a_failure_that_the_play_deals_with_is_none(lab: Lab) -> None:
    lab.write("""
        - ansible.builtin.raw: exit 1
          ignore_errors: true
        - block:
            - ansible.builtin.raw: exit 2
          rescue:
            - ansible.builtin.raw: "true"
    """)
    (host,) = lab.run().hosts
    assert (host.outcome, host.task, host.message) == (TaskOutcome.OK, "", "")


def test_hosts_end_each_in_their_own_way(lab: Lab) -> None:
    lab.write("""
        - ansible.builtin.raw: "test {{ inventory_hostname }} != node2"
    """)
    deaf = replace(lab.host("node3"), access=replace(lab.sshd.access(), port=1))
    result = lab.run(lab.host("node1"), lab.host("node2"), deaf)
    assert [(host.host, host.outcome) for host in result.hosts] == [
        ("node1", TaskOutcome.OK),
        ("node2", TaskOutcome.FAILED),
        ("node3", TaskOutcome.UNREACHABLE),
    ]
    assert "Connection refused" in result.hosts[2].message


def test_a_node_with_another_host_key_is_not_talked_to(lab: Lab, tmp_path: Path) -> None:
    made = tmp_path / "made"
    lab.write(f"- ansible.builtin.raw: touch {made}")
    other = make_key(tmp_path / "other")
    (host,) = lab.run(replace(lab.host(), access=lab.sshd.access(other))).hosts
    assert host.outcome is TaskOutcome.UNREACHABLE
    assert "Host key verification failed" in host.message
    assert not made.exists()


@pytest.mark.parametrize(
    "key", ["", "nonsense", "ssh-ed25519 AAAA\n@cert-authority * ssh-ed25519 BBBB", "a b\nc d"]
)
def test_what_is_no_host_key_is_never_trusted(lab: Lab, key: str) -> None:
    lab.write("- ansible.builtin.raw: 'true'")
    access = replace(lab.sshd.access(), host_key=key)
    with pytest.raises(Unreachable, match="which is no host key") as raised:
        lab.run(replace(lab.host(), access=access))
    assert raised.value.node == "node1"


def test_no_secret_is_kept_or_shown(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by a play that prints it, fails with it, and has it in a name."""
    ours, password = secrets.token_hex(16), secrets.token_hex(16) + "{{ x }}"
    monkeypatch.setenv("DATABASE_PASSWORD", ours)
    got, go = tmp_path / "got", tmp_path / "go"
    lab.write(f"""
        - name: "a name with {{{{ password }}}}"
          ansible.builtin.copy: {{content: "{{{{ password }}}}", dest: {got}, mode: "0600"}}
          no_log: true
        - ansible.builtin.debug: {{var: password}}
        - ansible.builtin.raw: "while ! test -e {go}; do sleep 0.1; done"
        - ansible.builtin.fail: {{msg: "it was {{{{ password }}}}, {{{{ password | b64encode }}}}"}}
    """)
    results: list[PlayResult] = []
    thread = threading.Thread(target=lambda: results.append(lab.run(password=password)))
    thread.start()
    wait_for(got)
    time.sleep(0.5)
    seen = b"".join(read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    seen += b"".join(read(Path(f"/proc/{pid}/environ")) for pid in lab.processes())
    seen += b"".join(read(path) for path in lab.folder.rglob("*") if path.is_file())
    go.touch()
    thread.join()
    assert got.read_text() == password
    seen += b"".join(read(path) for path in lab.folder.rglob("*") if path.is_file())
    seen += repr((results, lab.told)).encode()
    assert b"it was ******, ******" in seen
    for text in (password, password[:32], ours):
        assert text.encode() not in seen
    got.unlink()


def test_our_own_environment_stays_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_CHECK_MODE_MARKERS", "True")
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", "/nowhere")
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "minimal")
    lab.write("- ansible.builtin.raw: 'true'")
    assert lab.run().ok
    command = (lab.folder / "ansible" / "site-1" / "command").read_text()
    assert "MARKERS" not in command
    assert "/nowhere" not in command
    assert "minimal" not in command


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "- hosts: all\n  tasks:\n   - name: x\n     nosuch: {}\n",
            "site.yml:3:6: couldn't resolve module",
        ),
        ("- hosts: all\n  tasks:\n   - name: x\n    raw: y\n", "site.yml:4:5: YAML parsing failed"),
        ("- hosts: all\n  roles: [nowhere]\n", "site.yml:2:11: the role 'nowhere' was not found"),
        ("hosts: all\n", "site.yml:1:1: "),
    ],
)
def test_a_play_that_cannot_be_read_is_named_with_its_line(lab: Lab, text: str, words: str) -> None:
    (lab.books / "site.yml").write_text(text)
    with pytest.raises(ConfigError, match=r"site\.yml cannot be run: ") as raised:
        lab.run()
    assert words in str(raised.value)


@pytest.mark.parametrize("name", ["nowhere.yml", "../evidence/x.yml", "/etc/passwd"])
def test_a_play_that_is_not_there_is_a_config_error(lab: Lab, name: str) -> None:
    (lab.folder / "x.yml").touch()
    with pytest.raises(ConfigError, match="there is no play"):
        lab.deploy.run(replace(lab.play(), play=name), lab.told.append, Deadline(SystemClock(), 5))


def slow(lab: Lab, marker: Path) -> None:
    lab.write(f"""
        - ansible.builtin.raw: touch {marker}
        - ansible.builtin.command: sleep 5
        - ansible.builtin.command: sleep 60
    """)


def test_the_deadline_ends_every_process(lab: Lab, tmp_path: Path) -> None:
    slow(lab, tmp_path / "started")
    began = time.monotonic()
    with pytest.raises(OutOfTime):
        lab.run(seconds=3)
    assert time.monotonic() - began < 5
    assert (tmp_path / "started").exists()


def test_no_time_left_runs_nothing(lab: Lab, tmp_path: Path) -> None:
    slow(lab, tmp_path / "started")
    with pytest.raises(OutOfTime):
        lab.run(seconds=0)
    assert not list(lab.folder.iterdir())


def test_a_cancelled_attempt_stops_within_two_seconds(lab: Lab, tmp_path: Path) -> None:
    marker = tmp_path / "started"
    slow(lab, marker)

    def guard() -> None:
        if marker.exists():
            raise Cancelled

    with pytest.raises(Cancelled):
        lab.run_until(Deadline(SystemClock(), 30, guard))
    assert time.time() - marker.stat().st_mtime < 2


def test_whoever_cannot_be_told_stops_the_play(lab: Lab, tmp_path: Path) -> None:
    """A lost lease may show when progress is stored."""
    slow(lab, tmp_path / "started")

    def refuse(text: str) -> None:
        raise Cancelled(text)

    with pytest.raises(Cancelled):
        lab.deploy.run(lab.play(), refuse, Deadline(SystemClock(), 30))


def test_an_ansible_killed_from_outside_is_the_machines_fault(lab: Lab, tmp_path: Path) -> None:
    marker = tmp_path / "started"
    slow(lab, marker)

    def kill() -> None:
        wait_for(marker)
        for pid in lab.processes():
            if "ansible.cli.playbook" in command_line(pid):
                os.kill(pid, signal.SIGKILL)
                return

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(InfraError, match="was killed from outside"):
        lab.run()
    thread.join()


def test_killed_with_its_parent_found_by_its_cookie_and_called_again(
    lab: Lab, tmp_path: Path
) -> None:
    marker = tmp_path / "started"
    slow(lab, marker)
    password = secrets.token_hex(16)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=lab.run, kwargs={"password": password})
    process.start()
    wait_for(marker)
    time.sleep(0.3)
    process.kill()
    process.join()
    CookieOrphans(lab.me).end(ATTEMPT)
    lab.write("- ansible.builtin.raw: 'true'")
    assert lab.run().ok
    kept = b"".join(read(path) for path in lab.folder.rglob("*") if path.is_file())
    assert password.encode() not in kept


def together(number: int, work: Callable[[int], None]) -> float:
    threads = [threading.Thread(target=work, args=(index,)) for index in range(number)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def test_six_plays_side_by_side(lab: Lab, tmp_path: Path) -> None:
    lab.write("""
        - ansible.builtin.raw: "test {{ inventory_hostname }} != node3"
        - ansible.builtin.raw: "sleep 1"
    """)
    ends: dict[int, HostResult] = {}

    def work(index: int) -> None:
        folder = tmp_path / f"evidence-{index}"
        folder.mkdir()
        play = replace(
            lab.play(lab.host(f"node{index}")),
            folder=str(folder),
            attempt=AttemptId(f"{index}/a/1"),
        )
        told: list[str] = []
        (ends[index],) = lab.deploy.run(play, told.append, Deadline(SystemClock(), 60)).hosts
        assert all(f"[node{index}]" in text for text in told)

    together(6, work)
    for index in range(6):
        expected = "exit status 1" if index == 3 else ""
        assert expected in ends[index].message, ends[index]
        assert ends[index].outcome.value == ("failed" if expected else "ok"), ends[index]


def test_a_folder_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too long for SSH's sockets"):
        AnsibleDeploy(tmp_path, "lab", Path("/" + "x" * 50))
