"""The templates of pages, and what they may call."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestrator.model.verdict import ExitStatus
from orchestrator.web import lease_strip, looks, markup, run_rows, squares, strips
from orchestrator.web.lines import groups
from orchestrator.web.timeline import log_of, spans, underway
from orchestrator.web.visits import current

#: what a run's exit status says
EXITS = {
    ExitStatus.PASSED: "every voting cell passed",
    ExitStatus.FAILED: "a voting cell failed",
    ExitStatus.USAGE: "the request or the configuration is wrong",
    ExitStatus.UNDECIDED: "nobody could tell for every voting cell",
    ExitStatus.CANCELLED: "somebody stopped it",
}
#: the pages that every page leads to: address, word, and the template's name
PAGES = (
    ("/", "Matrix", "matrix"),
    ("/ask", "Ask", "ask"),
    ("/queue", "Queue", "queue"),
    ("/nodes", "Machines", "nodes"),
    ("/lieutenants", "Lieutenants", "lieutenants"),
    ("/partners", "Partners", "partners"),
    ("/archs", "Archs", "archs"),
)
_FILTERS = (
    *(looks.face, looks.outcome, looks.span, looks.age, looks.stamp, looks.clock, looks.people),
    *(spans, underway, log_of, groups),
)
#: what is built by functions: it stands on a page hundreds of times
_BUILT = (
    *(markup.badge, markup.moment, squares.squares, squares.trend, run_rows.row),
    *(strips.strip, strips.daily, lease_strip.leases, lease_strip.share),
)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=looks.clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for shown in _FILTERS:
        environment.filters[shown.__name__] = shown
    for built in _BUILT:
        environment.globals[built.__name__] = built
    environment.globals["glyphs"] = markup.GLYPHS
    environment.globals["path"] = looks.path
    environment.globals["visit"] = current
    environment.globals["exits"] = EXITS
    environment.globals["pages"] = PAGES
    environment.globals["visitor"] = None
    return environment


TEMPLATES = _environment()
