"""Partners over HTTP: the scoreboard, tokens, call-backs, and what those bring who come to us."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field, TypeAdapter, ValidationError

from orchestrator.model.access import Role, Thing, Token
from orchestrator.model.flight import Track
from orchestrator.model.partner import Answer, Artifact, Claim, Order
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.secret import MASK
from orchestrator.model.view import PartnerView
from orchestrator.service.gate import Wish
from orchestrator.web.admission import AskerHere, VisitHere
from orchestrator.web.bodies import Body, Sentence, Word
from orchestrator.web.house import Here, House
from orchestrator.web.visits import Visit

reads = APIRouter(prefix="/api")
writes = APIRouter(prefix="/api")
#: what partners themselves use
theirs = APIRouter(include_in_schema=False)

#: bytes of a result, with its console, and of a call-back
LARGEST_RESULT = 8 << 20
LARGEST_CALL = 1 << 16


class TokenBody(Body):
    """What a new token is to be good for."""

    role: Role
    note: Sentence = ""
    days: Annotated[float, Field(gt=0)] = 90
    partner: Annotated[str, Field(max_length=200)] = ""
    archs: Annotated[tuple[Word, ...], Field(max_length=1000)] = ()
    #: whose it is: empty is the lab's for an admin, and one's own for everybody else
    user: Annotated[str, Field(max_length=200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A new token, and what opens: shown this once."""

    token: Token
    opens: str


class WorkerBody(Body):
    """A partner's worker that asks for work."""

    worker: Word
    public_key: Word


class ProgressBody(Body):
    """How far a worker is."""

    key: Word
    worker: Word
    text: Sentence = ""


class TestBody(Body):
    """One test's outcome."""

    name: Sentence
    outcome: Outcome
    seconds: Annotated[float, Field(ge=0)] = 0
    message: Sentence = ""


class FileBody(Body):
    """A file that the partner keeps."""

    name: Sentence
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ResultBody(Body):
    """A result, as it is signed."""

    key: Word
    commit: Word
    claim: Claim
    tests: Annotated[tuple[TestBody, ...], Field(max_length=20_000)] | None
    artifacts: Annotated[tuple[FileBody, ...], Field(max_length=1000)] = ()
    console: Annotated[str, Field(max_length=1_000_000)] = ""

    def answer(self) -> Answer:
        """Return it as a stage weighs it."""
        return Answer(
            claim=self.claim,
            tests=None
            if self.tests is None
            else tuple(TestResult(**test.model_dump()) for test in self.tests),
            artifacts=tuple(Artifact(**file.model_dump()) for file in self.artifacts),
            key=self.key,
            commit=self.commit,
        )


_RESULT = TypeAdapter(ResultBody)


def board_for(visit: Visit, house: House) -> tuple[PartnerView, ...]:
    """Return the partners that the visitor may see."""
    board = house.partnership.board()
    return tuple(one for one in board if visit.sees(Thing(partners=frozenset({one.name}))))


@reads.get("/partners")
def partners(house: Here, visit: VisitHere) -> tuple[PartnerView, ...]:
    """Return the partners, and how they keep to what was agreed; a vendor's own to a vendor."""
    return board_for(visit, house)


@reads.get("/partners/{name}")
def partner(house: Here, name: str) -> PartnerView:
    """Return one partner."""
    return house.partnership.one(name)


@writes.get("/tokens")
def tokens(house: Here, asker: AskerHere) -> tuple[Token, ...]:
    """Return one's own tokens, every one for an admin; without what opens."""
    return house.gate.shown_to(asker)


@writes.post("/tokens", status_code=HTTPStatus.CREATED)
def add_token(house: Here, asker: AskerHere, body: TokenBody) -> Given:
    """Make a token; what opens is in this answer and nowhere else."""
    wish = Wish(
        role=body.role,
        note=body.note,
        days=body.days,
        partner=body.partner,
        archs=body.archs,
        user=body.user,
    )
    token, opens = house.gate.give_to(asker, wish)
    return Given(token=token, opens=opens.reveal())


@writes.post("/tokens/{token}/revoke")
def revoke_token(house: Here, asker: AskerHere, token: str) -> Token:
    """Make a token worth nothing."""
    return house.gate.revoke_for(asker, token)


@theirs.post("/hook/{hook}")
async def call_back(house: Here, hook: str, request: Request) -> Response:
    """Take a partner's call-back, whatever it says: its order is looked into at once.

    What Jenkins' notification plugin gets as an answer it never looks at, nor sends again.
    """
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > LARGEST_CALL:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a call-back is short")
    house.partnership.called(hook)
    if record := house.partnership.orders.by_hook(hook):
        said = f"it called back: {text.decode(errors='replace')}".replace(hook, MASK)
        house.flights.tell(record.order.attempt, Track.PARTNER, "", said)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@theirs.post("/api/partner/next")
def next_order(house: Here, asker: AskerHere, body: WorkerBody) -> Response:
    """Give the worker an order, or 204."""
    order = house.partnership.next(asker, body.worker, body.public_key)
    if order is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    _told_of(house, order, f"its worker {body.worker} took the order: {json.dumps(_told(order))}")
    return JSONResponse(_told(order))


@theirs.post("/api/partner/progress")
def progress(house: Here, asker: AskerHere, body: ProgressBody) -> dict[str, bool]:
    """Take how far the worker is; say whether it is to go on."""
    on = house.partnership.progress(asker, body.key, body.worker, body.text)
    order = house.partnership.deliveries.find(body.key).order
    _told_of(house, order, f"its worker {body.worker} says: {body.text}")
    return {"go_on": on}


@theirs.post("/api/partner/result")
async def result(
    house: Here,
    asker: AskerHere,
    request: Request,
    x_smoketest_signature: Annotated[str, Header()] = "",
) -> dict[str, bool]:
    """Take a signed result; say whether it is the first for its order."""
    message = b""
    async for part in request.stream():
        message += part
        if len(message) > LARGEST_RESULT:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "at most 8 MiB is taken")
    try:
        body = _RESULT.validate_json(message)
    except ValidationError as error:
        said = json.loads(error.json(include_url=False, include_input=False))[0]
        where = ".".join(map(str, said["loc"]))
        detail = f"{where}: {said['msg']}"
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, detail) from error
    signed = (message, x_smoketest_signature.removeprefix("ed25519="))
    first = house.partnership.deliver(asker, body.key, signed, (body.answer(), body.console))
    brought = f"it brought its result, signed: {body.claim}, {len(body.tests or ())} tests"
    order = house.partnership.deliveries.find(body.key).order
    _told_of(house, order, brought if first else f"{brought}; it had brought one before")
    return {"first": first}


def _told_of(house: Here, order: Order | None, text: str) -> None:
    """Keep what a partner that comes to us did about an order, in its attempt's flight log."""
    if order is not None:
        house.flights.tell(order.attempt, Track.PARTNER, "", text)


def _told(order: Order) -> dict[str, str]:
    """Return what a worker needs to know of an order."""
    return {
        "key": order.key,
        "arch": order.arch,
        "repo": order.repo,
        "ref": order.ref,
        "commit": order.commit,
        "due_at": order.due_at.isoformat(),
    }
