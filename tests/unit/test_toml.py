"""TOML with line numbers: every table and key has the line that it is written on."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import toml
from orchestrator.model.errors import ConfigError

TRICKY = '''\
# a comment with [a.table] and key = "value"
top = 1
"quoted # key" = "a \\" # no comment"
dotted.key.here = [ # opens
  "[not.a.table]",
  { inline = 1 },
]

[a]
text = """
[not.a.table]
key = 1
"""
literal = \'\'\'
[[neither]]\'\'\'
after = 2

[[list]]
one = 1
[list.inner]
two = 2
[[list.inner.deep]]
three = 3

[[list]]
one = 4
[list."in.ner"]
two = 5
'''


def test_every_key_and_table_has_its_line() -> None:
    found = toml.lines(TRICKY)
    assert found == {
        ("top",): 2,
        ("quoted # key",): 3,
        ("dotted",): 4,
        ("dotted", "key"): 4,
        ("dotted", "key", "here"): 4,
        ("a",): 9,
        ("a", "text"): 10,
        ("a", "literal"): 14,
        ("a", "after"): 16,
        ("list",): 18,
        ("list", 0): 18,
        ("list", 0, "one"): 19,
        ("list", 0, "inner"): 20,
        ("list", 0, "inner", "two"): 21,
        ("list", 0, "inner", "deep"): 22,
        ("list", 0, "inner", "deep", 0): 22,
        ("list", 0, "inner", "deep", 0, "three"): 23,
        ("list", 1): 25,
        ("list", 1, "one"): 26,
        ("list", 1, "in.ner"): 27,
        ("list", 1, "in.ner", "two"): 28,
    }


KEYS = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
VALUES = st.sampled_from(
    [
        "1",
        '"x"',
        "'[y]'",
        '["a", # [b]\n "c"\n]',
        '"""\n[z]\n\\""""',
        "'''\nq = 1\n'''",
        "{ i = 1 }",
    ]
)


@given(
    tables=st.lists(
        st.tuples(KEYS, st.dictionaries(KEYS, VALUES, max_size=3)), unique_by=lambda t: t[0]
    )
)
def test_the_line_of_every_key_begins_with_it(tables: list[tuple[str, dict[str, str]]]) -> None:
    rows = [
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in table.items())
        for name, table in tables
    ]
    text = "\n".join(rows)
    read, lines = tomllib.loads(text), text.splitlines()
    found = toml.lines(text)
    assert set(found) == {(name,) for name in read} | {(n, k) for n, t in read.items() for k in t}
    for trail, line in found.items():
        start = f"[{trail[0]}]" if len(trail) == 1 else f"{trail[1]} = "
        assert lines[line - 1].startswith(start)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = 1\nb = [1,\n", ":2: not TOML: invalid value; mend this line"),
        ("a = 1\nb = \x07", ":2: not TOML: invalid value; mend this line"),
        ("a = " + "[" * 5000, ": not TOML: it is nested too deep; mend it"),
    ],
)
def test_what_is_not_toml_is_refused_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        toml.parse("lab.toml", text)
    assert str(caught.value) == f"lab.toml{sentence}"


def test_values_know_their_names_and_lines() -> None:
    read = toml.parse("lab.toml", TRICKY)
    deep = read["list"].items()[0]["inner"]["deep"].items()[0]["three"]
    assert (deep.name, deep.source) == ("list[0].inner.deep[0].three", "lab.toml:23")
    inline = read["dotted"]["key"]["here"].items()[1]["inline"]
    assert (inline.integer(), inline.line) == (1, 4)
    assert not read["list"].items()[1]["missing"].written
