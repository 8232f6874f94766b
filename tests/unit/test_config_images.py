"""lab.toml's images: files checked by their sums before a machine boots them."""

import hashlib
import secrets
import tomllib
from pathlib import Path

import pytest

from orchestrator.config import labfile as config
from orchestrator.config.emulated import Emulated
from orchestrator.drivers.boot.fai import BASE, CONFIG
from orchestrator.model.errors import ConfigError

IMAGE = """\
[images.debian-12]
suite = "bookworm"
kernel = "linux"
initrd = "initrd.gz"
mirror = "http://mirror.example.com/debian"
"""
EXTRAS = 'extras = { "base.tar.zst" = "base", "config.tar" = "space" }\n'
EXAMPLE = Path(__file__).parents[2] / "docs" / "lab.example.toml"
FILES = ("linux", "initrd.gz", "base", "space")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_bytes(secrets.token_bytes(3000))
    return tmp_path


def summed(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load(home: Path, *lines: str) -> config.LabFile:
    (home / "lab.toml").write_text(IMAGE + "".join(lines))
    return config.load(home / "lab.toml")


def refused(home: Path, *lines: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(home, *lines)
    return str(caught.value).removeprefix(f"{home}/lab.toml:")


def test_files_that_are_what_was_written_down_are_taken(home: Path) -> None:
    sums = f'{{ kernel = "{summed(home / "linux")}", initrd = "{summed(home / "initrd.gz")}" }}'
    image = load(home, f"sha256 = {sums}\n").images["debian-12"]
    assert (image.kernel, image.initrd) == (str(home / "linux"), str(home / "initrd.gz"))
    assert load(home, f'sha256 = {{ kernel = "{summed(home / "linux").upper()}" }}\n').images


def test_another_file_is_refused_with_both_sums(home: Path) -> None:
    expected = summed(home / "initrd.gz")
    (home / "initrd.gz").write_bytes(secrets.token_bytes(3000))
    sentence = refused(home, f'sha256 = {{ initrd = "{expected}" }}\n')
    found = summed(home / "initrd.gz")
    assert sentence == (
        f"6: {home}/initrd.gz has the SHA-256 {found}, not {expected}; fetch it again, or mend"
        " `images.debian-12.sha256.initrd`"
    )


def test_more_files_are_named_and_checked(home: Path) -> None:
    good = f'sha256 = {{ "base.tar.zst" = "{summed(home / "base")}" }}\n'
    image = load(home, EXTRAS, good).images["debian-12"]
    assert dict(image.extras) == {
        "base.tar.zst": str(home / "base"),
        "config.tar": str(home / "space"),
    }
    (home / "base").write_bytes(b"")
    assert refused(home, EXTRAS, good).startswith(f"7: {home}/base has the SHA-256 e3b0c4")
    (home / "base").unlink()
    assert refused(home, EXTRAS).startswith(f"6: there is no file {home}/base; ")
    assert "no name of an extra file" in refused(home, 'extras = { "../x" = "base" }\n')


@pytest.mark.parametrize(
    ("sums", "sentence"),
    [
        (
            '{ kernal = "00" }',
            "`images.debian-12.sha256.kernal` is the sum of no file; name it under `kernal`, or"
            " remove the sum",
        ),
        (
            '{ kernel = "00" }',
            "`images.debian-12.sha256.kernel` is no SHA-256; write what `sha256sum {home}/linux`"
            " prints",
        ),
        ('"00"', "`images.debian-12.sha256` is text; write keys with values"),
    ],
)
def test_a_sum_that_checks_nothing_is_refused(home: Path, sums: str, sentence: str) -> None:
    assert refused(home, f"sha256 = {sums}\n") == f"6: {sentence.replace('{home}', str(home))}"


def test_an_emulated_labs_own_installer_has_no_sum_here(home: Path) -> None:
    text = f'[emulated]\n[images.x]\nsha256 = {{ kernel = "{summed(home / "linux")}" }}\n'
    (home / "lab.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"lab.toml:3: .* is the sum of no file"):
        config.load(home / "lab.toml")


def test_the_examples_table_of_emulated_machines_is_whole_and_as_usual(home: Path) -> None:
    """It is commented out there, since it alone would start machines."""
    table = "# [emulated]" + EXAMPLE.read_text().partition("# [emulated]")[2]
    plain = "\n".join(line.removeprefix("# ") for line in table.splitlines())
    told = set(tomllib.loads(plain)["emulated"])
    assert told == {
        *("nodes", "boot", "memory", "processors", "disk", "firmware", "power", "mirror"),
    }
    assert load(home, plain).emulated == Emulated()


def test_the_examples_files_and_sums_are_read(home: Path) -> None:
    lines = [line.removeprefix("# ") for line in EXAMPLE.read_text().splitlines()]
    extras = next(line for line in lines if line.startswith("extras = "))
    sums = next(line for line in lines if line.startswith("sha256 = "))
    assert dict(tomllib.loads(extras)["extras"]).keys() == {CONFIG, BASE}
    assert "`images.debian-12.sha256.kernel` is no SHA-256" in refused(home, sums)
