"""Legacy: one worker makes one resource after the other."""

from collections.abc import Callable, Mapping


def run(requires: Mapping[str, frozenset[str]], work: Callable[[str], None]) -> None:
    """Do the work of each name after that of those which it requires; raise what the work does."""
    done: list[str] = []
    while left := [name for name in requires if name not in done]:
        name = next(name for name in left if requires[name] <= set(done))
        work(name)
        done.append(name)
