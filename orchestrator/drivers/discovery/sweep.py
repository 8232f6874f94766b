"""The search itself: so many addresses at a time, each asked by RMCP and by HTTP(S) at once."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

from orchestrator.drivers.discovery import redfish
from orchestrator.drivers.discovery.ipmi import Told, Visit, visit
from orchestrator.drivers.discovery.rmcp import Ears
from orchestrator.drivers.discovery.text import clean
from orchestrator.model.discovery import Finding, IpmiFound, LoginState, Machine, Search
from orchestrator.model.errors import OutOfTime
from orchestrator.model.secret import mask
from orchestrator.ports.children import ChildDied, Children
from orchestrator.ports.clock import Clock, Deadline

Tell = Callable[[int, Finding | None], None]

#: logins at a time, each in a process of its own
_LOGINS = 8
#: seconds that one may take; a user that the BMC does not know is met with silence
_PATIENCE = 15.0


class NetworkDiscovery:
    """Looks for BMCs from this very host."""

    def __init__(self, children: Children, clock: Clock) -> None:
        """Take who runs the logins, and the time."""
        self._children = children
        self._clock = clock

    def search(self, search: Search, tell: Tell) -> None:
        """Ask every address once; `tell` after each how many are done, and what was found."""
        asyncio.run(self._search(search, tell))

    async def _search(self, search: Search, tell: Tell) -> None:
        loop = asyncio.get_running_loop()
        transport, ears = await loop.create_datagram_endpoint(
            lambda: Ears(search.port),
            local_addr=("0.0.0.0", 0),  # noqa: S104  # it only asks
        )
        try:
            await _Walk(self, search, tell, ears).run()
        finally:
            transport.close()

    def visit(self, address: str, search: Search) -> Told:
        """Return what the BMC tells its user, or why it does not; blocks."""
        if search.login is None:
            return Told(login=LoginState.UNTRIED)
        order = Visit(address=address, port=search.port, login=search.login)
        deadline = Deadline(self._clock, _PATIENCE, what=f"the login at {address}")
        try:
            with self._children.start(visit, order) as child:
                return child.result(deadline)
        except OutOfTime:
            return Told(login=LoginState.SILENT)
        except ChildDied as error:
            words = clean(mask(str(error), [search.login.password]))
            return Told(login=LoginState.FAILED, said=words)


class _Walk:
    """One search under way: as many walkers as addresses may be asked at a time."""

    def __init__(self, house: NetworkDiscovery, search: Search, tell: Tell, ears: Ears) -> None:
        self._house = house
        self._search = search
        self._tell = tell
        self._ears = ears
        self._left: Iterator[str] = iter(search.addresses)
        self._logins = asyncio.Semaphore(_LOGINS)
        self._done = 0

    async def run(self) -> None:
        walkers = min(self._search.at_once, len(self._search.addresses))
        async with asyncio.TaskGroup() as group:
            for _ in range(walkers):
                group.create_task(self._go())

    async def _go(self) -> None:
        for address in self._left:
            found = await self._look(address)
            self._done += 1
            self._tell(self._done, found)

    async def _look(self, address: str) -> Finding | None:
        ipmi, (web, machines) = await asyncio.gather(
            self._ears.look(address), redfish.look(address, self._search)
        )
        if not (ipmi or web):
            return None
        if ipmi and ipmi.version == "2.0" and self._search.login:
            ipmi, machine = await self._visit(address, ipmi)
            machines = _together(machines, machine)
        return Finding(address=address, ipmi=ipmi, redfish=web, machines=machines)

    async def _visit(self, address: str, found: IpmiFound) -> tuple[IpmiFound, Machine | None]:
        async with self._logins:
            told = await asyncio.to_thread(self._house.visit, address, self._search)
        return replace(found, login=told.login, said=clean(told.said)), told.machine


def _together(machines: tuple[Machine, ...], other: Machine | None) -> tuple[Machine, ...]:
    """Return what both protocols tell; a controller of several machines answers IPMI for one."""
    if other is None:
        return machines
    if not machines:
        return (other,)
    return (machines[0].over(other),) if len(machines) == 1 else machines
