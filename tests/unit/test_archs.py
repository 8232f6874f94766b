"""Reference architecture files: what is read, what is refused, and in which words."""

from pathlib import Path

import pytest

from orchestrator import archs
from orchestrator.model.arch import Alternative, Arch, Budget, Deploy, Means, Role, Smoke
from orchestrator.model.errors import ConfigError

FAMILY = """\
arch: "{hypervisor}-{network}"
summary: Compute on {hypervisor}
lieutenants: {kvm: [kvm-team], xenserver: [xen-team], vlan: [net-team]}
voting: true
axes: {hypervisor: [kvm, xenserver], network: [flat, vlan]}
exclude: [{hypervisor: xenserver, network: vlan, because: no VLAN trunk in rack 2}]
roles:
  control: {count: 1, needs: [x86_64], install: debian-12}
  compute:
    count: 2
    needs: ["{hypervisor}"]
    install: "{hypervisor}"
    vars: {hypervisor: "{hypervisor}", nested: yes, cores: 2, jinja: "{{ a }}", shell: "${b}"}
    groups: [compute, hosts]
semaphores: [rack-2]
deploy: {play: openstack.yml, vars: {network_model: "{network}"}}
smoke: {suite: compute, tests: "not volume"}
budget: {provision: 30m, deploy: 45s, smoke: 1.5h}
alternatives: [{hardware: {needs: {compute: [san]}}}, {partner: any}, {simulator: {}}]
covers: {kvm: ["drivers/{hypervisor}.py"], kvm-vlan: [vlan.py]}
"""

PLAIN = """\
arch: plain
summary: One machine
lieutenants: [everybody]
roles:
  all_in_one: {install: debian-12}
deploy: {play: site.yml}
smoke: {suite: compute}
covers: ["*"]
"""


WAYS = (
    Alternative(means=Means.HARDWARE, needs=(("compute", ("san",)),)),
    Alternative(means=Means.PARTNER, partner="any"),
    Alternative(means=Means.SIMULATOR),
)
SETTINGS = (
    ("hypervisor", "kvm"),
    ("nested", "true"),
    ("cores", "2"),
    ("jinja", "{{ a }}"),
    ("shell", "${b}"),
)


def written(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_family_is_its_axes_without_the_exclusions(tmp_path: Path) -> None:
    path = written(tmp_path, FAMILY)
    flat, vlan, xen = archs.load([path])
    assert [flat.name, vlan.name, xen.name] == ["kvm-flat", "kvm-vlan", "xenserver-flat"]
    assert vlan == Arch(
        name="kvm-vlan",
        summary="Compute on kvm",
        roles=(
            Role(
                name="control",
                count=1,
                needs=frozenset({"x86_64"}),
                install="debian-12",
                groups=("control",),
            ),
            Role(
                name="compute",
                count=2,
                needs=frozenset({"kvm"}),
                install="kvm",
                groups=("compute", "hosts"),
                settings=SETTINGS,
            ),
        ),
        deploy=Deploy(play="openstack.yml", settings=(("network_model", "vlan"),)),
        smoke=Smoke(suite="compute", tests="not volume"),
        axes=(("hypervisor", "kvm"), ("network", "vlan")),
        lieutenants=("kvm-team", "net-team"),
        semaphores=("rack-2",),
        budget=Budget(provision=1800, deploy=45, smoke=5400, collect=300),
        alternatives=WAYS,
        covers=("drivers/kvm.py", "vlan.py"),
        source=f"{path}:1",
    )
    assert (xen.lieutenants, xen.covers, flat.covers) == (("xen-team",), (), ("drivers/kvm.py",))


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    (arch,) = archs.load([written(tmp_path, PLAIN)])
    assert arch.roles[0] == Role(
        name="all_in_one",
        count=1,
        needs=frozenset(),
        install="debian-12",
        groups=("all_in_one",),
    )
    assert (arch.budget, arch.voting, arch.axes) == (Budget(), True, ())
    assert (arch.lieutenants, arch.covers) == (("everybody",), ("*",))


def test_exclusions_are_told_with_their_reason(tmp_path: Path) -> None:
    path = written(tmp_path, FAMILY)
    assert archs.exclusions([path]) == (
        archs.Exclusion(
            family="{hypervisor}-{network}",
            axes=(("hypervisor", "xenserver"), ("network", "vlan")),
            because="no VLAN trunk in rack 2",
            source=f"{path}:6",
        ),
    )


#: (what is replaced in FAMILY, by what, the line and sentence of the error)
WRONG = [
    ("voting: true", "votting: true", 4, "unknown key `votting`; did you mean `voting`?"),
    (
        "voting: true",
        "colour: red",
        4,
        "unknown key `colour`; known: " + ", ".join(f"`{key}`" for key in archs.KEYS),
    ),
    ("voting: true", "voting: perhaps", 4, "`voting` is text; write true or false"),
    ("voting: true", "voting: 1", 4, "`voting` is a number; write true or false"),
    ("voting: true", "arch: other", 4, "`arch` is written twice (line 1); remove one"),
    ("voting: true", "3: true", 4, "the key `3` is not text; put it in quotes"),
    (
        "voting: true",
        "voting: *a",
        4,
        "not YAML: an alias (*name) is not read here; mend this line",
    ),
    (
        "voting: true",
        "voting: [",
        6,
        "not YAML: expected ',' or ']', but got '<scalar>'; mend this line",
    ),
    ("summary: Compute on {hypervisor}\n", "", 1, "`summary` is missing; add it"),
    (
        "summary: Compute on {hypervisor}",
        "summary: 12",
        2,
        "`summary` is a number; put it in quotes",
    ),
    (
        "summary: Compute on {hypervisor}",
        "summary: 2011-11-11",
        2,
        "`summary` is a date; put it in quotes",
    ),
    (
        "summary: Compute on {hypervisor}",
        "summary: ''",
        2,
        "`summary` is empty; write it or remove it",
    ),
    (
        "on {hypervisor}",
        "on {hypervizor}",
        2,
        "unknown placeholder {hypervizor} in `summary`; did you mean `hypervisor`?",
    ),
    (
        "{kvm: [kvm-team]",
        "{kmv: [kvm-team]",
        3,
        "no arch of this file is `kmv`; did you mean `kvm`?",
    ),
    ("{kvm: [kvm-team]", "{kvm: kvm-team", 3, "`lieutenants.kvm` is text; write a list in [ ]"),
    (
        "[kvm, xenserver]",
        "[kvm, kvm]",
        5,
        "`axes.hypervisor` needs one value or more, each once; mend the list",
    ),
    (
        "[kvm, xenserver]",
        "[]",
        5,
        "`axes.hypervisor` needs one value or more, each once; mend the list",
    ),
    ("[flat, vlan]", "[flat, no]", 5, "`axes.network[1]` is a truth value; put it in quotes"),
    ("axes: {hyper", "axes: {hyper-", 5, "axis `hyper-visor`: name it with letters, digits and _"),
    (
        ", because: no VLAN trunk in rack 2",
        "",
        6,
        "an exclusion owes its reason; add `because: ...`",
    ),
    (
        "{hypervisor: xenserver, network: vlan, bec",
        "{bec",
        6,
        "this names no axis; say which combination it excludes",
    ),
    (
        "network: vlan, bec",
        "network: vlna, bec",
        6,
        "`exclude[0].network` is `vlna`, which is unknown; did you mean `vlan`?",
    ),
    (
        "network: vlan, bec",
        "netwrok: vlan, bec",
        6,
        "unknown key `exclude[0].netwrok`; did you mean `network`?",
    ),
    (
        "rack 2}]",
        "rack 2}, {hypervisor: xenserver, network: vlan, because: again}]",
        6,
        "this excludes nothing that is not excluded above; remove it",
    ),
    (
        "rack 2}]",
        "rack 2}, {network: flat, because: x}, {hypervisor: kvm, because: x}]",
        6,
        "every combination is excluded; remove an entry",
    ),
    ("count: 1,", "count: 0,", 8, "`roles.control.count` is 0; write at least 1"),
    ("count: 1,", "count: one,", 8, "`roles.control.count` is text; write a whole number"),
    (
        "count: 1,",
        "count: true,",
        8,
        "`roles.control.count` is a truth value; write a whole number",
    ),
    ("count: 1,", "cuont: 1,", 8, "unknown key `roles.control.cuont`; did you mean `count`?"),
    ("needs: [x86_64]", "needs: x86_64", 8, "`roles.control.needs` is text; write a list in [ ]"),
    (", install: debian-12", "", 8, "`roles.control.install` is missing; add it"),
    (
        "[compute, hosts]",
        "[compute-hosts]",
        9,
        "`compute-hosts` is no Ansible group; use letters, digits and _",
    ),
    ("cores: 2", "cores: [2]", 13, "`roles.compute.vars.cores` is a list; put it in quotes"),
    ("play: openstack.yml, ", "", 16, "`deploy.play` is missing; add it"),
    (
        "budget: {provision: 30m",
        "budget: {provision: 30",
        18,
        "`budget.provision` is no time; write for example 45s, 30m or 1h",
    ),
    (
        "deploy: 45s",
        "deploy: 0s",
        18,
        "`budget.deploy` is no time; write for example 45s, 30m or 1h",
    ),
    (
        "budget: {prov",
        "budget: {porv",
        18,
        "unknown key `budget.porvision`; did you mean `provision`?",
    ),
    (
        "kvm-vlan: [",
        "kvm-vxlan: [",
        20,
        "no arch of this file is `kvm-vxlan`; did you mean `kvm-vlan`?",
    ),
    (
        "voting: true",
        "voting: [flat, vlna]",
        4,
        "no arch of this file is `vlna`; did you mean `vlan`?",
    ),
    (
        "{hypervisor}-{network}",
        "{hypervisor}/{network}",
        1,
        "`kvm/flat` is no name; use letters, digits and . _ + -",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "sentence"), WRONG)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, sentence: str
) -> None:
    assert FAMILY.count(old) == 1
    path = written(tmp_path, FAMILY.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        archs.load([path])
    assert str(caught.value) == f"{path}:{line}: {sentence}"


def test_some_of_a_family_vote_and_the_others_advise(tmp_path: Path) -> None:
    def voting(said: str) -> list[str]:
        path = written(tmp_path, FAMILY.replace("voting: true", f"voting: {said}"))
        return [arch.name for arch in archs.load([path]) if arch.voting]

    assert voting("[flat]") == ["kvm-flat", "xenserver-flat"]
    assert voting("[vlan, xenserver]") == ["kvm-vlan", "xenserver-flat"]
    assert (voting("[]"), len(voting("true")), voting("false")) == ([], 3, [])


WHOLE = [
    ("", ":1: the file is empty; write an arch or remove it"),
    ("- a\n", ":1: the file is a list; write keys with values"),
    ("just words\n", ":1: the file is text; write keys with values"),
    ("arch: a\n---\narch: b\n", ":2: not YAML: but found another document; mend this line"),
    ("arch: a\nroles:\n", ":2: `roles` is empty; write keys with values"),
    ("arch: a\nsummary: b\n", ":1: `roles` is missing; say which machines the arch needs"),
    ("arch: 2011-99-99\n", ":1: not YAML: month must be in 1..12; mend this line"),
    ("arch: a\x07\n", ": not YAML: special characters are not allowed; mend it"),
    ("[" * 5000, ": not YAML: it is nested too deep; mend it"),
    (
        PLAIN.replace("plain", "a-{b}"),
        ":1: unknown placeholder {b} in `arch`; this file has no axes",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), WHOLE)
def test_a_file_that_is_no_arch_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        archs.load([path])
    assert str(caught.value) == f"{path}{sentence}"


def test_names_are_unique_over_all_files(tmp_path: Path) -> None:
    first, second = written(tmp_path, PLAIN), written(tmp_path, "\n" + PLAIN, "b.yml")
    with pytest.raises(ConfigError) as caught:
        archs.load([tmp_path])
    sentence = f"`plain` is taken by {first}:1; give one of them another name"
    assert str(caught.value) == f"{second}:2: {sentence}"


def test_members_of_a_family_need_names_of_their_own(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN + "axes: {hypervisor: [kvm, xen], network: [flat]}\n")
    with pytest.raises(ConfigError) as caught:
        archs.load([path])
    sentence = "several combinations are called `plain`; put every axis into it:"
    assert str(caught.value) == f"{path}:1: {sentence} {{hypervisor}} {{network}}"


def test_plays_and_suites_must_exist_where_folders_are_given(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN)
    plays, suites = tmp_path / "plays", tmp_path / "suites"
    for name in ("computing", "compute"):
        (suites / name).mkdir(parents=True)
    (suites / "computing" / "test_it.py").touch()
    plays.mkdir()
    (plays / "sites.yml").touch()
    with pytest.raises(ConfigError) as caught:
        archs.load([path], playbooks=plays)
    assert str(caught.value) == (
        f"{path}:6: no play `site.yml` in {plays}; did you mean `sites.yml`?"
    )
    with pytest.raises(ConfigError) as caught:
        archs.load([path], suites=suites)
    assert str(caught.value) == (
        f"{path}:7: no suite `compute` in {suites}; did you mean `computing`?"
    )
    (plays / "site.yml").touch()
    (suites / "compute" / "test_it.py").touch()
    assert len(archs.load([path], playbooks=plays, suites=suites)) == 1


@pytest.mark.parametrize("play", ["../a.yaml", "/etc/passwd"])
def test_a_play_outside_of_its_folder_is_none(tmp_path: Path, play: str) -> None:
    plays = tmp_path / "plays"
    plays.mkdir()
    path = written(tmp_path, PLAIN.replace("site.yml", play))
    with pytest.raises(ConfigError, match=f"a.yaml:6: no play `{play}` in .*; there are none"):
        archs.load([path], playbooks=plays)


def test_a_folder_without_archs_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no arch files .* in this folder; write one"):
        archs.load([tmp_path])
    with pytest.raises(ConfigError, match=r"cannot be read .*No such file.*; mend or remove it"):
        archs.load([tmp_path / "none.yaml"])
