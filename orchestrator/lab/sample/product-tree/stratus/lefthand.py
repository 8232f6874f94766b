"""Volumes on a LeftHand array, by its command line over SSH; without one, in the database only."""

import os
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

from stratus import iscsi
from stratus.web import Refused

_SECONDS = 30
_ASKPASS = '#!/bin/sh\nprintf "%s\\n" "$STRATUS_ARRAY_PASSWORD"\n'
_OPTIONS = (
    "StrictHostKeyChecking=accept-new",
    "PreferredAuthentications=password",
    "PubkeyAuthentication=no",
    "NumberOfPasswordPrompts=1",
    "LogLevel=ERROR",
)


class LeftHand:
    """One cluster of an array: `array` has its address, port, user, password and cluster."""

    def __init__(self, array: Mapping[str, str], folder: Path) -> None:
        """Log in when there is something to do."""
        self._array = array
        self._folder = folder

    def create(self, volume: str, gib: int) -> None:
        """Make a volume."""
        if self._array:
            cluster = self._array["cluster"]
            options = f"clusterName={cluster} size={gib}GB thinProvision=1"
            self._run(f"createVolume volumeName=volume-{volume} {options}")

    def delete(self, volume: str) -> None:
        """Let a volume be gone."""
        if self._array:
            self._run(f"deleteVolume volumeName=volume-{volume} prompt=false")

    def attach(self, volume: str, host: str) -> None:
        """Let a host see a volume, and log in to it as that host would."""
        if not self._array:
            return
        initiator = f"iqn.2010-10.org.stratus:{host}"
        self._have_server(host, initiator)
        self._run(f"assignVolumeToServer volumeName=volume-{volume} serverName={host}")
        found = self._run(f"getVolumeInfo volumeName=volume-{volume}").find(".//volume")
        if found is None or found.find("permission") is None:
            raise Refused(502, f"the array lets no server see volume {volume}")
        if all(one.get("iscsiEnabled") == "true" for one in found.iterfind("permission")):
            iscsi.log_in(self._portal(), initiator, found.attrib["iscsiIqn"])

    def detach(self, volume: str, host: str) -> None:
        """Let a host see a volume no more."""
        if self._array:
            self._run(f"unassignVolumeToServer volumeName=volume-{volume} serverName={host}")

    def _have_server(self, host: str, initiator: str) -> None:
        try:
            self._run(f"getServerInfo serverName={host}")
        except Refused:
            self._run(f"createServer serverName={host} initiator={initiator}")

    def _portal(self) -> str:
        cluster = self._run(f"getClusterInfo clusterName={self._array['cluster']}")
        vip = cluster.find(".//vip")
        return "" if vip is None else vip.attrib["ipAddress"]

    def _run(self, command: str) -> ElementTree.Element:
        """Return the array's answer; raise `Refused` with its own sentence."""
        said = self._ssh(f"{command} output=XML")
        try:
            response = ElementTree.fromstring(said).find("response")  # noqa: S314  # the array's
        except ElementTree.ParseError as error:
            raise Refused(502, f"the array answered no XML: {said[:80]!r}") from error
        if response is None or response.get("result") != "0":
            why = "nothing" if response is None else response.get("description")
            raise Refused(502, f"the array said to {command.split()[0]}: {why}")
        return response

    def _ssh(self, command: str) -> str:
        array = self._array
        askpass = self._folder / "askpass"
        if not askpass.exists():
            askpass.write_text(_ASKPASS)
            askpass.chmod(0o700)
        known = f"UserKnownHostsFile={self._folder / 'known_hosts'}"
        options = [word for option in (*_OPTIONS, known) for word in ("-o", option)]
        words = ["ssh", *options, "-p", str(array["port"]), f"{array['user']}@{array['address']}"]
        environment = {
            **os.environ,
            "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "force",
            "STRATUS_ARRAY_PASSWORD": array["password"],
        }
        try:
            done = subprocess.run(
                [*words, command],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Refused(502, f"the array at {array['address']} does not answer") from error
        if done.returncode:
            said = " ".join(done.stderr.split()) or f"ssh ended with {done.returncode}"
            raise Refused(502, f"the array at {array['address']} does not answer: {said}")
        return done.stdout
