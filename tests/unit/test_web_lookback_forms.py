"""What somebody who signed in is offered on the pages of cells, machines and lieutenants."""

import re
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

from orchestrator.model.access import Role
from tests.unit import people
from tests.unit.people import browser, csrf, sign_in
from tests.unit.web_house import furnish
from tests.unit.web_scene import Scene


def test_a_lieutenant_waives_by_a_form_in_their_own_name(tmp_path: Path) -> None:
    with furnish(tmp_path) as home, browser(home) as client:
        password = people.add(home, "lin", Role.LIEUTENANT)
        scene = Scene(home, home.clock.now() - timedelta(hours=1))
        run = scene.ask("trunk", "red", ("kvm-flat", "hyperv-flat"))
        scene.walk_all(run, red=("kvm-flat", "hyperv-flat"), cause="no port")
        assert sign_in(client, "lin", password).status_code == HTTPStatus.SEE_OTHER
        mine, theirs = f"/cells/{run}/kvm-flat", f"/cells/{run}/hyperv-flat"
        page = client.get(mine)
        forms = set(re.findall(r'<form method="post" action="([^"]+)"', page.text))
        assert {f"{mine}/recheck", f"{mine}/ack", f"{mine}/waive"} <= forms
        fields = {"csrf": csrf(page), "reason": "a known bug", "days": "3"}
        forged = client.post(f"{mine}/waive", data={**fields, "csrf": "0" * 64})
        assert forged.status_code == HTTPStatus.FORBIDDEN
        assert client.post(f"{mine}/waive", data=fields).status_code == HTTPStatus.SEE_OTHER
        assert "Waived by lin: a known bug" in client.get(mine).text
        assert client.post(f"{theirs}/waive", data=fields).status_code == HTTPStatus.FORBIDDEN
        drain = client.post("/nodes/n01/drain", data=fields)
        assert drain.status_code == HTTPStatus.FORBIDDEN
        token = people.token_of(home, "lin", Role.LIEUTENANT)
        said = home.client().post(
            f"/api{mine}/ack",
            json={"reason": "mine", "by": "somebody else"},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert said.json()["by"] == "lin"
