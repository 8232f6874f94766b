"""Follow a run to its end, over restarts of the orchestrator."""

import time
from dataclasses import dataclass

from orchestrator.cli.client import Client
from orchestrator.cli.outcome import INTERRUPTED
from orchestrator.cli.progress import progress
from orchestrator.cli.session import Session
from orchestrator.cli.summary import summary
from orchestrator.cli.transport import NoAnswer
from orchestrator.model.run import State
from orchestrator.model.view import RunView

POLL_SECONDS = 0.5
#: a slow answer means a busy server: ask it at most this share of the time
BUSY_SHARE = 0.2
#: how long a restart of the orchestrator may take
PATIENCE_SECONDS = 30.0


def follow(session: Session, client: Client, view: RunView) -> int:
    """Show the run until it is over, then what it came to; return its exit status.

    Ctrl-C leaves the run going, says how to come back and returns `INTERRUPTED`.
    """
    try:
        view = wait(session, client, view)
    except KeyboardInterrupt:
        session.show(view)
        session.say(
            f"run {view.run} goes on: come back with `smoketest watch {view.run}`, "
            f"stop it with `smoketest cancel {view.run}`"
        )
        return INTERRUPTED
    session.show(view, *summary(view, session.out))
    return view.exit or 0


def wait(session: Session, client: Client, view: RunView) -> RunView:
    """Show the run live and return it once it is over."""
    source = _Source(session=session, client=client)
    with progress(session.live) as shown:
        shown.update(view)
        while view.state is not State.DONE:
            view = source.later(view)
            shown.update(view)
    return view


@dataclass(slots=True, kw_only=True)
class _Source:
    """Reads a run again and again; an orchestrator that restarts is waited for and found."""

    session: Session
    client: Client

    def later(self, view: RunView) -> RunView:
        """Return the run as it is a moment later; raise `NoAnswer` when patience is at an end."""
        time.sleep(POLL_SECONDS)
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            asked = time.monotonic()
            try:
                found = self.client.run(view.run)
            except NoAnswer:
                if time.monotonic() > end:
                    raise
                time.sleep(POLL_SECONDS)
                self.client = self.session.found() or self.client
            else:
                time.sleep((time.monotonic() - asked) / BUSY_SHARE)
                return found
