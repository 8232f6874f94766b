"""Operators' local patches: folders of them, read, reported on, and laid on top of a run."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli import references
from orchestrator.cli.client import Body, Client
from orchestrator.cli.durations import counted
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.errors import ConfigError
from orchestrator.model.series import Standing
from orchestrator.model.verdict import ExitStatus
from orchestrator.model.view import PatchesView, PatchView

#: quilt's list of what is laid on top in which order; without it, the files' names say
ORDER = "series"
_SUFFIXES = frozenset({".patch", ".diff"})
_LOOKS = {
    Standing.APPLIES: ("✔", "+", "green"),
    Standing.CONFLICTS: ("✘", "x", "bold red"),
    Standing.UPSTREAM: ("↑", "^", "cyan"),
}


def patches(
    session: Session,
    repo: Annotated[
        str,
        typer.Argument(metavar="REPO[@REF]", help="What they are laid on: alias, folder or URL."),
    ],
    more: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR]...", help="More folders of patches.", show_default=False),
    ] = None,
    *,
    series: Annotated[
        list[Path] | None,
        typer.Option(
            "--series",
            metavar="DIR",
            help="The folder of patches of one operator, who is called by its name; repeatable. "
            "A file `series` in it says their order, else their names do.",
        ),
    ] = None,
    last: Annotated[
        int, typer.Option("--last", min=1, max=100, help="On so many of the newest commits.")
    ] = 5,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 2 if a patch conflicts with the newest.")
    ] = False,
) -> int:
    """Report which local patches of operators apply, conflict, are upstream, or are shared."""
    folders = [*(series or ()), *(more or ())]
    if not folders:
        msg = "name the folders of patches, one for each operator: --series DIR"
        raise ConfigError(msg)
    ref = references.parse(repo)
    body = {"repo": ref.repo, "ref": ref.ref, "last": last, "series": list(map(read, folders))}
    view = _survey(session.client(), body)
    session.show(view, _head(view), "", _grid(view, session.out), "", *_said(view, session.out))
    conflict = any(patch.standing is Standing.CONFLICTS for patch in view.patches)
    return ExitStatus.USAGE if check and conflict else ExitStatus.PASSED


def read(folder: Path) -> dict[str, object]:
    """Return a folder of patches for the API; raise `ConfigError` for what is none."""
    files = _files(folder)
    if not files:
        msg = f"{folder} holds no patch: put them there as *.patch or *.diff"
        raise ConfigError(msg)
    return {"operator": folder.resolve().name, "patches": [patch(path) for path in files]}


def patch(path: Path) -> dict[str, str]:
    """Return a patch file for the API; raise `ConfigError` if it cannot be read."""
    try:
        return {"name": path.name, "text": path.read_bytes().decode()}
    except OSError as error:
        msg = f"the patch {path} cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"the patch {path} is not text: write it with `git diff` or `git format-patch`"
        raise ConfigError(msg) from error


def laid_on(session: Session, client: Client, body: Body, folder: Path) -> Body:
    """Return the request with the folder's patches below its own, without what is upstream."""
    found = read(folder)
    asked = {"repo": body["repo"], "ref": body["ref"], "last": 1, "series": [found]}
    view = _survey(client, asked)
    kept = []
    for patch_, seen in zip(found["patches"], view.patches, strict=True):  # type: ignore[call-overload]
        if seen.standing is Standing.UPSTREAM:
            session.say(f"left out {seen.operator}/{seen.patch}: {seen.because}")
        else:
            kept.append({**patch_, "name": f"{found['operator']}/{patch_['name']}"})
    own = body["patches"]
    return {**body, "patches": [*kept, *(own if isinstance(own, list) else ())]}


def _survey(client: Client, body: Body) -> PatchesView:
    return client.send(PatchesView, "POST", "/api/patches", body)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        msg = f"{folder} is no folder: name the folder that holds one operator's patches"
        raise ConfigError(msg)
    order = folder / ORDER
    if not order.is_file():
        return sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    files = []
    for number, line in enumerate(order.read_text("utf-8", "replace").splitlines(), 1):
        name, *options = line.partition("#")[0].split()[:2] or [""]
        if options and options != ["-p1"]:
            msg = f"{order}:{number}: {options[0]} is not understood; rewrite the patch for -p1"
            raise ConfigError(msg)
        files += [folder / name] if name else []
    return files


def _head(view: PatchesView) -> str:
    newest = view.commits[0]
    on = counted(len(view.commits), "commit")
    head = f"{view.repo}@{view.ref}  {newest.commit}  {newest.subject}".rstrip()
    return f"{head}  (the newest of {on})"


def _grid(view: PatchesView, console: Console) -> Table:
    """Return one row per patch: how it stands on the newest commit, and its way there."""
    made = table("operator", "patch", "stands", "newest to oldest", "also carried by")
    for one in view.patches:
        way = Text()
        for at in one.commits:
            way.append_text(_mark(at.standing, console, word=False))
        made.add_row(
            one.operator,
            one.patch,
            _mark(one.standing, console),
            way,
            ", ".join(one.shared_with) or "-",
        )
    return made


def _said(view: PatchesView, console: Console) -> list[Text]:
    """Return what is to be done, patch by patch, and what several operators carry."""
    lines = []
    for one in view.patches:
        if one.because:
            line = _mark(one.standing, console, word=False)
            since = _since(view, one)
            lines.append(line.append(f" {one.operator}/{one.patch}: {one.because}{since}", "none"))
    for group in view.shared:
        form = "the same change" if group.identical else "versions of one change"
        who = " and ".join(group.operators)
        lines.append(Text(f"= {who} carry {form}: {group.subject} ({', '.join(group.patches)})"))
    return lines


def _since(view: PatchesView, one: PatchView) -> str:
    """Return since which of the surveyed commits a patch conflicts, if it once applied."""
    stands = [at.standing for at in one.commits]
    if one.standing is not Standing.CONFLICTS or Standing.APPLIES not in stands:
        return ""
    first = view.commits[stands.index(Standing.APPLIES) - 1]
    return f" (since {first.commit} {first.subject})".replace(" )", ")")


def _mark(standing: Standing, console: Console, *, word: bool = True) -> Text:
    glyph, ascii_, style = _LOOKS[standing]
    shown = ascii_ if console.options.ascii_only else glyph
    return Text(f"{shown} {standing}" if word else shown, style=style)
