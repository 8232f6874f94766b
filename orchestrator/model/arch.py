"""A reference architecture, expanded over its axes and ready to lease machines for."""

from dataclasses import dataclass, field

Settings = tuple[tuple[str, str], ...]


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
class Budget:
    """How long each stage may take, in seconds."""

    provision: float = 1800
    deploy: float = 1200
    smoke: float = 900
    collect: float = 300


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
    alternatives: tuple[str, ...] = ()
    #: paths of the product (globs) that this arch exercises
    covers: tuple[str, ...] = ()
    #: where it was read, `file:line`
    source: str = ""

    @property
    def hypervisors(self) -> tuple[str, ...]:
        """Return the hypervisors it runs on, sorted: from its axis or its roles' settings."""
        found = {value for key, value in self.axes if key == "hypervisor"}
        for role in self.roles:
            found |= {value for key, value in role.settings if key == "hypervisor"}
        return tuple(sorted(found))
