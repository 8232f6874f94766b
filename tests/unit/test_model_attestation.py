"""Which facts must stay, and how a change is told."""

import pytest

from orchestrator.model.attestation import (
    RULES,
    UNTOLD,
    Attestation,
    Fact,
    Holds,
    Rule,
    differences,
    successor,
)

ALL = {fact: f"{fact} as it is" for fact in Fact}


def attested(**changes: str | None) -> Attestation:
    """Return every fact as it is, but for `changes` (None leaves one out), by enum name."""
    facts = {**ALL, **{Fact[name]: value for name, value in changes.items()}}
    told = sorted((fact.value, value) for fact, value in facts.items() if value is not None)
    return Attestation(facts=tuple(told))


def test_every_fact_has_one_rule_and_every_rule_its_reason() -> None:
    assert sorted(rule.fact for rule in RULES) == sorted(Fact)
    assert all(len(rule.because.split()) > 3 for rule in RULES)


SCOPES = {Holds.ARCHIVE: "ARCHIVE", Holds.SOURCE: "SOURCE"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.fact))
def test_a_fact_must_stay_as_its_rule_says(rule: Rule) -> None:
    told = (f"{rule.fact} was {rule.fact} as it is, is another",)
    found = attested(**{rule.fact.name: "another"})
    assert differences(attested(), found) == (() if rule.holds is Holds.NEVER else told)
    for holds, scope in SCOPES.items():
        elsewhere = attested(**{rule.fact.name: "another", scope: "another"})
        free = rule.holds in {Holds.NEVER, holds}
        assert differences(attested(), elsewhere) == (() if free else told)


def test_packages_kernel_and_disks_are_equal_however_the_image_was_installed() -> None:
    for name in ("PACKAGES", "KERNEL", "DISKS"):
        assert differences(attested(), attested(**{name: "another", "SOURCE": "a disk image"}))


def test_what_need_not_be_equal_and_what_was_never_asked_is_compared_from_now_on() -> None:
    reference = attested(BMC_USERS=None)
    found = attested(ARCHIVE="moved", PACKAGES="newer", PARTITION_IDS="drawn", FIRMWARE=None)
    assert successor(reference, found) == attested(
        ARCHIVE="moved", PACKAGES="newer", PARTITION_IDS="drawn"
    )
    assert successor(reference, reference) == reference


def test_a_fact_that_one_side_did_not_look_at_is_not_compared_but_silence_is() -> None:
    assert differences(attested(BMC_USERS=None), attested()) == ()
    assert differences(attested(), attested(BMC_USERS=None)) == ()
    (told,) = differences(attested(), attested(BMC_USERS=UNTOLD))
    assert told == "bmc-users was bmc-users as it is, is not told"


def test_the_hash_is_that_of_what_installs_share() -> None:
    here = attested().digest
    assert attested(SOURCE="fai", PARTITIONS="2", PARTITION_IDS="7", ARCHIVE="9").digest == here
    assert attested(KERNEL="6.2").digest != here
    assert len(here) == 12
