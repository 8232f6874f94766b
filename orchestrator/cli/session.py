"""What every verb has at hand: the common options, the two consoles, the orchestrator."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from orchestrator.cli import embedded
from orchestrator.cli.client import Client
from orchestrator.cli.decode import encode
from orchestrator.cli.transport import Server
from orchestrator.model.errors import ConfigError

HOME = Path("~/.local/state/smoketest")
_console = partial(Console, highlight=False, markup=False, emoji=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The options of every verb."""

    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout, all else on stderr.")
    ] = False
    server: Annotated[
        str,
        typer.Option(
            "--server",
            metavar="URL",
            envvar="SMOKETEST_SERVER",
            help="The orchestrator to speak to, with the token in SMOKETEST_TOKEN. "
            "Default: the one of --home.",
        ),
    ] = ""
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            metavar="DIR",
            envvar="SMOKETEST_HOME",
            help=f"Where the orchestrator keeps its state. Default: {HOME}",
        ),
    ] = None

    def over(self, outer: "Common | None") -> "Common":
        """Return these options, completed by those given before the verb."""
        if outer is None:
            return self
        return Common(
            as_json=self.as_json or outer.as_json,
            server=self.server or outer.server,
            home=self.home or outer.home,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call of the command line."""

    as_json: bool
    home: Path
    #: stdout: the answer
    out: Console
    #: stderr: everything else
    err: Console
    #: named with --server, or None for the embedded one
    named: Server | None

    @classmethod
    def open(cls, common: Common) -> "Session":
        """Return the session that the options ask for; raise `ConfigError` for a bad address."""
        home = (common.home or HOME).expanduser().absolute()
        return cls(
            as_json=common.as_json,
            home=home,
            out=_console(),
            err=_console(stderr=True),
            named=_named(common.server, home) if common.server else None,
        )

    @property
    def live(self) -> Console:
        """Return the console for progress: never stdout when that carries JSON."""
        return self.err if self.as_json else self.out

    def show(self, value: object, *renderables: RenderableType) -> None:
        """Print `value` as the one JSON object, or else what people read of it."""
        if self.as_json:
            self.out.file.write(encode(value) + "\n")
            return
        for renderable in renderables:
            # A sentence is never broken: whoever pipes it to grep wants it whole.
            self.out.print(renderable, soft_wrap=isinstance(renderable, str | Text))

    def say(self, sentence: str) -> None:
        """Tell a person something beside the answer."""
        self.err.print(sentence, soft_wrap=True)

    def client(self) -> Client:
        """Return the orchestrator, starting the lab in a box if none runs on our home."""
        return Client(self.named or embedded.find_or_start(self.home, self.err).server)

    def found(self) -> Client | None:
        """Return the orchestrator if one runs; nothing is started."""
        running = embedded.find(self.home)
        server = self.named or (running and running.server)
        return Client(server) if server else None

    def reader(self) -> Client:
        """Return the orchestrator for a verb that only reads.

        Raises `ConfigError` when our home is empty: starting something would find nothing.
        """
        if self.named or embedded.find(self.home) or embedded.used(self.home):
            return self.client()
        msg = (
            f"nothing was ever run on {self.home}: type `smoketest run sample@trunk` to begin, "
            "`smoketest up` for the pages, or name a --server"
        )
        raise ConfigError(msg)


def _named(url: str, home: Path) -> Server:
    """Return the server at `url`; our own home's token is shown to our own home's server only."""
    return embedded.server(url, embedded.token_of(home, url))
