"""Proves that the store is consistent: what must hold in it whoever was killed when."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from orchestrator.drivers.store.codec import arch_from
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.model.placement import needs

#: a query that finds what must not be, and the sentence for each row of it
_RULES: Final = (
    ("check_leased_twice", "{node} is leased to {holders} attempts at once"),
    ("check_lease_of_nobody", "{node} is leased to {attempt}, which is {state} and has no claim"),
    ("check_stale_lease", "{attempt} has {node} under token {token}, the newest is {newest}"),
    ("check_tokens", "{node} is at token {token} after {leases} leases, the last under {newest}"),
    ("check_running_without_machines", "{attempt} runs, but its machines were given back"),
    ("check_waiting_with_machines", "{attempt} waits, but was given machines"),
    ("check_released_with_machines", "{attempt} was released, but still has machines"),
    ("check_term", "{attempt} is walked by {walker}, but its lease has no term"),
    ("check_unrenewed", "{attempt} has machines that {walker} took up and walks no more"),
    ("check_rulings", "{attempt} is {state}, but its ruling says otherwise"),
    ("check_judged", "{attempt} is {state} and was judged {times} times, or as something else"),
    ("check_stages", "{attempt} ended its stage {stage} {times} times"),
    ("check_open_attempts", "{attempt} is {state}, but another attempt followed it"),
    ("check_numbers", "{cell} has {attempts} attempts, the newest is number {newest}"),
    ("check_runs", "{kept} runs are kept, but {newest} were made"),
    ("check_events", "{kept} events are kept, but {newest} happened"),
)
_AT_REST: Final = (
    ("check_left_over", "{attempt} is {state} and still has machines, though nothing goes on"),
)


def check(database: Database, *, at_rest: bool = False) -> tuple[str, ...]:
    """Return a sentence for everything that is wrong; empty when the store is consistent.

    True at any instant of any run. With `at_rest` nobody is at work any more: an attempt that
    still has machines and is not held for a person is wrong too.
    """
    rules = _RULES + _AT_REST if at_rest else _RULES
    with database.read() as tx:
        broken = [
            sentence.format(**dict(row._mapping))  # the row's columns by name
            for query, sentence in rules
            for row in tx.all(query)
        ]
        return (*broken, *_gangs(tx), *_semaphores(tx))


def _gangs(tx: Transaction) -> Iterator[str]:
    """Yield a sentence for every attempt that has other machines than it needs."""
    has: dict[str, Counter[str]] = defaultdict(Counter)
    for row in tx.all("check_leases"):
        has[row.attempt][row.role] += 1
    for row in tx.all("attempts_holding"):
        wanted = Counter(need.role for need in needs(arch_from(row.arch).by(row.way)))
        if has[row.attempt] != wanted:
            yield f"{row.attempt} has {dict(has[row.attempt])}, its gang is {dict(wanted)}"


def _semaphores(tx: Transaction) -> Iterator[str]:
    """Yield a sentence for every semaphore that several attempts have."""
    holders: dict[str, list[str]] = defaultdict(list)
    for row in tx.all("attempts_holding"):
        for name in arch_from(row.arch).by(row.way).semaphores:
            holders[name].append(row.attempt)
    for name, attempts in holders.items():
        if len(attempts) > 1:
            yield f"{name} is used by {' and '.join(attempts)} at once"
