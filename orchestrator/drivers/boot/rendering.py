"""Templates of boot scripts and answers; what is wrong with one is told by file and line."""

import traceback
from pathlib import Path

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
)

from orchestrator.model.errors import ConfigError

TEMPLATES = Path(__file__).parent / "templates"


class Templates:
    """A folder of Jinja2 templates for plain text."""

    def __init__(self, folder: Path = TEMPLATES) -> None:
        """Take the folder."""
        self._folder = folder
        self._jinja = Environment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701  # plain text for an installer, not HTML
        )

    def path(self, name: str) -> Path:
        """Return where template `name` is."""
        return self._folder / name

    def fill(self, name: str, **values: object) -> str:
        """Return template `name` filled with `values`; raise `ConfigError` with its line."""
        try:
            return self._jinja.get_template(name).render(**values)
        except TemplateError as error:
            msg = f"{self.path(name)}:{_line(error, name)}: {error}"
            raise ConfigError(msg) from error


def _line(error: TemplateError, name: str) -> int:
    """Return the template's line that Jinja stopped at."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next(
        (frame.lineno or 1 for frame in reversed(frames) if frame.filename.endswith(name)), 1
    )
