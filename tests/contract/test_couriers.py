"""The law of couriers, over mail (a real SMTP server), webhooks and apprise."""

import base64
import email
import json
import secrets
from dataclasses import replace
from email.policy import default

import pytest
from standardwebhooks import Webhook as Reference

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.notify import outward
from orchestrator.drivers.notify.chat import Chat
from orchestrator.drivers.notify.mail import Mail
from orchestrator.drivers.notify.webhook import Webhook
from orchestrator.model.errors import ConfigError, OutOfTime, Refused, Undelivered
from orchestrator.model.notice import Moment
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.notify import Courier
from tests.contract.telling import PAGES, change, mail_server, message, receiver


def soon(seconds: float = 20) -> Deadline:
    return Deadline(SystemClock(), seconds)


def mail(port: int, **changes: object) -> Mail:
    values: dict[str, object] = {"sender": "ci@example.com", "starttls": False, "url": PAGES}
    return Mail(server="127.0.0.1", port=port, **(values | changes))  # type: ignore[arg-type]


def hook(url: str, **changes: object) -> Webhook:
    secret = Secret(f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}")
    values: dict[str, object] = {"secret": secret, "inside": True}
    return Webhook(url=Secret(url), pages=PAGES, **(values | changes))  # type: ignore[arg-type]


def test_a_mail_says_what_changed_and_where_to_look() -> None:
    with mail_server() as box:
        sent = message()
        mail(box.port).deliver(sent, soon())
    (envelope,) = box.taken
    assert envelope.rcpt_tos == ["kvm@example.com"]
    letter = email.message_from_bytes(envelope.content, policy=default)
    assert letter["Subject"] == "kvm-flat fails on nova@trunk"
    assert letter["Message-ID"] == f"<{sent.id}@example.com>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "lieutenants.smoketest.example.com" in letter["List-Id"]
    text = letter.get_content()
    for words in ("no such column: mac", "Boot faster", f"{PAGES}/cells/1/kvm-flat", "product"):
        assert words in text


def test_mails_about_one_arch_of_a_branch_are_one_thread() -> None:
    with mail_server() as box:
        for one in (change(1), change(2), change(3, arch="xen-flat")):
            mail(box.port).deliver(message(one), soon())
    threads = [
        email.message_from_bytes(envelope.content, policy=default)["In-Reply-To"]
        for envelope in box.taken
    ]
    assert threads[0] == threads[1] != threads[2]


def test_a_storm_is_one_mail() -> None:
    with mail_server() as box:
        storm = [change(number, arch=f"arch-{number}") for number in range(200)]
        mail(box.port).deliver(message(*storm), soon())
    (envelope,) = box.taken
    letter = email.message_from_bytes(envelope.content, policy=default)
    assert letter["Subject"] == "nova@trunk: 200 changes (200 failed)"
    assert letter.get_content().count("/cells/") == 200


def test_a_mail_server_that_wants_a_login_is_given_it() -> None:
    with mail_server() as box:
        good = mail(box.port, user=box.user, password=Secret(box.password))
        assert box.password not in repr(good)
        good.deliver(message(), soon())
        assert (box.logins, len(box.taken)) == (1, 1)
        with pytest.raises(Refused, match="535"):
            mail(box.port, user=box.user, password=Secret("wrong")).deliver(message(), soon())


def test_encryption_is_demanded_before_a_login_is_said() -> None:
    with mail_server() as box:
        safe = mail(box.port, starttls=True, user=box.user, password=Secret(box.password))
        with pytest.raises(Undelivered, match="STARTTLS"):
            safe.deliver(message(), soon())
        assert (box.logins, box.taken) == (0, [])


@pytest.mark.parametrize("answer", ["451 busy", "421 closing"])
def test_a_busy_mail_server_is_asked_again(answer: str) -> None:
    with mail_server() as box:
        box.answers = [answer]
        with pytest.raises(Undelivered) as raised:
            mail(box.port).deliver(message(), soon())
        assert not isinstance(raised.value, Refused)


def test_a_mail_server_that_says_never_is_not() -> None:
    with mail_server() as box:
        box.answers = ["554 no such letter here"]
        with pytest.raises(Refused, match="554"):
            mail(box.port).deliver(message(), soon())


@pytest.mark.parametrize("field", ["recipient", "subject"])
def test_nobody_smuggles_a_header_into_a_mail(field: str) -> None:
    evil = "kvm@example.com\nBcc: all@example.com"
    told = (
        message(recipient=evil)
        if field == "recipient"
        else message(change(arch="kvm\nBcc: all@example.com"))
    )
    with mail_server() as box:
        try:
            mail(box.port).deliver(told, soon())
        except Refused:
            return
    (envelope,) = box.taken
    assert envelope.rcpt_tos == ["kvm@example.com"]
    assert email.message_from_bytes(envelope.content)["Bcc"] is None


def test_the_reference_package_takes_our_signature() -> None:
    with receiver() as found:
        courier, sent = hook(found.url), message()
        courier.deliver(sent, soon())
    ((headers, body),) = found.posts
    told = Reference(courier.secret.reveal()).verify(body, headers)
    assert headers["webhook-id"] == sent.id
    (only,) = told["data"]["changes"]
    assert (only["verdict"], only["before"], only["arch"]) == ("failed", "passed", "kvm-flat")
    assert only["url"] == f"{PAGES}/cells/1/kvm-flat"


def test_a_repeat_has_the_same_id_and_is_signed_anew() -> None:
    with receiver() as found:
        courier, sent = hook(found.url), message()
        for _ in range(2):
            courier.deliver(sent, soon())
    assert {headers["webhook-id"] for headers, _ in found.posts} == {sent.id}
    for headers, body in found.posts:
        Reference(courier.secret.reveal()).verify(body, headers)


@pytest.mark.parametrize(
    ("status", "error"), [(500, Undelivered), (429, Undelivered), (410, Refused)]
)
def test_what_a_receiver_says_decides_on_trying_again(
    status: int, error: type[Undelivered]
) -> None:
    with receiver() as found:
        found.answers = [status]
        with pytest.raises(Undelivered, match=str(status)) as raised:
            hook(found.url).deliver(message(), soon())
    assert type(raised.value) is error


def test_a_redirect_is_not_followed() -> None:
    with receiver() as found:
        found.answers = [302]
        with pytest.raises(Undelivered, match="302"):
            hook(found.url).deliver(message(), soon())


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "224.0.0.1"),
        *("[::1]", "[::ffff:127.0.0.1]", "[fe80::1]", "2130706433", "0x7f.1"),
    ],
)
def test_no_webhook_reaches_into_our_own_network(host: str) -> None:
    with pytest.raises(Refused, match="inside our own network"):
        hook(f"http://{host}:9/", inside=False).deliver(message(), soon())


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    assert outward._outside("93.184.216.34")
    assert not outward._outside("100.64.0.1")


def test_cdevents_tell_each_moment() -> None:
    moments = {
        Moment.QUEUED: change(moment=Moment.QUEUED, ruling=None),
        Moment.STARTED: change(moment=Moment.STARTED, ruling=None),
        Moment.FINISHED: change(ruling=Ruling(verdict=Verdict.PASSED)),
    }
    with receiver() as found:
        courier = hook(found.url, as_cdevents=True)
        for one in moments.values():
            courier.deliver(message(one), soon())
    events = [json.loads(body) for _, body in found.posts]
    kinds = [".".join(event["type"].split(".")[2:4]) for event in events]
    moments_told = [f"pipelinerun.{moment}" for moment in ("queued", "started", "finished")]
    assert kinds == [*moments_told, "testsuiterun.finished"]
    for event, (headers, _) in zip(events, found.posts, strict=True):
        assert headers["content-type"] == "application/cloudevents+json"
        assert event["specversion"] == "1.0"
        assert event["data"]["context"]["type"] == event["type"]
        assert event["data"]["subject"]["id"].startswith("1/kvm-flat/1")
        assert headers["webhook-id"] == event["id"] == event["data"]["context"]["id"]
    assert len({event["id"] for event in events}) == 4
    assert events[2]["data"]["subject"]["content"]["outcome"] == "success"


@pytest.mark.parametrize(
    ("verdict", "retried", "outcome"),
    [
        (Verdict.PASSED, False, "pass"),
        (Verdict.FAILED, False, "fail"),
        (Verdict.BROKEN, False, "error"),
        (Verdict.CANCELLED, False, "cancel"),
        (Verdict.SKIPPED, False, None),
        (Verdict.BROKEN, True, None),
    ],
)
def test_a_decided_cell_is_a_test_suite_s_end_as_well(
    verdict: Verdict, retried: bool, outcome: str | None
) -> None:
    ruling = Ruling(verdict=verdict, cause="test_two_nics failed")
    with receiver() as found:
        courier = hook(found.url, as_cdevents=True)
        courier.deliver(message(change(ruling=ruling, retried=retried)), soon())
    subjects = [json.loads(body)["data"]["subject"] for _, body in found.posts]
    assert [subject["type"] for subject in subjects][:1] == ["pipelineRun"]
    told = [subject["content"] for subject in subjects[1:]]
    assert [content["outcome"] for content in told] == ([outcome] if outcome else [])
    for content in told:
        assert content["environment"] == {"id": "kvm-flat", "source": PAGES}
        assert content["testSuite"]["id"] == "nova/kvm-flat"
        assert content["reason"] == "test_two_nics failed"


def test_a_cdevent_that_is_not_taken_is_sent_again_with_the_one_before_it() -> None:
    with receiver() as found:
        courier, sent = hook(found.url, as_cdevents=True), message()
        found.answers = [204, 500]
        with pytest.raises(Undelivered, match="500"):
            courier.deliver(sent, soon())
        courier.deliver(sent, soon())
    names = [headers["webhook-id"] for headers, _ in found.posts]
    assert names == [sent.id, f"{sent.id}_tests"] * 2
    for headers, body in found.posts:
        Reference(courier.secret.reveal()).verify(body, headers)


def test_apprise_carries_to_what_its_url_names() -> None:
    with receiver() as found:
        url = found.url.replace("http://", "json://")
        Chat(url=Secret(url), pages=PAGES).deliver(message(), soon())
    ((_, body),) = found.posts
    told = json.loads(body)
    assert told["title"] == "kvm-flat fails on nova@trunk"
    assert "no such column" in told["message"]


def test_apprise_that_knows_no_such_service_says_so() -> None:
    with pytest.raises(ConfigError, match="no service by that URL"):
        Chat(url=Secret("nothing://at all"), pages=PAGES).deliver(message(), soon())


def couriers(port: int, url: str) -> tuple[Courier, ...]:
    return (
        mail(port),
        hook(url),
        hook(url, as_cdevents=True),
        Chat(url=Secret(url.replace("http", "json", 1)), pages=PAGES),
    )


@pytest.mark.parametrize("index", range(4))
def test_nobody_there_is_our_error_and_names_no_secret(index: int) -> None:
    token = secrets.token_hex(8)
    courier = couriers(9, f"http://127.0.0.1:9/{token}")[index]
    with pytest.raises(Undelivered) as raised:
        courier.deliver(message(), soon())
    assert token not in str(raised.value) + repr(courier)


@pytest.mark.parametrize("index", range(4))
def test_no_time_left_sends_nothing(index: int) -> None:
    with mail_server() as box, receiver() as found, pytest.raises(OutOfTime):
        couriers(box.port, found.url)[index].deliver(message(), soon(0))
    assert box.taken == [] == found.posts


@pytest.mark.parametrize("secret", ["hunter2", "whsec_!"])
def test_a_secret_that_cannot_sign_is_refused(secret: str) -> None:
    bad = replace(hook("http://127.0.0.1:9/"), secret=Secret(secret))
    with pytest.raises(ConfigError, match="whsec_"):
        bad.deliver(message(), soon())
