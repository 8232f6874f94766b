"""A grammar for XML answers: which elements stand where, how often, and what they hold.

The installers' makers publish prose, no schema that may be shipped; the grammars of this package
say what we write of it. What is not in one is refused, so that a slip in a template is found here
and not by an installer at night.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

_MANY = 1000


@dataclass(slots=True, kw_only=True)
class Element:
    """An element as it was written."""

    name: str
    line: int
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What an element may be."""

    #: what its text must be, as a whole; elements that hold others have none
    text: str = r"\s*"
    #: required attributes
    attributes: Mapping[str, str] = field(default_factory=dict)
    #: attributes that may be left out
    options: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, "Child"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """How often an element stands in another."""

    form: Form
    least: int = 1
    most: int = 1


def one(form: Form) -> Child:
    """Return an element that must be there, once."""
    return Child(form=form)


def maybe(form: Form) -> Child:
    """Return an element that may be there, once."""
    return Child(form=form, least=0)


def some(form: Form, least: int = 1) -> Child:
    """Return an element that is there as often as one likes."""
    return Child(form=form, least=least, most=_MANY)


def words(pattern: str) -> Form:
    """Return an element with a text and nothing else."""
    return Form(text=pattern)


def faults(text: str, root: str, form: Form) -> tuple[str, ...]:
    """Return what is wrong with the document, `LINE: sentence` each; nothing if it may be used."""
    found = read(text)
    if isinstance(found, str):
        return (found,)
    if found.name != root:
        return (f"{found.line}: begins with <{found.name}>, not with <{root}>",)
    return check(found, form)


def read(text: str) -> Element | str:
    """Return the document's first element, or what makes it none, `LINE: sentence`."""
    reader = _Reader()
    try:
        reader.parser.Parse(text, True)  # noqa: FBT003  # expat's own form
    except expat.ExpatError as error:
        return f"{error.lineno}: is no XML: {expat.ErrorString(error.code)}"
    return reader.top.children[0]


def check(element: Element, form: Form) -> tuple[str, ...]:
    """Return what is wrong with an element and all in it, `LINE: sentence` each."""
    return tuple(_check(element, form))


class _Reader:
    """Builds elements that know their lines."""

    def __init__(self) -> None:
        self.top = Element(name="", line=0, attributes={})
        self._open = [self.top]
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        made = Element(name=name, line=line, attributes=attributes)
        self._open[-1].children.append(made)
        self._open.append(made)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text


def _check(element: Element, form: Form) -> Iterator[str]:
    at = f"{element.line}: <{element.name}>"
    if not re.fullmatch(form.text, element.text, re.DOTALL):
        yield f"{at} holds {element.text.strip()!r}, which it cannot"
    yield from _attributes(element, form, at)
    counts = Counter(child.name for child in element.children)
    for name, child in form.children.items():
        if not child.least <= counts[name] <= child.most:
            yield f"{at} has {counts[name]} of <{name}>, not {child.least} to {child.most}"
    for below in element.children:
        known = form.children.get(below.name)
        if known is None:
            yield f"{below.line}: <{below.name}> has no place in <{element.name}>"
        else:
            yield from _check(below, known.form)


def _attributes(element: Element, form: Form, at: str) -> Iterator[str]:
    patterns = {**form.attributes, **form.options}
    for name in form.attributes.keys() - element.attributes.keys():
        yield f"{at} lacks {name}="
    for name, value in element.attributes.items():
        if name not in patterns:
            yield f"{at} has the unknown attribute {name}="
        elif not re.fullmatch(patterns[name], value):
            yield f"{at} has {name}={value!r}, which it cannot"
