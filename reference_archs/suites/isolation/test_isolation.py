"""Two machines in one VLAN reach each other; one in another VLAN reaches neither."""

from collections.abc import Mapping

from member import Member

LEFT, RIGHT, STRANGER = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def test_members_of_a_vlan_find_each_other(members: Mapping[str, Member]) -> None:
    """Each answers when the other asks who has its address."""
    assert members[LEFT].finds(RIGHT)
    assert members[RIGHT].finds(LEFT)


def test_traffic_passes_between_members(members: Mapping[str, Member]) -> None:
    """What one says over TCP arrives at the other."""
    members[RIGHT].listen()
    assert members[LEFT].tells(RIGHT, "hello-from-the-left")
    assert members[RIGHT].heard() == "hello-from-the-left"


def test_a_stranger_finds_nobody_and_is_not_found(members: Mapping[str, Member]) -> None:
    """Nobody answers across VLANs, in either direction."""
    assert not members[STRANGER].finds(LEFT)
    assert not members[STRANGER].finds(RIGHT)
    assert not members[LEFT].finds(STRANGER)


def test_no_traffic_reaches_the_other_vlan(members: Mapping[str, Member]) -> None:
    """A connection from the other VLAN is not made."""
    members[RIGHT].listen()
    assert not members[STRANGER].tells(RIGHT, "let-me-in")
