"""How Tempest gets to guests that are in a network of their own; and the relay that lets it."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from orchestrator.drivers.smoke import tempest
from orchestrator.model.errors import ConfigError
from tests.unit.test_openstack_plays import load


def test_it_is_run_as_the_deploy_says(tmp_path: Path) -> None:
    assert tempest.within(tmp_path) == ()
    (tmp_path / tempest.WITHIN).write_text(json.dumps(["/bin/sh", "/a b/within"]))
    assert tempest.within(tmp_path) == ("/bin/sh", "/a b/within")


@pytest.mark.parametrize("text", ["", "{}", '"sh"', "[1]"])
def test_a_broken_word_of_the_deploy_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / tempest.WITHIN).write_text(text)
    with pytest.raises(ConfigError, match=r"within\.json does not say how guests are reached"):
        tempest.within(tmp_path)


def test_the_relay_passes_on_both_ways_and_ends_with_either_side() -> None:
    relay = load("roles/cloud_access/files/relay.py")

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.close()

    async def asked(there: socket.socket) -> bytes:
        # What it listens at is another's address here; in the cloud both are the same.
        listener = socket.create_server(("127.0.0.1", 0))
        serving = asyncio.create_task(relay.serve(listener, there.getsockname()))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"smoke" * 30_000)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        serving.cancel()
        return answer

    async def main() -> bytes:
        there = socket.create_server(("127.0.0.1", 0))
        async with await asyncio.start_server(shout, sock=there):
            return await asked(there)

    assert asyncio.run(main()) == b"SMOKE" * 30_000
