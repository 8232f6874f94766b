"""A Tempest plugin of four tests that need no cloud, laid into a virtualenv."""

from pathlib import Path

_PLUGIN = """\
import os
from tempest.test_discover import plugins
class Mini(plugins.TempestPlugin):
    def load_tests(self):
        here = os.path.dirname(os.path.abspath(__file__))
        return os.path.join(here, "tests"), os.path.dirname(here)
    def register_opts(self, conf): pass
    def get_opt_lists(self): return []
"""
_TESTS = """\
import os, testtools, time
from tempest.lib import decorators
from tempest import config
class TestMini(testtools.testcase.WithAttributes, testtools.TestCase):
    @decorators.idempotent_id("11111111-0000-4000-8000-000000000001")
    @decorators.attr(type="smoke")
    def test_configured(self):
        self.assertEqual("http://127.0.0.1:5000/v3", config.CONF.identity.uri_v3)
        self.assertNotIn("PYTHONPATH", os.environ)
    @decorators.idempotent_id("11111111-0000-4000-8000-000000000002")
    @decorators.attr(type="smoke")
    def test_broken(self):
        self.fail("no valid host, req-77aa7c90-8f0e-4c7b-9d54-0b8f3f1f6a02")
    @decorators.idempotent_id("11111111-0000-4000-8000-000000000003")
    @decorators.attr(type="smoke")
    def test_not_here(self):
        self.skipTest("no volumes here")
    @decorators.idempotent_id("11111111-0000-4000-8000-000000000004")
    def test_slow(self):
        open(os.path.join(os.environ["HOME"], "begun"), "w").close()
        time.sleep(600)
"""
#: in place of what asks a cloud
CONFIGURE = """\
import sys
with open(sys.argv[1] + "/tempest.conf", "w") as file:
    file.write("[identity]\\nuri_v3 = http://127.0.0.1:5000/v3\\n[oslo_concurrency]\\nlock_path=lock\\n")
"""


def plant(venv: Path) -> None:
    """Lay the plugin into the virtualenv, as an installer would."""
    (site,) = venv.glob("lib/python*/site-packages")
    files = {
        "smoketest_mini/__init__.py": "",
        "smoketest_mini/plugin.py": _PLUGIN,
        "smoketest_mini/tests/__init__.py": "",
        "smoketest_mini/tests/test_mini.py": _TESTS,
        "smoketest_mini-1.dist-info/METADATA": (
            "Metadata-Version: 2.1\nName: smoketest-mini\nVersion: 1\n"
        ),
        "smoketest_mini-1.dist-info/entry_points.txt": (
            "[tempest.test_plugins]\nmini = smoketest_mini.plugin:Mini\n"
        ),
    }
    for name, text in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
