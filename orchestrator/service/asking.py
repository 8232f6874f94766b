"""What somebody may ask for: in whose name, on which archs, and whose code."""

from dataclasses import replace

from orchestrator.model.access import Asker, Right, Role
from orchestrator.model.errors import Denied
from orchestrator.model.request import Request


def name_of(asker: Asker, written: str) -> str:
    """Return in whose name it is: the asker's own, whatever they write there.

    Whoever has the home's own token is taken at their word: they could write the store itself.
    """
    return asker.name if asker.named else written


def check_trust(asker: Asker, *, trust_code: bool) -> None:
    """Raise `Denied` if they may not let code run on the orchestrator's host."""
    if trust_code and not asker.may(Right.OPERATE):
        raise Denied(
            f"{asker.name} is {asker.role}: only an operator can say --trust-code, since that code "
            "runs on the orchestrator's host"
        )


def allowed(asker: Asker, request: Request) -> Request:
    """Return the request in the asker's own name; raise `Denied` for what they may not ask for."""
    check_trust(asker, trust_code=request.trust_code)
    limited = bool(asker.archs) and asker.role is not Role.LIEUTENANT
    if limited and not request.archs:
        raise Denied(f"this token is for {', '.join(asker.archs)} only: name the archs with --on")
    for arch in request.archs:
        if not asker.may(Right.ASK, arch):
            raise Denied(f"{asker.name} may not ask for {arch}")
    if not asker.named:
        return request
    # A key is only worth something in its own name: nobody is given another's run by guessing.
    key = f"{asker.name}:{request.key}" if request.key else ""
    return replace(
        request,
        requester=asker.name,
        key=key,
        here=request.here or asker.role is Role.VENDOR,
    )
