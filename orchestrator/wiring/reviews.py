"""The review systems of a lab, and what looks after their proposals."""

from orchestrator.config.reviews import Kind, ReviewSystem
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.review.gerrit import Account, GerritSsh, Manner
from orchestrator.drivers.review.gerrit_rest import GerritRest
from orchestrator.drivers.review.github import GitHub
from orchestrator.drivers.review.github_checks import App, Checks
from orchestrator.drivers.review.gitlab import GitLab
from orchestrator.drivers.review.web import Api
from orchestrator.drivers.store.opened import Store
from orchestrator.ports.review import Review
from orchestrator.service.asker import Asker, Rules
from orchestrator.service.desk import Desk
from orchestrator.service.library import Library
from orchestrator.service.reviewing import Reviewing
from orchestrator.wiring.lab import LabParts


def reviewing(lab: LabParts, store: Store, desk: Desk, library: Library) -> Reviewing:
    """Return what looks after proposals; it does nothing until it is told to attend."""
    clock = SystemClock()
    asker = Asker(
        clock=clock,
        reviews=store.reviews,
        desk=desk,
        systems={system.name: _system(system) for system in lab.reviews},
        rules={
            system.name: Rules(
                name=system.name,
                projects=system.projects,
                archs=system.archs,
                forks=system.forks,
            )
            for system in lab.reviews
        },
    )
    return Reviewing(
        clock=clock,
        reviews=store.reviews,
        desk=desk,
        library=library,
        asker=asker,
        pages=lab.url,
    )


def _system(system: ReviewSystem) -> Review:
    projects = tuple(system.projects)
    if system.kind in {Kind.GITHUB, Kind.GITLAB}:
        headers = {"Authorization": f"Bearer {system.password.reveal()}"}
        api = Api(url=system.url, headers=headers)
        if system.kind is Kind.GITLAB:
            return GitLab(
                name=system.name,
                api=api,
                pages=system.pages,
                projects=projects,
                secret=system.secret,
            )
        return GitHub(
            name=system.name,
            api=api,
            pages=system.pages,
            projects=projects,
            secret=system.secret,
            checks=_checks(system),
        )
    manner = Manner(
        name=system.name,
        projects=projects,
        contact=system.contact,
        label=system.label,
        trust=system.trust,
    )
    if system.kind is Kind.GERRIT_REST:
        api = Api(url=system.url, user=system.user, password=system.password)
        return GerritRest(api=api, manner=manner, clock=SystemClock())
    account = Account(
        host=system.host,
        port=system.port,
        user=system.user,
        key=system.key,
        host_key=system.host_key,
    )
    return GerritSsh(account=account, manner=manner, clock=SystemClock())


def _checks(system: ReviewSystem) -> Checks | None:
    """Return what writes check runs, if wished; raise `ConfigError` for a key that cannot sign."""
    if not system.app:
        return None
    app = App(id=system.app, key=system.app_key, url=system.url)
    app.signed(SystemClock().now())
    return Checks(name=system.name, app=app)
