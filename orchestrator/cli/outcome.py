"""The one place where what happened becomes an exit status and a sentence."""

import sys
import tempfile
import traceback
from collections.abc import Sequence

import typer

from orchestrator.cli.decode import encode
from orchestrator.model.errors import SmoketestError
from orchestrator.model.verdict import Blame, ExitStatus, Ruling, exit_status

#: what a shell reports for Ctrl-C, and for a reader that left the pipe
INTERRUPTED = 130
PIPE_CLOSED = 141


def carry_out(program: typer.Typer, arguments: Sequence[str]) -> int:
    """Run the program and return its exit status; nothing escapes as a traceback.

    With `--json` among the arguments, stdout gets one object for a failure, too.
    """
    as_json = "--json" in arguments
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        command = typer.main.get_command(program)
        status = command.main(list(arguments), prog_name="smoketest", standalone_mode=False)
    except SmoketestError as error:
        ruling = Ruling(verdict=error.verdict, blame=error.blame)
        return _tell(str(error), exit_status((ruling,)), error.blame, as_json=as_json)
    except typer.TyperException as error:
        return _tell(_usage(error), ExitStatus.USAGE, Blame.CONFIG, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit:
        return PIPE_CLOSED
    except Exception:  # noqa: BLE001  # the one catch: a bug is not a verdict on a product
        return _tell(_bug(), ExitStatus.UNDECIDED, Blame.ORCHESTRATOR, as_json=as_json)
    return int(status or 0)


def _tell(sentence: str, status: ExitStatus, blame: Blame, *, as_json: bool) -> int:
    sentence = " ".join(sentence.split())
    print(f"smoketest: {sentence}", file=sys.stderr)
    if as_json:
        problem = {"sentence": sentence, "blame": blame, "exit": int(status)}
        print(encode({"error": problem}))
    return int(status)


def _usage(error: typer.TyperException) -> str:
    """Return what is wrong with the arguments, and which help to read."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "smoketest"
    return f"{error.format_message().rstrip('.')}; see `{command} --help`"


def _bug() -> str:
    """Keep the traceback of the exception being handled and return a sentence about it."""
    error = sys.exc_info()[1]
    with tempfile.NamedTemporaryFile(
        "w", prefix="smoketest-bug-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exc(file=file)
    return f"this is a bug of ours ({type(error).__name__}: {error}); please send us {file.name}"
