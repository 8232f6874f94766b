"""What is shown of machines' attestations, and that a person who restores one forgets it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.attestation import Attestation
from tests.unit.web_house import Furnished, furnish

SOUND = Attestation(facts=(("disks", "one of 64 GiB"), ("kernel", "6.1")))
OTHER = Attestation(facts=(("disks", "one of 32 GiB"), ("kernel", "6.1")))


@pytest.fixture
def furnished(tmp_path: Path) -> Iterator[Furnished]:
    with furnish(tmp_path, nodes=2) as house:
        yield house


def shown(furnished: Furnished) -> list[tuple[str, str | None]]:
    nodes = furnished.client().get("/api/nodes").json()
    return [(node["attestation"], node["attested_at"]) for node in nodes]


def test_the_newest_attestation_of_each_machine_is_shown(furnished: Furnished) -> None:
    assert shown(furnished) == [("", None), ("", None)]
    for image, found in (("debian-12", SOUND), ("xen", OTHER)):
        at = furnished.clock.now()
        furnished.store.attestations.record("n01", image, found, at)
    first, second = shown(furnished)
    assert first[0] == OTHER.digest
    assert first[1] is not None
    assert second == ("", None)
    page = furnished.client().get("/nodes").text
    assert page.count(OTHER.digest) == 1


def test_who_restores_a_machine_trusts_it_as_it_is(furnished: Furnished) -> None:
    for node in ("n01", "n02"):
        furnished.store.attestations.record(node, "debian-12", SOUND, furnished.clock.now())
    assert furnished.writer().post("/api/nodes/n01/restore").status_code == 200
    assert [digest for digest, _ in shown(furnished)] == ["", SOUND.digest]
    assert furnished.writer().post("/api/nodes/n99/restore").status_code == 404
