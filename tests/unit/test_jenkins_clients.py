"""Stock Jenkins clients drive us unchanged: trigger, queue, console, result, report, abort."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import api4jenkins
import httpx
import jenkins
import pytest
from jenkinsapi.jenkins import Jenkins as JenkinsApi

from orchestrator.model.access import Role
from tests.unit.jenkins_house import JOB, RED, Face, face


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    with face(tmp_path_factory.mktemp("face")) as made:
        yield made


def eventually(what: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def parameters(ours: Face, key: str) -> dict[str, str]:
    return {"REPO": ours.home.repo, "REF": "trunk", "RUN_ID": key, "UNKNOWN": "dropped"}


def test_python_jenkins(ours: Face) -> None:
    client = jenkins.Jenkins(ours.url, "ann", ours.token, timeout=60)
    assert client.get_whoami()["id"] == "somebody"
    assert client.get_version() == "2.440.3"
    assert JOB in [job["name"] for job in client.get_jobs()]
    assert client.job_exists(JOB)
    assert not client.job_exists("nonsense")
    item = client.build_job(JOB, parameters(ours, "pj"))
    assert client.build_job(JOB, parameters(ours, "pj")) == item, "the key finds the first"
    waiting = client.get_queue_item(item)
    assert (waiting["blocked"], "executable" in waiting) == (True, False)
    assert waiting["why"]
    assert item in [entry["id"] for entry in client.get_queue_info()]
    ours.grant()
    number = client.get_queue_item(item)["executable"]["number"]
    info = client.get_build_info(JOB, number)
    assert (info["building"], info["result"], info["queueId"]) == (True, None, item)
    given = {p["name"]: p["value"] for p in info["actions"][0]["parameters"]}
    assert given["RUN_ID"] == "pj"
    assert "UNKNOWN" not in given


def test_python_jenkins_reads_a_red_build(ours: Face) -> None:
    client = jenkins.Jenkins(ours.url, "ann", ours.token, timeout=60)
    number = client.build_job(JOB, parameters(ours, "pj-red"))
    ours.grant()
    ours.finish(number, red=(RED,))
    info = client.get_build_info(JOB, number)
    assert (info["building"], info["result"]) == (False, "UNSTABLE")
    report = client.get_build_test_report(JOB, number)
    assert (report["failCount"], report["passCount"]) == (1, 6)
    assert "smoke" in client.get_build_console_output(JOB, number)
    (name,) = [entry["relativePath"] for entry in info["artifacts"]]
    assert client.get_build_artifact_as_bytes(JOB, number, name) == b"<testsuites/>"
    assert client.get_job_info(JOB)["lastUnstableBuild"]["number"] == number


def test_python_jenkins_stops_what_it_asked_for(ours: Face) -> None:
    client = jenkins.Jenkins(ours.url, "ann", ours.token, timeout=60)
    other = client.build_job(JOB, parameters(ours, "pj-abort"))
    client.cancel_queue(other)
    assert client.get_queue_item(other)["cancelled"] is True
    third = client.build_job(JOB, parameters(ours, "pj-stop"))
    ours.grant()
    client.stop_build(JOB, third)
    ours.obey(third)
    assert client.get_build_info(JOB, third)["result"] == "ABORTED"
    with pytest.raises(jenkins.JenkinsException, match="401"):
        jenkins.Jenkins(ours.url, "ann", "wrong", timeout=60).get_whoami()


def test_jenkinsapi(ours: Face) -> None:
    client = JenkinsApi(ours.url, username="ann", password=ours.token, timeout=60)
    job = client[JOB]
    asked = job.invoke(build_params=parameters(ours, "ja"))
    assert asked.is_queued()
    ours.grant()
    asked.poll()
    build = asked.get_build()
    assert build.is_running()
    ours.finish(build.get_number())
    assert build.poll()["result"] == "SUCCESS"
    assert build.get_resultset().items()
    assert "verdict judged" in build.get_console()
    names = [artifact.filename for artifact in build.get_artifacts()]
    assert names == ["junit.xml"]
    stopped = job.invoke(build_params=parameters(ours, "ja-stop"))
    ours.grant()
    stopped.poll()
    running = stopped.get_build()
    running.stop()
    ours.obey(running.get_number())
    assert running.poll()["result"] == "ABORTED"


def test_api4jenkins(ours: Face) -> None:
    client = api4jenkins.Jenkins(ours.url, auth=("ann", ours.token))
    item = client.build_job(JOB, **parameters(ours, "a4"))
    assert item.get_build() is None
    ours.grant()
    eventually(item.get_build)
    build = item.get_build()
    assert build.building
    lines = build.progressive_output()
    first = next(iter(lines))
    assert first
    ours.finish(build.number)
    eventually(lambda: not build.building)
    assert build.result == "SUCCESS"
    assert "smoke" in "".join(build.console_text())
    assert build.get_test_report().pass_count == 7
    other = client.build_job(JOB, **parameters(ours, "a4-stop"))
    ours.grant()
    eventually(other.get_build)
    running = other.get_build()
    running.stop()
    ours.obey(running.number)
    assert running.result == "ABORTED"


def test_the_remote_trigger_plugin_as_recorded(ours: Face) -> None:
    """The plugin's own requests, in its order; it keeps our paths and replaces our host."""
    basic = httpx.BasicAuth("ann", ours.token)
    with httpx.Client(auth=basic, trust_env=False, timeout=60) as plugin:
        crumb = plugin.get(
            f"{ours.url}/crumbIssuer/api/xml",
            params={"xpath": 'concat(//crumbRequestField,":",//crumb)'},
        ).text
        job = plugin.get(f"{ours.url}/job/{JOB}/api/json/").json()
        assert any(entry.get("parameterDefinitions") for entry in job["property"])
        assert any(entry.get("parameterDefinitions") for entry in job["actions"])
        started = plugin.post(
            f"{ours.url}/job/{JOB}/buildWithParameters",
            params={**parameters(ours, "prt"), "delay": "0"},
            headers=dict([crumb.split(":")]) | {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"},
        )
        assert (started.status_code, started.content) == (201, b"")
        where = started.headers["location"]
        assert where.endswith("/")
        number = int(where.split("/")[-2])
        item_url = f"{ours.url}/queue/item/{number}/api/json/"
        item = plugin.get(item_url).json()
        assert f"TRACEPARENT=00-{'ab' * 16}" in item["params"], "the trace is joined"
        assert (item["blocked"], item["buildable"], item["_class"][-11:]) == (
            True,
            False,
            "BlockedItem",
        )
        ours.grant()
        item = plugin.get(item_url).json()
        build = urlsplit(item["executable"]["url"]).path
        seen = plugin.get(f"{ours.home.url}{build}api/json/?tree=result,building&seed=1").json()
        assert (seen["building"], seen["result"]) == (True, None)
        assert_the_log_is_told_in_parts(ours, plugin, number, build)
        assert started.headers["x-jenkins"]


def assert_the_log_is_told_in_parts(
    ours: Face, plugin: httpx.Client, number: int, build: str
) -> None:
    where = f"{ours.home.url}{build}"
    log = plugin.get(f"{where}logText/progressiveText?start=0")
    assert log.headers["x-more-data"] == "true"
    assert not log.text.startswith(("[", "{", "null"))
    ours.finish(number)
    rest = plugin.get(
        f"{where}logText/progressiveText", params={"start": log.headers["x-text-size"]}
    )
    assert "x-more-data" not in rest.headers
    assert log.text + rest.text == plugin.get(f"{where}consoleText").text
    seen = plugin.get(f"{where}api/json/?tree=result,building&seed=2").json()
    assert (seen["building"], seen["result"]) == (False, "SUCCESS")


def test_the_remote_trigger_plugin_aborts_as_recorded(ours: Face) -> None:
    """When the asking build is stopped: what waits leaves the queue, what runs is stopped."""
    basic = httpx.BasicAuth("ann", ours.token)
    with httpx.Client(auth=basic, trust_env=False, timeout=60) as plugin:

        def asked(key: str) -> int:
            given = parameters(ours, key)
            started = plugin.post(f"{ours.url}/job/{JOB}/buildWithParameters", params=given)
            return int(started.headers["location"].split("/")[-2])

        waiting = asked("prt-cancel")
        for _ in range(2):
            gone = plugin.post(f"{ours.url}/queue/cancelItem", params={"id": waiting})
            assert gone.status_code == 204
        item = plugin.get(f"{ours.url}/queue/item/{waiting}/api/json/").json()
        assert item["cancelled"] is True
        running = asked("prt-stop")
        ours.grant()
        build = f"{ours.url}/job/{JOB}/{running}"
        stopped = plugin.post(f"{build}/stop")
        assert (stopped.status_code, stopped.headers["location"]) == (302, f"{build}/")
        assert plugin.get(f"{build}/").status_code == 200
        seen = plugin.get(f"{build}/api/json/?tree=result,building&seed=1").json()
        assert (seen["building"], seen["result"]) == (True, None), "it is not over yet"
        ours.obey(running)
        seen = plugin.get(f"{build}/api/json/?tree=result,building&seed=2").json()
        assert (seen["building"], seen["result"]) == (False, "ABORTED")
        log = plugin.get(f"{build}/logText/progressiveText?start=0")
        assert "x-more-data" not in log.headers
        assert plugin.post(f"{build}/stop").status_code == 302, "stopping twice is stopping once"


def test_jenkinsapi_and_api4jenkins_take_what_waits_out_of_the_queue(ours: Face) -> None:
    client = JenkinsApi(ours.url, username="ann", password=ours.token, timeout=60)
    asked = client[JOB].invoke(build_params=parameters(ours, "ja-cancel"))
    client.get_queue().delete_item(asked)
    other = api4jenkins.Jenkins(ours.url, auth=("ann", ours.token))
    item = other.build_job(JOB, **parameters(ours, "a4-cancel"))
    item.cancel()
    third = jenkins.Jenkins(ours.url, "ann", ours.token, timeout=60)
    for number in (asked.queue_id, item.id):
        assert third.get_queue_item(int(number))["cancelled"] is True


def test_the_plugin_with_a_job_s_token_alone(ours: Face) -> None:
    where = f"{ours.url}/buildByToken/buildWithParameters"
    given = {"job": JOB, **parameters(ours, "root")}
    with httpx.Client(trust_env=False, timeout=60) as plugin:
        assert plugin.post(where, params={**given, "token": ours.token}).status_code == 201
        assert plugin.post(where, params={**given, "token": "wrong"}).status_code == 404
        assert plugin.post(where, params=given).status_code == 404
        again = plugin.post(f"{ours.url}//job/{JOB}/buildWithParameters/", data=given)
        assert again.status_code == 401, "nobody in particular may ask for nothing"


def test_jenkins_jobs_updates_lists_and_deletes(ours: Face, tmp_path: Path) -> None:
    operator = ours.another(Role.OPERATOR)
    (tmp_path / "jobs.yaml").write_text(
        f"- job:\n    name: nightly\n    description: each night\n    parameters:\n"
        f"      - string: {{name: ARCH, default: {JOB}}}\n"
        f"      - string: {{name: REPO, default: {ours.home.repo}}}\n"
    )
    settings = tmp_path / "jjb.ini"
    settings.write_text(
        f"[jenkins]\nurl={ours.url}\nuser=op\npassword={operator}\nquery_plugins_info=False\n"
    )

    def jjb(*words: str) -> str:
        command = [sys.executable, "-m", "jenkins_jobs", "--conf", str(settings)]
        done = subprocess.run(
            [*command, "--ignore-cache", *words],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    jjb("update", str(tmp_path / "jobs.yaml"))
    assert "nightly" in jjb("list").split()
    client = jenkins.Jenkins(ours.url, "op", operator, timeout=60)
    item = client.build_job("nightly", {"REF": "trunk"})
    assert client.get_queue_item(item)["task"]["name"] == "nightly"
    client.cancel_queue(item)
    jjb("delete", "nightly")
    assert "nightly" not in jjb("list").split()
    with pytest.raises(jenkins.JenkinsException, match="already exists"):
        client.create_job(JOB, "<project/>")
    mere = jenkins.Jenkins(ours.url, "ann", ours.token, timeout=60)
    with pytest.raises(jenkins.JenkinsException, match="403"):
        mere.create_job("mine", "<project/>")


def test_a_build_that_nobody_could_decide_is_no_unstable_one(ours: Face) -> None:
    client = jenkins.Jenkins(ours.url, "ann", ours.token, timeout=60)
    item = client.build_job(JOB, parameters(ours, "broken"))
    ours.grant()
    ours.breakdown(item)
    info = client.get_build_info(JOB, item)
    assert (info["building"], info["result"]) == (False, "FAILURE")
    assert "did not call home" in info["description"]
    assert client.get_build_test_report(JOB, item) is None


def test_who_may_ask_for_what(ours: Face) -> None:
    narrow = ours.another(archs=("xenserver-flat",))
    client = jenkins.Jenkins(ours.url, "ann", narrow, timeout=60)
    with pytest.raises(jenkins.JenkinsException, match="403"):
        client.build_job(JOB, parameters(ours, "narrow"))
    viewer = jenkins.Jenkins(ours.url, "v", ours.another(Role.VIEWER), timeout=60)
    with pytest.raises(jenkins.JenkinsException, match="403"):
        viewer.build_job(JOB, parameters(ours, "viewer"))
    with httpx.Client(auth=("a", ours.token), trust_env=False, timeout=60) as http:
        wrong = http.post(f"{ours.url}/job/{JOB}/buildWithParameters", data={"REF": "nowhere"})
        assert wrong.status_code == 400
        assert "REPO" in wrong.headers["x-error"]
        bare = http.post(f"{ours.url}/job/{JOB}/build")
        assert (bare.status_code, "buildWithParameters" in bare.headers["x-error"]) == (400, True)
        large = http.post(f"{ours.url}/job/{JOB}/buildWithParameters", data={"REF": "x" * 2**21})
        assert large.status_code == 413
    gate = ours.home.house.gate
    token = gate.all()[0]
    gate.revoke(token.id)
    with pytest.raises(jenkins.JenkinsException, match="401"):
        viewer.get_whoami()
