"""The drivers that stages work with, as one value."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.hypervisor import FACES, Login
from orchestrator.model.node import Access
from orchestrator.model.partner import Contract
from orchestrator.model.request import Snapshot
from orchestrator.model.run import Host, Task
from orchestrator.model.secret import Secret
from orchestrator.ports.artifacts import Artifacts
from orchestrator.ports.attest import Canary, Inspects
from orchestrator.ports.boot import Boot
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.console import Console
from orchestrator.ports.deploy import Deploy, Play, PlayHost
from orchestrator.ports.fence import Fence
from orchestrator.ports.files import Files
from orchestrator.ports.hypervisor import Hypervisor
from orchestrator.ports.notify import Notify
from orchestrator.ports.orders import Orders
from orchestrator.ports.orphans import Orphans
from orchestrator.ports.partner import Partner
from orchestrator.ports.power import Power
from orchestrator.ports.shell import Shell
from orchestrator.ports.slots import Slots
from orchestrator.ports.smoke import Smoke
from orchestrator.ports.store import Attestations, Events, Nodes, Queue
from orchestrator.ports.switch import Switch
from orchestrator.ports.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What a stage may use; nodes name their own power, console and boot drivers."""

    clock: Clock
    power: Mapping[str, Power]
    console: Mapping[str, Console]
    boot: Mapping[str, Boot]
    shell: Shell
    canary: Canary
    #: the power drivers that can also tell what a BMC says of itself
    inspects: Mapping[str, Inspects]
    deploy: Deploy
    smoke: Smoke
    notify: tuple[Notify, ...]
    vault: Vault
    artifacts: Artifacts
    orphans: Orphans
    slots: Slots
    queue: Queue
    nodes: Nodes
    attestations: Attestations
    events: Events
    files: Files
    orders: Orders
    #: the lab's partners by name: what was agreed with each, and what reaches it
    contracts: Mapping[str, Contract]
    partners: Mapping[str, Partner]
    #: what the machines' data cards hang on, by name
    switches: Mapping[str, Switch] = field(default_factory=dict)
    #: what speaks to a hypervisor's management interface, by the hypervisor's name
    sessions: Mapping[str, Hypervisor] = field(default_factory=dict)

    def behind(self, fence: Fence) -> "Kit":
        """Return the kit with everything that reaches machines behind the fence."""
        return replace(
            self,
            power=fence.around_all(Power, self.power),
            console=fence.around_all(Console, self.console),
            boot=fence.around_all(Boot, self.boot),
            shell=fence.around(Shell, self.shell),
            canary=fence.around(Canary, self.canary),
            inspects=fence.around_all(Inspects, self.inspects),
            deploy=fence.around(Deploy, self.deploy),
            smoke=fence.around(Smoke, self.smoke),
            switches=fence.around_all(Switch, self.switches),
            sessions=fence.around_all(Hypervisor, self.sessions),
        )

    def standing(self, task: Task) -> Callable[[], None]:
        """Return what raises once the walk is over or taken over; any thread may call it."""
        return lambda: self.queue.guard(task.attempt, task.walk)

    def progress(self, task: Task, stage: Stage) -> Callable[[str], None]:
        """Return what a driver tells its progress to, line by line, while the stage waits."""

        def tell(text: str) -> None:
            event = Event(kind=Kind.PROGRESS, stage=stage, text=text)
            self.events.append(task.attempt, [event], self.clock.now(), walk=task.walk)

        return tell

    def face(self, task: Task, host: Host, access: Access) -> str:
        """Return which hypervisor answers by an interface of its own, empty if none does."""
        roles = {role.name: role for role in task.arch.roles}
        kind = dict(roles[host.lease.role].settings).get("hypervisor", "")
        return kind if access.certificate and kind in self.sessions and kind in FACES else ""

    def faces(self, task: Task) -> Iterator[tuple[Host, Access, str]]:
        """Yield the machines whose hypervisor answers by an interface of its own, and which."""
        for host, access in task.access:
            if kind := self.face(task, host, access):
                yield host, access, kind

    def login(self, task: Task, host: Host, access: Access, deadline: Deadline) -> Login:
        """Return how to log in to a machine's `face`, with the password that it gave itself."""
        face = FACES[self.face(task, host, access)]
        key = self.boot[host.node.boot].key(task.attempt)
        return Login(
            address=access.address,
            port=face.port,
            user=face.user,
            password=Secret(self.shell.run(access, key, face.password, deadline)),
            certificate=access.certificate,
            node=host.node.name,
        )

    def play(self, task: Task, name: str) -> Play:
        """Return playbook `name` for the attempt's hosts, with everything that it may know."""
        roles = {role.name: role for role in task.arch.roles}
        hosts = tuple(
            PlayHost(
                name=host.node.name,
                groups=roles[host.lease.role].groups,
                access=access,
                settings=(("role", host.lease.role), *roles[host.lease.role].settings),
            )
            for host, access in task.access
        )
        return Play(
            attempt=task.attempt,
            play=name,
            hosts=hosts,
            settings=(
                ("attempt_dir", task.folder),
                ("product_archive", task.snapshot.archive),
                ("product_commit", task.snapshot.commit.name),
                ("arch", task.arch.name),
                ("product_others", _others(task.snapshot)),
                ("artifacts", self.artifacts.folder),
                *task.arch.deploy.settings,
            ),
            secrets=(("admin_password", self.vault.one_time(task.attempt, "admin_password")),),
            key=self.boot[task.hosts[0].node.boot].key(task.attempt),
            folder=task.folder,
        )


def _others(snapshot: Snapshot) -> str:
    """Return what is laid down beside the product, in the words of plays."""
    return json.dumps(
        [{"archive": other.archive, "commit": other.commit.name} for other in snapshot.beside]
    )
