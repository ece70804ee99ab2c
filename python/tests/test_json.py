"""The JSON of the extension is the same as that of the json module."""

import json
import math
import random
import string
from collections import OrderedDict

import pytest

from gracedb_kafka import _core

VALUES = [
    {},
    [],
    {"a": []},
    {"graceid": "G12345", "far": 1.5e-9, "labels": ["INJ"], "offline": False, "search": None},
    {"escapes": 'quote " backslash \\ slash / newline \n tab \t return \r feed \f back \b nul \0 del \x7f'},
    {"words": "ä € 𝔊 \u2028", "ключ": "значение"},
    {"integers": [0, -1, 2**31, -(2**63), 2**63 - 1, 2**63, 2**64, 10**40]},
    {"floats": [0.0, -0.0, 1.0, 0.1, 1e16, 1e22, 1e-7, 5e-324, 1.7976931348623157e308, 100000.0]},
    {"not numbers": [math.inf, -math.inf]},
    {"tuple": (1, "two", (3.0,))},
    {1: "int", 2.5: "float", None: "none", False: "bool"},
    {"lone surrogate": "\ud800"},
    OrderedDict(b=1, a=2),
]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_writes_the_same_as_json_dumps(value):
    assert _core.to_json(value) == json.dumps(value).encode()


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_reads_the_same_as_json_loads(value):
    text = json.dumps(value)
    assert _core.from_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("special", ['"', "\\", "\n", "\x1f", "\x7f", "ä", "𝔊"])
def test_escapes_a_character_at_any_position(special):
    for before in range(18):
        for after in range(18):
            value = {"text": "a" * before + special + "z" * after}
            assert _core.to_json(value) == json.dumps(value).encode()


def test_keeps_the_types_of_numbers():
    read = _core.from_json(b"[1, 1.0, true, 18446744073709551615, 1e2, -0.0]")
    assert [type(item) for item in read] == [int, float, bool, int, float, float]


def test_reads_and_writes_nan():
    (value,) = _core.from_json(_core.to_json([math.nan]))
    assert math.isnan(value)


def test_random_values_match_the_json_module():
    source = random.Random(7)
    for _ in range(2_000):
        value = random_value(source, 4)
        text = _core.to_json(value)
        assert text == json.dumps(value).encode()
        assert _core.from_json(text) == json.loads(text)


def random_value(source, depth):
    kind = source.randrange(7 if depth else 5)
    if kind == 0:
        return source.choice([None, True, False])
    if kind == 1:
        return source.randrange(-(10 ** source.randrange(1, 25)), 10**18)
    if kind == 2:
        return source.uniform(-1, 1) * 10 ** source.randrange(-30, 30)
    if kind in (3, 4):
        return "".join(source.choice(string.printable + "äöü€𝔊") for _ in range(source.randrange(12)))
    if kind == 5:
        return [random_value(source, depth - 1) for _ in range(source.randrange(5))]
    return {
        f"key{source.randrange(300)}": random_value(source, depth - 1) for _ in range(source.randrange(5))
    }


def test_rejects_the_same_types_as_json_dumps():
    with pytest.raises(TypeError, match="Object of type set is not JSON serializable"):
        _core.to_json({"a": {1, 2}})
    with pytest.raises(TypeError, match="keys must be str"):
        _core.to_json({(1, 2): 3})


def test_rejects_circular_references_like_json_dumps():
    value = {}
    value["self"] = value
    with pytest.raises(ValueError, match="Circular reference"):
        _core.to_json(value)


def test_reads_and_writes_deep_nesting():
    value = []
    for _ in range(300):
        value = [value]
    assert _core.to_json(value) == json.dumps(value).encode()
    assert _core.from_json(_core.to_json(value)) == value


@pytest.mark.parametrize("text", [b"", b"{", b"nonsense", b'{"a": 1,}', b"\xff\xfe", b'"\xff"', b"1 2"])
def test_text_that_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        _core.from_json(text)
