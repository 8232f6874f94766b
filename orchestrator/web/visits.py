"""A visit: one request, who makes it and from where, and what its forms must bring back."""

import hashlib
import hmac
import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field

from fastapi import Request
from starlette.datastructures import MutableHeaders

from orchestrator.model.access import Asker, Right, Thing, Via
from orchestrator.model.account import Session
from orchestrator.web.house import House
from orchestrator.web.visitor import Visitor

#: the field of a form, and the header of a script, that carry the token
FIELD = "csrf"
HEADER = "X-CSRF-Token"
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A cookie to set, or (without a value) to take away."""

    name: str
    value: str = ""
    seconds: int = 0

    def header(self, *, secure: bool) -> str:
        """Return it as `Set-Cookie` has it: no script sees it, no other site sends it."""
        parts = [f"{self.name}={self.value}", "Path=/", "HttpOnly", "SameSite=Lax"]
        parts.append(f"Max-Age={self.seconds}")
        return "; ".join([*parts, "Secure"] if secure else parts)


@dataclass(slots=True, kw_only=True)
class Visit:
    """Who makes a request; what is set on it goes out with the answer."""

    asker: Asker | None
    address: str
    #: what the session's cookie holds, empty without a session
    shown: str = ""
    session: Session | None = None
    #: what binds the forms of somebody who has no session to their browser
    mark: str = ""
    key: bytes = field(default=b"", repr=False)
    names: "Names"
    secure: bool = False
    cookies: list[Cookie] = field(default_factory=list)
    #: the number of its entry in the ledger, 0 for none
    entry: int = 0
    #: what there is may be seen without signing in
    open: bool = True

    def csrf(self) -> str:
        """Return what a form must bring back; a browser without a session is marked for it."""
        if not self.shown and not self.mark:
            self.mark = secrets.token_urlsafe(24)
            self.cookies.append(Cookie(name=self.names.mark, value=self.mark, seconds=86400))
        bound = f"csrf {self.shown or self.mark}".encode()
        return hmac.new(self.key, bound, hashlib.sha256).hexdigest()

    def brought(self, token: str) -> bool:
        """Return whether that is what a form of ours brings back from this browser."""
        marked = self.shown or self.mark
        return bool(marked) and hmac.compare_digest(self.csrf().encode(), token.encode())

    def enter(self, shown: str, seconds: float) -> None:
        """Let the browser show that from now on."""
        self.cookies.append(Cookie(name=self.names.session, value=shown, seconds=int(seconds)))

    def leave(self) -> None:
        """Take what it shows from the browser."""
        self.cookies.append(Cookie(name=self.names.session))

    def remember(self, state: str) -> None:
        """Let the browser hold the state of a sign-in that goes on elsewhere."""
        self.cookies.append(Cookie(name=self.names.state, value=state, seconds=600))

    def forget(self) -> None:
        """Take that state from the browser."""
        self.cookies.append(Cookie(name=self.names.state))

    def remembered(self, request: Request) -> str:
        """Return the state that the browser holds, empty for none."""
        return request.cookies.get(self.names.state, "")

    def may(self, right: str) -> bool:
        """Return whether whoever looks at the page has the right on something."""
        return self.asker is not None and self.asker.may(Right(right))

    def sees(self, thing: Thing) -> bool:
        """Return whether whoever looks may see that: lists leave out the rest."""
        return self.open or (self.asker is not None and self.asker.reaches(Right.READ, (thing,)))

    @property
    def name(self) -> str:
        """Return whom the page calls by name, empty for nobody."""
        return self.asker.name if self.asker else ""

    def answer(self, headers: MutableHeaders) -> None:
        """Write into the answer's headers what it has to bring."""
        for cookie in self.cookies:
            headers.append("Set-Cookie", cookie.header(secure=self.secure))
        if self.session or self.cookies:
            # what a page shows to one must not be kept for another
            headers["Cache-Control"] = "no-store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What our cookies are called: ports of one host share them, so each lab has its own."""

    session: str
    #: binds the forms of somebody without a session to their browser
    mark: str
    #: of a sign-in that goes on elsewhere
    state: str

    @classmethod
    def of(cls, house: House) -> "Names":
        """Return the names for that house."""
        tail = house.identity.orchestrator
        return cls(
            session=f"smoketest_{tail}",
            mark=f"smoketest_mark_{tail}",
            state=f"smoketest_state_{tail}",
        )


_CURRENT: ContextVar[Visit | None] = ContextVar("visit", default=None)


def keep(request: Request, visit: Visit) -> None:
    """Make it the visit that the request's page is written for."""
    request.state.visit = visit
    _CURRENT.set(visit)
    if visit.asker and visit.asker.via in {Via.SESSION, Via.HOST}:
        # Forms are offered to whoever may act on something; what a form is about decides the rest.
        offered = visit.may(Right.STEER) or visit.may(Right.WAIVE)
        request.state.visitor = Visitor(name=visit.name, csrf=visit.csrf() if offered else "")


def current() -> Visit:
    """Return the visit that a page is being written for; nobody's outside of one."""
    return _CURRENT.get() or Visit(
        asker=None, address="", names=Names(session=_NOBODY, mark=_NOBODY, state=_NOBODY)
    )


def visit_of(request: Request) -> Visit:
    """Return the request's visit."""
    visit: Visit = request.state.visit
    return visit
