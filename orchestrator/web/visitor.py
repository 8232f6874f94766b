"""Who looks at a page: the name that it shows, and the proof that a form was sent from one."""

from dataclasses import dataclass

from fastapi import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asked for a page; nobody in particular without a name."""

    name: str = ""
    #: what every form of a page sends back in its field `csrf`; empty: no form is offered
    csrf: str = ""

    @property
    def acts(self) -> bool:
        """Return whether pages offer forms that change something."""
        return bool(self.csrf)


NOBODY = Visitor()


def visitor_of(request: Request) -> Visitor:
    """Return who asks, as the sign-in found out (`request.state.visitor`); else nobody."""
    found = getattr(request.state, "visitor", NOBODY)
    return found if isinstance(found, Visitor) else NOBODY
