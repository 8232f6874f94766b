"""The command line uses the API and nothing else for all that the API can do."""

import ast
from pathlib import Path

import orchestrator.cli

FOLDER = Path(orchestrator.cli.__file__).parent
#: what serves, works, or looks at this host itself: nobody to ask over HTTP
BELOW = frozenset(
    {
        "discovering",
        "imaging",
        "ordered",
        "ordered_jenkins",
        "partner_process",
        "probes",
        "serve",
        "serving",
        "storecheck",
        "storecopy",
        "work",
    }
)
INSIDE = ("orchestrator.wiring", "orchestrator.service", "orchestrator.drivers", "orchestrator.web")


def _imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return found | {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }


def test_verbs_know_the_api_only() -> None:
    inside = {
        file.stem
        for file in FOLDER.glob("*.py")
        if any(m.startswith(INSIDE) for m in _imports(file))
    }
    assert inside <= BELOW
    assert {"act", "ask", "client", "look", "follow"}.isdisjoint(inside)
