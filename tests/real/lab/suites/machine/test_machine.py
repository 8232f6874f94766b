"""What the deploy saw of the machine."""

from pathlib import Path


def test_it_runs_debians_kernel() -> None:
    """The machine that Ansible reached is no process of this host."""
    said = (Path.cwd() / "machine.txt").read_text(encoding="utf-8")
    assert "Linux" in said
    assert "Debian" in said
