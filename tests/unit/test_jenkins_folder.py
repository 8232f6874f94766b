"""jenkins/: the jobs are generated offline; the script asks a real orchestrator's Jenkins face."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from junitparser import JUnitXml

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.unit.web_house import Furnished, furnish

FOLDER = Path(__file__).parents[2] / "jenkins"
SCRIPTS = (FOLDER / "Jenkinsfile", *sorted((FOLDER / "vars").glob("*.groovy")))
#: what the partner driver demands of a job, and what else it says
ORDER = {"RUN_ID", "ARCH", "REPO", "REF", "COMMIT", "CALLBACK_URL"}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Xml.Element]:
    out = tmp_path_factory.mktemp("jobs")
    command = [sys.executable, "-m", "jenkins_jobs", "test", str(FOLDER / "jobs"), "-o", str(out)]
    done = subprocess.run(
        [*command, "--config-xml"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return {p.parent.name: Xml.parse(p).getroot() for p in out.glob("*/config.xml")}  # noqa: S314


def parameters(job: Xml.Element) -> set[str]:
    return {str(p.findtext("name")) for p in job.iter("hudson.model.StringParameterDefinition")}


def test_the_jobs_are_made_without_a_jenkins(jobs: dict[str, Xml.Element]) -> None:
    asks = {"smoketest", "smoketest-kvm-flat", "smoketest-kvm-lefthand"}
    assert set(jobs) == {*asks, "partner-kvm-lefthand"}


def test_no_placeholder_of_the_builder_is_left(jobs: dict[str, Xml.Element]) -> None:
    for job in jobs.values():
        assert not re.search(r"\{\{|\}\}|(?<!\$)\{arch\}", Xml.tostring(job, encoding="unicode"))


def test_a_partners_job_takes_what_the_driver_sends(jobs: dict[str, Xml.Element]) -> None:
    job = jobs["partner-kvm-lefthand"]
    assert parameters(job) == ORDER
    assert job.findtext(".//urlOrId") == "${CALLBACK_URL}"
    assert job.findtext("concurrentBuild") == "true"
    assert job.find(".//hudson.tasks.junit.JUnitResultArchiver") is not None


def test_the_pipeline_and_the_script_are_the_files_themselves(
    jobs: dict[str, Xml.Element],
) -> None:
    assert jobs["smoketest"].findtext(".//script") == (FOLDER / "Jenkinsfile").read_text()
    script = (FOLDER / "resources" / "ask.sh").read_text()
    assert jobs["smoketest-kvm-flat"].findtext(".//hudson.tasks.Shell/command") == script
    assert {"REPO", "REF", "COMMIT", "ARCH"} == parameters(jobs["smoketest-kvm-flat"])


def test_a_wrong_job_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("- job:\n    name: x\n    builders:\n      - shel: ls\n")
    command = [sys.executable, "-m", "jenkins_jobs", "test", str(tmp_path), "-o", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "wrong.yaml:1" in done.stderr


def _groovyc(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    command = ["groovyc", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@cache
def _has_groovy() -> bool:
    """Return whether groovyc is here and finds a Java."""
    return bool(shutil.which("groovyc")) and not _groovyc("--version").returncode


@pytest.fixture
def annotation(tmp_path: Path) -> Path:
    """Give the one class of Jenkins that a Jenkinsfile names while it is compiled."""
    made = tmp_path / "Library.groovy"
    made.write_text("@interface Library { String[] value() }\n")
    return made


@pytest.mark.skipif("not _has_groovy()", reason="groovyc or Java is not installed")
@pytest.mark.parametrize("broken", [False, True], ids=["ours", "broken"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_groovy_takes_our_scripts(
    tmp_path: Path, annotation: Path, path: Path, broken: bool
) -> None:
    script = tmp_path / f"{path.stem}.groovy"
    text = path.read_text()
    script.write_text(text.rstrip().removesuffix("}") if broken else text)
    done = _groovyc("-d", tmp_path / "classes", annotation, script)
    assert (done.returncode != 0) is broken, done.stdout + done.stderr


@contextmanager
def judged(home: Furnished, ruling: Ruling) -> Iterator[None]:
    """Judge whatever is asked for, as soon as it is."""
    over = threading.Event()

    def judge() -> None:
        runs = home.store.runs
        while not over.wait(0.05):
            for cell in (cell for run in runs.runs() for cell in runs.cells(run.id)):
                event = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling)
                if cell.ruling is None:
                    attempt = AttemptId(cell.attempts[-1])
                    home.store.events.append(attempt, [event], SystemClock().now())

    thread = threading.Thread(target=judge, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)


@pytest.mark.parametrize(
    ("ruling", "status"),
    [
        (Ruling(verdict=Verdict.PASSED), 0),
        (Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="no such column"), 1),
        (Ruling(verdict=Verdict.BROKEN, blame=Blame.INFRA, cause="no machine"), 3),
    ],
)
def test_the_script_asks_waits_and_keeps_the_tests(
    tmp_path: Path, ruling: Ruling, status: int
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    with furnish(tmp_path) as home, judged(home, ruling):
        token = home.house.token.reveal()
        environment = {
            "PATH": os.environ["PATH"],
            "SMOKETEST_URL": home.url,
            "SMOKETEST_USER": "jenkins",
            "SMOKETEST_TOKEN": token,
            "ARCH": "kvm-flat",
            "REPO": home.repo,
            "REF": "trunk",
            "RUN_ID": "jenkins-ask-7",
            "POLL_SECONDS": "0.2",
        }
        for _ in range(2):  # the second finds the first one's run
            done = subprocess.run(
                ["sh", str(FOLDER / "resources" / "ask.sh")],
                cwd=work,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == status, done.stdout + done.stderr
            assert token not in done.stdout + done.stderr
        assert len(home.store.runs.runs()) == 1
        (suite,) = JUnitXml.fromstring((work / "smoketest.xml").read_bytes())
        assert suite.name == "kvm-flat"


def test_the_script_says_what_it_lacks(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", str(FOLDER / "resources" / "ask.sh")],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "SMOKETEST_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "SMOKETEST_USER" in done.stderr
