"""Verbs about partners and tokens, typed at a house without machines."""

import json
import os
import subprocess
import sys
from pathlib import Path

from orchestrator.cli.validation import lab
from tests.unit.web_house import furnish


def test_tokens_are_made_listed_and_revoked_and_partners_shown(tmp_path: Path) -> None:
    with furnish(tmp_path) as home:
        secret = home.house.token.reveal()

        def typed(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "orchestrator", "--server", home.url, *words],
                env={**os.environ, "SMOKETEST_TOKEN": secret, "NO_COLOR": "1"},
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )

        made = typed("token", "add", "--role", "vendor", "--partner", "hp", "--note", "ann")
        opens = made.stdout.strip()
        assert (made.returncode, "shown this once" in made.stderr) == (0, True), made.stderr
        asker = home.house.gate.who(opens)
        assert asker
        assert asker.partner == "hp"
        wrong = typed("token", "add", "--role", "vendor", "--partner", "ibm")
        assert (wrong.returncode, "no partner ibm; it has citrix, hp" in wrong.stderr) == (2, True)
        (token,) = json.loads(typed("token", "list", "--json").stdout)["tokens"]
        assert (token["partner"], token["used_at"] is not None) == ("hp", True)
        assert opens.rpartition("_")[2] not in json.dumps(token)
        gone = typed("token", "revoke", token["id"])
        assert gone.returncode == 0, gone.stderr
        assert home.house.gate.who(opens) is None
        shown = typed("partners")
        assert [w in shown.stdout for w in ("hp", "citrix", "(left", "0%")] == [
            *(True, True, True, False)
        ]


def test_a_partner_of_an_arch_that_is_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text('[partners.hp]\npull = true\njobs = ["kvm-flat", "kvm-flut"]\n')
    checked = next(iter(lab(path)))
    assert checked.errors == (
        f"{path}:3: hp takes kvm-flut, which is no arch; did you mean `kvm-flat`?",
    )
