"""Run an orchestrator in the foreground until it is told to stop."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import uvicorn

from orchestrator.model.errors import ConfigError, SmoketestError
from orchestrator.model.watch import Watch
from orchestrator.web.server import Server, spare_collector
from orchestrator.wiring.home import Home, claim
from orchestrator.wiring.house import House, build
from orchestrator.wiring.lab import LabParts, open_lab
from orchestrator.wiring.settings import Settings

#: between looks at the lab
KEEPING_SECONDS = 0.5
#: between probes of machines whose BMC failed, and how many are probed side by side
PROBE_SECONDS = 300
PROBES_AT_ONCE = 8
#: between looks at what there is to tell people
POST_SECONDS = 1.0
#: the least between looks for what comes late of partners
LATE_SECONDS = 1.0
#: before a review system that was cut off is connected to again
RECONNECT_SECONDS = 5.0
#: open pages are given this long to hang up
CLOSING_SECONDS = 2


def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the address once everything answers.

    Raises `ConfigError` before anything is started if home, lab file, archs or port are wrong.
    What was under way is taken up by the next start, after this one ends or is killed.
    """
    with claim(settings.home) as home:
        lab = open_lab(settings, home)
        home.keep_store(lab.store_url)
        try:
            with _bind(lab, home.usual_port()) as listener:
                _serve(home, lab, listener, ready)
        finally:
            lab.stop()
    # Threads of stages that were under way still wait; what they did is in the store.
    os._exit(0)


def _serve(
    home: Home, lab: LabParts, listener: socket.socket, ready: Callable[[str], None]
) -> None:
    url = f"http://{lab.address}:{listener.getsockname()[1]}"
    house = build(home, lab, url)
    lab.set_boot_url(f"{url}/boot")

    def announce() -> None:
        house.crew.open(f"{lab.title} was switched off in the middle of it" if lab.fresh else "")
        spare_collector()
        home.announce(url)
        ready(url)

    over = threading.Event()
    threading.Thread(target=_keep, args=(lab, house, over), name="lab", daemon=True).start()
    threading.Thread(target=_probe, args=(house, over), name="probe", daemon=True).start()
    for watch in house.watcher.watched.values():
        args = (house, watch, over)
        threading.Thread(target=_watch, args=args, name=watch.name, daemon=True).start()
    for name in house.mailroom.subscriptions:
        threading.Thread(target=_post, args=(house, name, over), name=name, daemon=True).start()
    threading.Thread(target=_welcome, args=(house, over), name="late", daemon=True).start()
    for name in house.reviewing.asker.systems:
        threading.Thread(target=_review, args=(house, name, over), name=name, daemon=True).start()
    try:
        _run(Server(_server_config(house)), listener, announce)
    finally:
        over.set()
        house.crew.close()


def _keep(lab: LabParts, house: House, over: threading.Event) -> None:
    """Bring the lab back whenever it dies under us, and try again what it took along."""
    while not over.wait(KEEPING_SECONDS):
        try:
            if lab.mend():
                house.crew.flow.interrupt(
                    f"{lab.title} died in the middle of it, and was started again"
                )
        except SmoketestError:
            logging.getLogger(__name__).exception("the lab is down; it is tried again")


def _probe(house: House, over: threading.Event) -> None:
    """Probe the machines that are out of service for their BMC, some at a time."""
    while not over.wait(PROBE_SECONDS):
        try:
            with ThreadPoolExecutor(PROBES_AT_ONCE, "probe") as pool:
                list(pool.map(house.recovery.probe, house.recovery.due()))
        except SmoketestError:
            logging.getLogger(__name__).exception("probing went wrong; it is tried again")


def _watch(house: House, watch: Watch, over: threading.Event) -> None:
    """Ask for what is new on the watched branches; the first look is at what a downtime missed."""
    while not over.is_set():
        try:
            house.watcher.look(watch.name)
        except SmoketestError:
            logging.getLogger(__name__).exception("watching went wrong; it is tried again")
        over.wait(watch.every)


def _post(house: House, name: str, over: threading.Event) -> None:
    """Tell people what changed, each subscription in a thread of its own: some are slow."""
    while not over.wait(POST_SECONDS):
        try:
            house.mailroom.round(name)
        except SmoketestError:
            logging.getLogger(__name__).exception("notices went wrong; they are tried again")


def _welcome(house: House, over: threading.Event) -> None:
    """Look for what comes late of partners, as often as the most eager of them is looked at."""
    partners = house.partnership
    pause = min((c.poll for c in partners.contracts.values()), default=0)
    while pause and not over.wait(max(pause, LATE_SECONDS)):
        try:
            for record in partners.latecomers():
                partners.welcome(record)
        except SmoketestError:
            logging.getLogger(__name__).exception("latecomers were not looked for; tried again")


def _review(house: House, name: str, over: threading.Event) -> None:
    """Look after one review system's proposals, and connect again whenever it is cut off."""
    while not over.is_set():
        try:
            house.reviewing.attend(name, over.is_set)
        except SmoketestError as error:
            logging.getLogger(__name__).warning("%s; it is tried again", error)
        over.wait(RECONNECT_SECONDS)


def _server_config(house: House) -> uvicorn.Config:
    return uvicorn.Config(
        house.app,
        log_level="warning",
        # Boot and call-back addresses hold one-time tokens: they are never logged.
        access_log=False,
        # Whom to believe about who asks is the lab's own rule.
        proxy_headers=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )


def _run(server: uvicorn.Server, listener: socket.socket, announce: Callable[[], None]) -> None:
    """Serve in this thread, announcing once it answers, until a signal says stop.

    Raises what `announce` raised, after the server ended.
    """
    failures: list[Exception] = []

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    def when_started() -> None:
        while not server.started and not server.should_exit:
            threading.Event().wait(0.02)
        try:
            announce()
        except Exception as error:  # noqa: BLE001 - raised again below, in the thread that serves
            failures.append(error)
            server.should_exit = True

    threading.Thread(target=when_started, name="announce", daemon=True).start()
    # The server's own handlers stand while it runs; it repeats the signal to ours when it ends.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run(sockets=[listener])
    if failures:
        raise failures[0]


def _bind(lab: LabParts, usual: int) -> socket.socket:
    """Return a socket on the lab's address: its port, or for 0 the usual one or any free one."""
    for choice in (lab.port,) if lab.port else (usual, 0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((lab.address, choice))
            # Two that start at once can both bind a port; only one of them can listen at it.
            listener.listen()
        except OSError as error:
            listener.close()
            last = f"port {choice} of {lab.address} cannot be had ({error.strerror})"
        else:
            return listener
    msg = f"{last}: choose another with --port, or --port 0 for any free one"
    raise ConfigError(msg)
