"""What the web hands out and acts on, as one value that every route is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from orchestrator.model.account import Rules
from orchestrator.model.secret import Secret
from orchestrator.ports.answers import Answers
from orchestrator.ports.faults import Faults
from orchestrator.ports.files import Files
from orchestrator.ports.flight import FlightLog
from orchestrator.ports.pasts import Pasts
from orchestrator.ports.store import Events, Offers
from orchestrator.service.accounts import Accounts
from orchestrator.service.bisecting import Bisecting
from orchestrator.service.builds import Builds
from orchestrator.service.carried import CarriedPatches
from orchestrator.service.checkup import Checkup
from orchestrator.service.coverage import Coverage
from orchestrator.service.desk import Desk
from orchestrator.service.door import Door
from orchestrator.service.flipping import Flipping
from orchestrator.service.gate import Gate
from orchestrator.service.inventory import Inventory
from orchestrator.service.ledger import Ledger
from orchestrator.service.library import Library
from orchestrator.service.lieutenancy import Lieutenancy
from orchestrator.service.mailroom import Mailroom
from orchestrator.service.partnership import Partnership
from orchestrator.service.recorder import Recorder
from orchestrator.service.reviewing import Reviewing
from orchestrator.service.watcher import Watcher
from orchestrator.service.windows import Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFiles:
    """An installer's kernel and initial RAM disk, as files of the orchestrator."""

    kernel: Path
    initrd: Path
    #: what else it fetches, by name
    extras: Mapping[str, Path] = field(default_factory=dict)
    licence: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which orchestrator this is: its version, its own id, and the title of its lab."""

    version: str
    orchestrator: str
    lab: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Studies:
    """What draws conclusions from the history."""

    coverage: Coverage
    flipping: Flipping
    bisecting: Bisecting


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """How people come in, and what is written down of what they do."""

    rules: Rules
    accounts: Accounts
    door: Door
    ledger: Ledger
    #: what the tokens in forms are made with
    csrf_key: Secret
    #: where people reach the pages; empty: where they are served
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything behind the pages, the API and the boot server."""

    identity: Identity
    desk: Desk
    carried: CarriedPatches
    studies: Studies
    inventory: Inventory
    checkup: Checkup
    library: Library
    windows: Windows
    mailroom: Mailroom
    watcher: Watcher
    reviewing: Reviewing
    offers: Offers
    events: Events
    files: Files
    #: None for a lab whose machines cannot be told to misbehave
    faults: Faults | None
    #: what nodes are installed with, by the image's name; None for an unknown one
    images: Callable[[str], ImageFiles | None]
    #: the local operator's own
    token: Secret
    #: everybody else's tokens
    gate: Gate
    reception: Reception
    #: what Jenkins clients ask for
    builds: Builds
    partnership: Partnership
    lieutenancy: Lieutenancy
    recorder: Recorder
    #: what the boot server tells attempts' flight logs
    flights: FlightLog
    #: what archs and machines have behind them
    pasts: Pasts
    #: what was answered to writes that came with a key
    answers: Answers


async def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


#: annotate a route's parameter with it to be given the house
Here = Annotated[House, Depends(_house)]
