"""Templates: what is understood means what Jinja makes of it; all else is refused, and nothing takes long."""

import contextlib
import json
import time
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.homeassistant.templates.template import NotUnderstood, template
from bridge.dialects.homeassistant.templates.values import TemplateError

JSON: dict[str, Any] = {
    "temperature": 19.44, "soil": {"moisture": "41.26"}, "on": True, "none": None, "list": [3, 1, 2], "text": " A,b ",
    "deep": {"list": [{"x": 1}]}, "zero": 0, "name with space": "y", "1": "one",
}  # fmt: skip
VARIABLES: dict[str, Any] = {"value": "7", "value_json": JSON}
JINJA = jinja2.Environment(autoescape=False)
JINJA.filters["tojson"] = JINJA.filters["to_json"] = json.dumps
JINJA.filters["bool"] = lambda value: str(value).lower() in ("1", "true", "on", "yes")
JINJA.filters["iif"] = lambda value, yes=True, no=False: yes if value else no

SAME = [
    "{{ value_json.temperature }}", "{{ value_json['soil']['moisture'] }}", "{{ value_json.soil.moisture | float }}",
    "{% if value_json.on %}heat{% else %}off{% endif %}", '{"level": {{ value | int }} }', "a {{- value -}} b",
    "{%- if value == '7' -%} x {%- elif value == '8' -%} y {%- else -%} z {%- endif -%}", "{{ value_json.none }}",
    "{{ value_json.missing | default('d') }}", "{{ value_json.missing }}", "{{ value_json.list[1] + 3 }}",
    "{{ value_json.list | max }} {{ value_json.list | min }}",
    "{{ value_json.list | first }}{{ value_json.list | last }}", "{{ value_json.list | length }}",
    "{{ value_json.text | trim | lower }}", "{{ value_json.text.split(',')[0] }}",
    "{{ value_json.text | replace('A', 'B') | upper }}", "{{ {'7': 'on', '8': 'off'}[value] }}", "{{ -3 | abs }}",
    "{{ {'x': 1}.get('y', 5) }}", "{{ value in ['7', '8'] }}", "{{ value not in '789' }}", "{{ not value_json.on }}",
    "{{ 1 + 2 * 3 - 4 / 2 }}", "{{ 7 // 2 }} {{ 7 % 4 }} {{ -7 // 2 }}", "{{ 'a' ~ 1 ~ 'b' }}", "{{ 'a' + 'b' }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }}", "{{ 'yes' if value_json.on else 'no' }}", "{{ value if false }}",
    "{{ value_json.missing is defined }}", "{{ value_json.none is none and value_json.on is not none }}",
    "{% set a = value | int %}{% set b = a * 2 %}{{ a + b }}", "{{ value_json.deep.list[0].x }}",
    "{{ value_json.on and value_json.zero or 'else' }}", "{# a comment #}x{#- another -#} y",
    "{{ value[0] }}{{ value[5] }}", "{{ value_json['name with space'] }}", "{{ value_json.list | join('-') }}",
    "{{ 1.50 }} {{ 2e3 }} {{ 10 }}", "{{ value_json.list[0:2] }}", "{{ 'it\\'s' }}",
    "{{ value_json.on | iif('y', 'n') }}", "{{ value_json | tojson }}", "{{ true }} {{ none }} {{ False }}",
    "{{ value_json.temperature | round(1) }}", "{{ '}}' }}", "{{ {'a': {'b': 1}}.a.b }}",
    "{{ 7 is odd }} {{ '7' is number }} {{ 7 is number }} {{ value is string }}", "{{ not not value }}",
    "{{ value.startswith('7') }} {{ value_json.text.strip() }}", "{{ value_json.zero == false }}",
    "{{ value_json.1 }}",
]  # fmt: skip
REFUSED = [
    "{% for i in range(9999999999) %}x{% endfor %}", "{{ value * 10**9 }}", "{{ states('sensor.x') }}", "{{ now() }}",
    "{{ value.__class__() }}", "{{ value | map('upper') | list }}", "{{ range(10) }}",
    "{% macro x() %}{% endmacro %}", "{% include 'x' %}", "{{ value", "{% if value %}", "{{ }}", "{{ 1 2 }}",
    "{{" + "(" * 300 + "1" + ")" * 300 + "}}", "{{" + "not " * 2_000 + "1}}", "{{ value" + "|int" * 500 + "}}",
    "{% if 1 %}" * 100 + "{% endif %}" * 100, "{{ lambda: 1 }}", "{% raw %}{{ x }}{% endraw %}", "x" * 4_001,
    "{{ 'a }}", "{{ value if }}", "{{ value | }}", "{{ value_json. }}", "{% set x %}", "{% else %}", "{% endif %}",
    "{{ value is }}",
]  # fmt: skip
FAILING = [
    "{{ ''.__class__.__mro__ }}", "{{ value_json.__class__.__init__ }}", "{{ value_json.missing.deeper }}",
    "{{ value * 3 }}", "{{ 'x' | int }}", "{{ value_json.missing | float }}", "{{ 1 / 0 }}",
    "{{ value_json.soil + 1 }}", "{{ value_json.list + value_json.list }}", "{{ 'a' < 1 }}",
    "{{ value_json.none | round }}", "{{ value_json.missing | is_defined }}", "{{ 'x' * 1000000 }}",
    "{{ int('9' * 3) }}", "{{ value.split('') }}", "{{ value | int(base='x') }}", "{{ value | round(99) }}",
    "{{ value_json.soil.get([]) + 1 }}", "{{ {[]: 1} }}",
]  # fmt: skip


def rendered(source: str, **variables: Any) -> str:
    found = template(source)
    assert not isinstance(found, NotUnderstood), found
    return found.render(variables or VARIABLES)


@pytest.mark.parametrize("source", SAME)
def test_what_is_understood_means_what_jinja_makes_of_it(source: str) -> None:
    assert rendered(source) == JINJA.from_string(source).render(VARIABLES).strip()


@pytest.mark.parametrize("source", REFUSED)
def test_all_else_is_refused_at_once(source: str) -> None:
    template.cache_clear()
    began = time.process_time()
    assert isinstance(template(source), NotUnderstood)
    assert time.process_time() - began < 0.05


@pytest.mark.parametrize("source", FAILING)
def test_what_has_no_result_raises_nothing_else(source: str) -> None:
    with pytest.raises(TemplateError):
        rendered(source)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ '3.7' | int }}", "3"),
        ("{{ 'x' | int(0) }}", "0"),
        ("{{ value_json.soil.moisture | float(0) | round(1) }}", "41.3"),
        ("{{ 'unavailable' | float(0) | round(1) }}", "0.0"),
        ("{{ 2.5 | round }}", "2"),
        ("{{ 2.41 | round(1, 'ceil') }} {{ 2.49 | round(1, 'floor') }} {{ 2.3 | round(1, 'half') }}", "2.5 2.4 2.5"),
        ("{{ '0x1F' | int(0, 16) }}", "31"),
        ("{{ value | multiply(3) }} {{ value | add(1) }}", "21.0 8.0"),
        ("{{ float(value) / 2 }}", "3.5"),
    ],
)
def test_home_assistants_own_filters(source: str, text: str) -> None:
    assert rendered(source) == text


@pytest.mark.parametrize(
    "source",
    [
        "".join(f"{{% set a{i + 1} = a{i} ~ a{i} %}}" for i in range(60)).replace("a0", "value") + "{{ a60 }}",
        "{{ value" + " | replace('x', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')" * 20 + " }}",
        "{% set n = 9 %}" + "{% set n = n * n %}" * 60 + "{{ n }}",
        "{{ [value_json, value_json, value_json] }}" * 30,
        "{{ value | join('" + "x" * 2_000 + "') }}" * 1,
    ],
)
def test_bombs_cost_little(source: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateError):
        rendered(source, value="x" * 1_000, value_json={str(i): "y" * 100 for i in range(2_000)})
    assert time.process_time() - began < 0.2


_WORDS = """
    {{ }} {% %} {# #} value value_json . [ ] ( ) 'a' "b" 1 2.5 | int float default if else elif endif set = == < ~ + - *
    / // % not and or in is defined none true : , { } x ** \\ ' round(1) .split(',') get
"""
WORDS = st.sampled_from(_WORDS.split())


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_any_text_is_refused_or_rendered(source: str) -> None:
    found = template(source)
    if not isinstance(found, NotUnderstood):
        with contextlib.suppress(TemplateError):  # nothing else is raised
            assert isinstance(found.render(VARIABLES), str)


@given(st.lists(WORDS, max_size=14).map(lambda words: "{{ " + " ".join(words) + " }}"))
def test_what_jinja_renders_is_rendered_the_same_or_not_at_all(source: str) -> None:
    found = template(source)
    if isinstance(found, NotUnderstood):
        return
    try:
        ours = found.render(VARIABLES)
    except TemplateError:
        return
    theirs = JINJA.from_string(source).render(VARIABLES).strip()
    assert "<" in theirs or " round" in source or ours == theirs
