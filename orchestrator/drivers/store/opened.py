"""The store, opened: one driver for each noun over one database."""

from dataclasses import dataclass

from orchestrator.drivers.store.accounts import Changes, Sessions, Users
from orchestrator.drivers.store.answers import Answers
from orchestrator.drivers.store.attestations import Attestations
from orchestrator.drivers.store.board import Board
from orchestrator.drivers.store.database import Database
from orchestrator.drivers.store.deliveries import Deliveries
from orchestrator.drivers.store.events import Events
from orchestrator.drivers.store.experience import Experiences
from orchestrator.drivers.store.items import Items
from orchestrator.drivers.store.matrix import Matrix
from orchestrator.drivers.store.nodes import Nodes
from orchestrator.drivers.store.notices import Notices
from orchestrator.drivers.store.offers import Offers
from orchestrator.drivers.store.orders import Orders
from orchestrator.drivers.store.pasts import Pasts
from orchestrator.drivers.store.queue import Queue
from orchestrator.drivers.store.reviews import Reviews
from orchestrator.drivers.store.runs import Runs
from orchestrator.drivers.store.together import Together
from orchestrator.drivers.store.tokens import Tokens
from orchestrator.drivers.store.waivers import Waivers
from orchestrator.drivers.store.watches import Watches
from orchestrator.drivers.store.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Everything that the orchestrator remembers."""

    database: Database
    runs: Runs
    matrix: Matrix
    events: Events
    queue: Queue
    nodes: Nodes
    attestations: Attestations
    offers: Offers
    experiences: Experiences
    orders: Orders
    notices: Notices
    watches: Watches
    workers: Workers
    deliveries: Deliveries
    tokens: Tokens
    users: Users
    sessions: Sessions
    changes: Changes
    items: Items
    reviews: Reviews
    pasts: Pasts
    waivers: Waivers
    board: Board
    answers: Answers


def open_store(url: str) -> Store:
    """Return the store at `url` (`sqlite:///...` or `postgresql://...`), its schema up to date.

    Raises `ConfigError` for a URL that names no database, `Bug` if the database does not answer.
    """
    database = Database(url)
    database.migrate()
    together = Together(database)
    return Store(
        database=database,
        runs=Runs(database),
        matrix=Matrix(database),
        events=Events(database, together),
        queue=Queue(database, together),
        nodes=Nodes(database),
        attestations=Attestations(database),
        offers=Offers(database),
        experiences=Experiences(database),
        orders=Orders(database),
        notices=Notices(database),
        watches=Watches(database),
        workers=Workers(database),
        deliveries=Deliveries(database),
        tokens=Tokens(database),
        users=Users(database),
        sessions=Sessions(database),
        changes=Changes(database),
        items=Items(database),
        reviews=Reviews(database),
        pasts=Pasts(database),
        waivers=Waivers(database),
        board=Board(database),
        answers=Answers(database),
    )
