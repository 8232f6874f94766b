"""Convergence: each resource has a worker, which begins when all it requires is there."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context

_WORKERS = 8


def run(requires: Mapping[str, frozenset[str]], work: Callable[[str], None]) -> None:
    """Do the work of each name after that of those which it requires; raise what the work does."""
    done: set[str] = set()
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(_WORKERS) as workers:
        while len(done) < len(requires):
            begun = done | set(running.values())
            for name in [n for n in requires if n not in begun and requires[n] <= done]:
                # The request's id goes along, so that the log names it.
                running[workers.submit(copy_context().run, work, name)] = name
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                future.result()
                done.add(running.pop(future))
