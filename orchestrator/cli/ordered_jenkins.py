"""An order done by a job of the partner's own Jenkins."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from orchestrator.cli.ordered import Done
from orchestrator.model.errors import PartnerSilent
from orchestrator.model.ids import AttemptId
from orchestrator.model.partner import Contract, Order, Sighting, Standing
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.wiring.partners import local_jenkins

CALL_SECONDS = 60.0
LOOK_SECONDS = 2.0
CONSOLE = "partner-console.log"
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Own(Protocol):
    """Where the partner's own Jenkins is."""

    @property
    def jenkins(self) -> str: ...  # noqa: D102

    @property
    def job(self) -> str: ...  # noqa: D102

    @property
    def user(self) -> str: ...  # noqa: D102

    @property
    def api_token(self) -> Secret: ...  # noqa: D102


def run_job(
    own: Own, order: Mapping[str, str], folder: Path, go_on: Callable[[str], bool]
) -> Done | None:
    """Return what the job made of the order; None if `go_on` said to stop.

    Raises `PartnerError`.
    """
    contract = Contract(name="our Jenkins", jobs={order["arch"]: own.job}, url=own.jenkins)
    driver, clock = local_jenkins(contract, own.user, own.api_token)
    wanted, seen = _order(order), Sighting()

    def limit() -> Deadline:
        return Deadline(clock, CALL_SECONDS, what="asking our Jenkins")

    while seen.standing is not Standing.ANSWERED:
        try:
            asked = seen.standing is Standing.ASKED
            seen = driver.start(wanted, limit()) if asked else driver.poll(wanted, seen, limit())
            text = seen.text or seen.url
        except PartnerSilent as silent:
            text = str(silent)
        if not go_on(text):
            driver.cancel(wanted, seen, limit())
            return None
        clock.sleep(LOOK_SECONDS if seen.standing is not Standing.ANSWERED else 0)
    place = folder / _SAFE.sub("_", order["key"])
    answer = driver.fetch(wanted, seen, str(place), limit())
    console = (place / CONSOLE).read_text(errors="replace")
    return Done(
        claim=answer.claim, tests=answer.tests, console=console, files=tuple(answer.artifacts)
    )


def _order(given: Mapping[str, str]) -> Order:
    return Order(
        attempt=AttemptId(given["key"]),
        partner="our Jenkins",
        arch=given["arch"],
        key=given["key"],
        repo=given["repo"],
        ref=given["ref"],
        commit=given["commit"],
        hook="",
        asked_at=datetime.now(UTC),
        due_at=datetime.fromisoformat(given["due_at"]),
    )
