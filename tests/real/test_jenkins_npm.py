"""npm's `jenkins` drives us unchanged: trigger, queue, console, result, report, abort."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.jenkins_house import JOB, face

pytestmark = pytest.mark.real

SCRIPT = """
import Jenkins from 'jenkins';
import {execFileSync} from 'node:child_process';
const [, , baseUrl, job, repo, tell] = process.argv;
const client = new Jenkins({baseUrl, crumbIssuer: true});
const hands = (word, id) => execFileSync('sh', [tell, word, String(id)]);
const start = async key => client.job.build({name: job, parameters: {REPO: repo, RUN_ID: key}});
const check = (what, name) => { if (!what) { console.error(name); process.exit(1); } };
const item = await start('npm');
check(await start('npm') === item, 'the key finds the first');
check((await client.queue.item(item)).blocked, 'it waits');
hands('grant', item);
const number = (await client.queue.item(item)).executable.number;
check((await client.build.get(job, number)).building, 'it runs');
const log = client.build.logStream(job, number, {delay: 200});
let said = '';
log.on('data', text => { said += text; });
const ended = new Promise((done, broke) => { log.on('end', done); log.on('error', broke); });
hands('finish', number);
await ended;
check(said.includes('smoke'), 'the console: ' + said);
check((await client.build.get(job, number)).result === 'SUCCESS', 'the result');
check((await client.job.list()).some(one => one.name === job), 'the list');
const other = await start('npm-stop');
hands('grant', other);
await client.build.stop(job, other);
hands('obey', other);
check((await client.build.get(job, other)).result === 'ABORTED', 'the abort');
console.log('all well');
"""


@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm and node")
def test_npm_jenkins(tmp_path: Path) -> None:
    npm = ("npm", "install", "--no-audit", "--no-fund", "jenkins@1.1.0")
    subprocess.run(npm, cwd=tmp_path, check=True, capture_output=True, timeout=600)
    (tmp_path / "drive.mjs").write_text(SCRIPT)
    fifo, back = tmp_path / "asked", tmp_path / "done"
    for path in (fifo, back):
        subprocess.run(("mkfifo", str(path)), check=True)
    tell = tmp_path / "tell.sh"
    tell.write_text(f'echo "$1 $2" > {fifo}; cat {back} > /dev/null\n')
    (tmp_path / "house").mkdir()
    with face(tmp_path / "house") as ours:
        url = ours.url.replace("http://", f"http://npm:{ours.token}@")
        words = ("node", "drive.mjs", url, JOB, ours.home.repo, str(tell))
        with subprocess.Popen(
            words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as client:
            for _ in range(4):
                word, number = fifo.read_text().split()
                {"grant": lambda _: ours.grant(), "finish": ours.finish, "obey": ours.obey}[word](
                    int(number)
                )
                back.write_text("done\n")
            said = client.communicate(timeout=300)[0]
        assert client.returncode == 0, said
        assert "all well" in said
