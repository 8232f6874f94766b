"""Our Jenkins face over a house in which a test plays the machines."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from orchestrator.model.access import Role
from orchestrator.model.errors import ProductFailed
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.service.gate import Wish
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import NEVER_ARRIVED, Scene

JOB = "kvm-flat"
RED = "test_two_nics"


@dataclass
class Face:
    """The address that clients are given, a token for them, and the hands on the machines."""

    home: Furnished
    scene: Scene
    token: str

    @property
    def url(self) -> str:
        """Return the address of our Jenkins."""
        return f"{self.home.url}/jenkins"

    def grant(self) -> None:
        """Give machines to whatever waits."""
        self.scene.now = max(self.scene.now, self.home.clock.now())
        self.scene.grant()

    def finish(self, number: int, red: Sequence[str] = ()) -> None:
        """Do the work of a build; red tests fail it."""
        attempt = f"{number}/{JOB}/1"
        self.scene.provision(attempt, seconds=0.1)
        self.scene.deploy(attempt)
        self.scene.smoke(attempt, red=red, message="the second NIC never answered")
        folder = self.home.files / attempt
        folder.mkdir(parents=True)
        (folder / "junit.xml").write_text("<testsuites/>")
        failed = Ruling(
            verdict=ProductFailed.verdict,
            blame=Blame.PRODUCT,
            cause="the second NIC never answered",
        )
        self.scene.judge(attempt, failed if red else Ruling(verdict=Verdict.PASSED))

    def breakdown(self, number: int) -> None:
        """Break a build, for good."""
        broken = Ruling(verdict=Verdict.BROKEN, blame=Blame.INFRA, cause=NEVER_ARRIVED)
        self.scene.judge(f"{number}/{JOB}/1", broken)

    def obey(self, number: int) -> None:
        """End a build that somebody stopped, as the flow does."""
        attempt = f"{number}/{JOB}/1"
        stopped = Event(kind=Kind.FAILED, stage=Stage.DEPLOY, text=f"somebody stopped {attempt}")
        self.scene.tell(attempt, stopped)
        self.scene.judge(attempt, Ruling(verdict=Verdict.CANCELLED, cause="somebody stopped it"))

    def another(self, role: Role = Role.DEVELOPER, **wish: object) -> str:
        """Return a new token."""
        wanted = Wish(role=role, note="somebody", days=1, **wish)  # type: ignore[arg-type]
        return self.home.house.gate.give(wanted)[1].reveal()


@contextmanager
def face(folder: Path) -> Iterator[Face]:
    """Yield our Jenkins over a house in `folder`."""
    with furnish(folder) as home:
        made = Face(home=home, scene=Scene(home, home.clock.now() - timedelta(hours=1)), token="")
        made.token = made.another()
        yield made
