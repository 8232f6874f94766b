"""The sentence about a patch that does not apply."""

import pytest

from orchestrator.drivers.source.patches import digest, refusal
from orchestrator.model.request import Commit, Patch

COMMIT = Commit(repo="stratus", ref="trunk", sha="1a2b3c4d5e" + "0" * 30)
TEXT = """\
From: somebody
Subject: [PATCH] two files

diff --git a/other.py b/other.py
--- a/other.py
+++ b/other.py
@@ -40,3 +40,3 @@ def f():
-x
+y
diff --git a/stratus/api.py b/stratus/api.py
index 1..2 100644
--- a/stratus/api.py
+++ b/stratus/api.py
@@ -3,3 +3,3 @@
-a
+b
@@ -40,6 +40,8 @@
-c
+d
diff --git a/new.py b/new.py
--- /dev/null
+++ b/new.py
@@ -0,0 +1 @@
+x
"""


@pytest.mark.parametrize(
    ("complaint", "sentence"),
    [
        (
            "error: patch failed: stratus/api.py:40\nerror: stratus/api.py: patch does not apply\n",
            "0001-foo.patch: hunk #2 does not apply to stratus/api.py at line 40 of 1a2b3c4d5e;"
            " rebase it on that commit",
        ),
        (
            "error: patch failed: other.py:40\n",
            "0001-foo.patch: hunk #1 does not apply to other.py at line 40 of 1a2b3c4d5e;"
            " rebase it on that commit",
        ),
        (
            "error: patch failed: elsewhere.py:9\n",
            "0001-foo.patch: a hunk does not apply to elsewhere.py at line 9 of 1a2b3c4d5e;"
            " rebase it on that commit",
        ),
        (
            "error: new.py: already exists in index\n",
            "0001-foo.patch: new.py: already exists in index (on 1a2b3c4d5e)",
        ),
        ("", "0001-foo.patch: git cannot read it (on 1a2b3c4d5e)"),
    ],
)
def test_refusal(complaint: str, sentence: str) -> None:
    assert refusal(Patch(name="0001-foo.patch", text=TEXT), COMMIT, complaint) == sentence


def test_a_digest_knows_texts_and_their_order_but_not_names() -> None:
    one, two = Patch(name="1", text="a"), Patch(name="2", text="b")
    assert digest([]) == ""
    assert len(digest([one])) == 64
    assert digest([one]) == digest([Patch(name="other", text="a")])
    assert digest([one, two]) != digest([two, one])
    assert digest([one, two]) != digest([Patch(name="1", text="ab")])
