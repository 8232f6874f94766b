"""A reference architecture, expanded over its axes and ready to lease machines for."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from orchestrator.model.existence import Existence
from orchestrator.model.installing import Answer

Settings = tuple[tuple[str, str], ...]

#: in place of a partner's name: whoever of the lab's partners takes the arch
ANY: Final = "any"


class Means(StrEnum):
    """By what a cell is decided, from the real thing down."""

    #: the lab's own machines
    HARDWARE = "hardware"
    #: somebody else's lab
    PARTNER = "partner"
    #: the lab's own machines, with a simulator in place of what they lack
    SIMULATOR = "simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One way to decide a cell, and what the arch needs more when it goes this way."""

    means: Means
    #: who is asked; empty unless by a partner
    partner: str = ""
    #: (role, what each of its machines must have besides)
    needs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    semaphores: tuple[str, ...] = ()
    #: variables of the deploy, over the arch's own
    settings: Settings = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A part that some of the nodes play: how many, what they must have, how they are installed."""

    name: str
    count: int
    #: capabilities that each node must have
    needs: frozenset[str]
    #: name of the image to install, e.g. `debian-12`
    install: str
    #: Ansible groups that the role's hosts join
    groups: tuple[str, ...]
    #: Ansible host variables of the role's hosts
    settings: Settings = ()
    #: what it asks of the install
    answers: tuple[Answer, ...] = ()
    #: where it was read, `file:line`
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """The play that lays the product down, and its variables."""

    play: str
    settings: Settings = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoke:
    """The suite that is run against the deployed cloud, and which of its tests (`-k` form)."""

    suite: str
    tests: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """What a stage may take at least, in seconds, however fast it usually is."""

    provision: float | None = None
    deploy: float | None = None
    smoke: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long each stage may take at most, in seconds; less where it is known to take less."""

    provision: float = 1800
    deploy: float = 1200
    smoke: float = 900
    collect: float = 300
    #: by default a fifth of the most
    least: Least = Least()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arch:
    """One column of the matrix."""

    name: str
    summary: str
    roles: tuple[Role, ...]
    deploy: Deploy
    smoke: Smoke
    axes: Settings = ()
    voting: bool = True
    lieutenants: tuple[str, ...] = ()
    semaphores: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)
    #: ways to decide a cell, in the order of trying; empty: on the lab's own machines
    alternatives: tuple[Alternative, ...] = ()
    #: only hardware, here or at a partner's, can turn it green
    hardware: bool = False
    #: paths of the product (globs) that this arch exercises
    covers: tuple[str, ...] = ()
    #: where the product keeps its drivers (globs, `!` takes out): each owes that an arch covers it
    drivers: tuple[str, ...] = ()
    #: None: for every commit
    exists: Existence | None = None
    #: the repositories that it deploys, by the last word of their path; empty: any
    projects: tuple[str, ...] = ()
    #: where it was read, `file:line`
    source: str = ""

    @property
    def hypervisors(self) -> tuple[str, ...]:
        """Return the hypervisors it runs on, sorted: from its axis or its roles' settings."""
        found = {value for key, value in self.axes if key == "hypervisor"}
        for role in self.roles:
            found |= {value for key, value in role.settings if key == "hypervisor"}
        return tuple(sorted(found))

    @property
    def networks(self) -> tuple[str, ...]:
        """Return the network models it uses, sorted: from its axis or its deploy's settings."""
        found = {value for key, value in self.axes if key == "network"}
        found |= {value for key, value in self.deploy.settings if key == "network_model"}
        return tuple(sorted(found - {"none"}))

    @property
    def ways(self) -> tuple[Alternative, ...]:
        """Return the alternatives, or the one that every arch has."""
        return self.alternatives or (Alternative(means=Means.HARDWARE),)

    def by(self, way: int) -> "Arch":
        """Return what is leased and deployed when it goes its alternative number `way`.

        A partner's cell has no roles: it takes no machine of ours.
        """
        chosen = self.ways[way]
        if chosen.means is Means.PARTNER:
            return replace(self, roles=(), semaphores=chosen.semaphores)
        if chosen == Alternative(means=chosen.means):
            return self
        more = dict(chosen.needs)
        settings = dict(self.deploy.settings) | dict(chosen.settings)
        return replace(
            self,
            roles=tuple(
                replace(role, needs=role.needs | frozenset(more.get(role.name, ())))
                for role in self.roles
            ),
            semaphores=(*self.semaphores, *chosen.semaphores),
            deploy=replace(self.deploy, settings=tuple(settings.items())),
        )
