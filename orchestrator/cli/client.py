"""The HTTP API as functions from values to values."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

from orchestrator.cli.decode import decode
from orchestrator.cli.places import Place
from orchestrator.cli.transport import NoAnswer, Reply, Server, exchange
from orchestrator.model.checkup import NodeTest
from orchestrator.model.errors import Bug, ConfigError, Denied, InfraError, NotFound, SmoketestError
from orchestrator.model.export import Format
from orchestrator.model.verdict import Blame
from orchestrator.model.view import (
    ArchView,
    CellDetail,
    NodeView,
    Owner,
    PlanView,
    RunView,
)

T = TypeVar("T")
Body = Mapping[str, object]

_ERRORS: Mapping[int, type[SmoketestError]] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.UNAUTHORIZED: Denied,
    HTTPStatus.FORBIDDEN: Denied,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What an orchestrator says of itself."""

    status: str
    version: str
    orchestrator: str
    lab: str
    nodes: int


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks to one orchestrator; raises `NoAnswer`, or what the server said was wrong."""

    server: Server

    def health(self) -> Health:
        """Return who answers, and for which lab."""
        return self.send(Health, "GET", "/api/health")

    def ask(self, body: Body) -> RunView:
        """Ask for a run; `body` carries a key, so a lost answer is asked for again."""
        try:
            return self.send(RunView, "POST", "/api/runs", body)
        except NoAnswer:
            return self.send(RunView, "POST", "/api/runs", body)

    def plan(self, body: Body) -> PlanView:
        """Return what the request would do."""
        return self.send(PlanView, "POST", "/api/plan", body)

    def runs(self, repo: str, limit: int) -> tuple[RunView, ...]:
        """Return the newest runs first, of every repository if `repo` is empty."""
        path = f"/api/runs?limit={limit}" + (f"&repo={quote(repo, safe='')}" if repo else "")
        return self.send(tuple[RunView, ...], "GET", path)

    def run(self, run: int) -> RunView:
        """Return the run with every cell in full."""
        return self.send(RunView, "GET", f"/api/runs/{run}")

    def cancel_run(self, run: int) -> RunView:
        """Stop what of the run is not done."""
        return self.send(RunView, "POST", f"/api/runs/{run}/cancel")

    def cell(self, cell: Place) -> CellDetail:
        """Return the cell with its attempts."""
        return self.send(CellDetail, "GET", _path(cell))

    def act(self, cell: Place, action: str, body: Body | None = None) -> CellDetail:
        """Do `cancel`, `recheck`, `promote`, `hold` or `release` to the cell."""
        return self.send(CellDetail, "POST", f"{_path(cell)}/{action}", body)

    def archs(self) -> tuple[ArchView, ...]:
        """Return every arch."""
        return self.send(tuple[ArchView, ...], "GET", "/api/archs")

    def nodes(self) -> tuple[NodeView, ...]:
        """Return every node."""
        return self.send(tuple[NodeView, ...], "GET", "/api/nodes")

    def set_node(self, node: str, action: str, body: Body | None = None) -> tuple[NodeView, ...]:
        """Do `drain` or `restore` to the node and return every node."""
        path = f"/api/nodes/{quote(node, safe='')}/{action}"
        return self.send(tuple[NodeView, ...], "POST", path, body)

    def test_node(self, node: str, *, cycle: bool) -> NodeTest:
        """Put the node to the test; raise `ConfigError` if somebody has it."""
        path = f"/api/nodes/{quote(node, safe='')}/test"
        return self.send(NodeTest, "POST", path, {"cycle": cycle})

    def who(self, subject: str) -> Owner:
        """Return who answers for an arch, a hypervisor or a path."""
        return self.send(Owner, "GET", f"/api/who?subject={quote(subject, safe='')}")

    def export(self, run: int, form: Format) -> str:
        """Return the run in another program's form."""
        reply = exchange(self.server, "GET", f"/api/runs/{run}/export/{form}")
        if not reply.ok:
            raise _refusal(reply, self.server.url)
        return reply.content.decode()

    def send(self, kind: type[T], method: str, path: str, body: Body | None = None) -> T:
        """Return the answer to any request of the API as a value of `kind`."""
        reply = exchange(self.server, method, path, body)
        if not reply.ok:
            raise _refusal(reply, self.server.url)
        try:
            return decode(kind, reply.json())
        except ValueError as error:
            msg = f"what answers at {self.server.url} is no orchestrator: it sent no JSON; check"
            raise ConfigError(f"{msg} --server") from error


def _path(cell: Place) -> str:
    return f"/api/cells/{cell.run}/{quote(cell.arch, safe='')}"


def _refusal(reply: Reply, url: str) -> SmoketestError:
    """Return the error that the server reported, classed as it was there."""
    problem = _problem(reply)
    unknown = f"{url} answered {reply.status} {reply.reason}: is it an orchestrator?"
    sentence = str(problem.get("detail") or problem.get("title") or unknown)
    if reply.status == HTTPStatus.UNAUTHORIZED and "SMOKETEST_TOKEN" not in sentence:
        sentence += "; put your token into SMOKETEST_TOKEN"
    if kind := _ERRORS.get(reply.status):
        return kind(sentence)
    if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return ConfigError(sentence)
    return (InfraError if problem.get("blame") == Blame.INFRA else Bug)(sentence)


def _problem(reply: Reply) -> Mapping[str, object]:
    try:
        found = reply.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
