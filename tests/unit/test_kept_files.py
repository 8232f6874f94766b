"""Kept files: served without tokens, and never from outside the attempt's folder."""

import secrets
from pathlib import Path

import pytest

from orchestrator.drivers.files.folder import FolderFiles
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import AttemptId

ATTEMPT = AttemptId("1/kvm-flat/1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / ATTEMPT
    made.mkdir(parents=True)
    return made


@pytest.mark.parametrize("limit", [1, 7, 40, 10_000])
def test_a_boot_token_is_never_served_however_it_is_cut(
    tmp_path: Path, folder: Path, limit: int
) -> None:
    token = secrets.token_urlsafe(24)
    kept = f"Command line: preseed/url=http://127.0.0.1:1/boot/{token}/preseed.cfg\nnext\n".encode()
    (folder / "console-n01.log").write_bytes(kept)
    files = FolderFiles(tmp_path)
    offsets = range(0, len(kept), limit)
    read = b"".join(files.read(ATTEMPT, "console-n01.log", at, limit) for at in offsets)
    assert read == kept.replace(token.encode(), b"*" * len(token))


@pytest.mark.parametrize("name", ["../2/x", "clouds.yaml", "ansible/x", ".cache/x", "absent"])
def test_what_is_private_or_elsewhere_is_not_there(tmp_path: Path, folder: Path, name: str) -> None:
    (folder / "clouds.yaml").write_text("password")
    (folder / "ansible").mkdir()
    (folder / "ansible" / "x").write_text("password")
    (folder.parent / "2").mkdir()
    (folder.parent / "2" / "x").write_text("another attempt's")
    files = FolderFiles(tmp_path)
    with pytest.raises(NotFound):
        files.read(ATTEMPT, name, 0, 100)
    assert files.names(ATTEMPT) == ()
