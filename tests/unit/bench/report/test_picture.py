"""The picture of where the time goes."""

import re
from xml.etree import ElementTree as ET

import pytest

from bench.report.areas import AREAS
from bench.report.picture import Bar, amount, draw

SVG = "{http://www.w3.org/2000/svg}"
BARS = [
    Bar("gateway", {"MQTT": 60.0, "naming & batching": 30.0, "other": 10.0}),
    Bar("workers", {"database": 150.0, "reducing": 50.0}),
    Bar("redis", {"redis": 25.0}),
]


def parsed(bars: list[Bar] = BARS) -> ET.Element:
    return ET.fromstring(draw("Where <it> goes", "µs of CPU a message", bars))


def parts(root: ET.Element) -> list[ET.Element]:
    return [one for one in root.iter(f"{SVG}rect") if "part" in one.attrib["class"].split()]


def test_it_is_xml_without_scripts_or_anything_from_elsewhere() -> None:
    root = parsed()
    assert root.tag == f"{SVG}svg"
    assert {one.tag.removeprefix(SVG) for one in root.iter()} == {
        "svg",
        "title",
        "desc",
        "style",
        "rect",
        "text",
        "tspan",
    }
    assert "href" not in ET.tostring(root, encoding="unicode")


def test_it_says_in_words_what_it_shows() -> None:
    root = parsed()
    assert root.findtext(f"{SVG}title") == "Where <it> goes"
    told = root.findtext(f"{SVG}desc") or ""
    assert "gateway 100: MQTT 60, naming & batching 30, other 10; workers 200: database 150" in told
    assert set(root.attrib["aria-labelledby"].split()) == {"title", "desc"}


def test_widths_are_in_proportion_and_parts_touch() -> None:
    drawn = parts(parsed())
    widths = [float(one.attrib["width"]) for one in drawn]
    amounts = [value for bar in BARS for value in bar.parts.values()]
    assert len(drawn) == len(amounts)
    assert [width / widths[0] for width in widths] == pytest.approx([value / amounts[0] for value in amounts], rel=1e-3)
    first, second = drawn[:2]
    assert float(first.attrib["x"]) + widths[0] == pytest.approx(float(second.attrib["x"]), abs=0.02)


def test_the_longest_bar_reaches_from_edge_to_edge_and_all_is_inside() -> None:
    root = parsed()
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    right = max(float(one.attrib["x"]) + float(one.attrib["width"]) for one in parts(root))
    assert right == pytest.approx(width - 24, abs=0.1)
    assert max(float(one.attrib["y"]) for one in root.iter(f"{SVG}text")) < height
    assert max(float(one.attrib["x"]) for one in root.iter(f"{SVG}text")) < width


def test_each_part_has_a_colour_on_both_grounds() -> None:
    everything = Bar("all", dict.fromkeys(AREAS, 1.0))
    text = draw("", "", [everything, Bar("redis", {"redis": 1.0})])
    light, dark = text.partition("@media (prefers-color-scheme: dark)")[::2]
    used = set(re.findall(r'class="part (\w+)"', text))
    assert len(used) == len(AREAS) + 1
    for ground in (light, dark):
        fills = dict(re.findall(r"\.(\w+) \{ fill: (#[0-9a-f]{6}) \}", ground))
        assert used <= set(fills)
        assert len({fills[name] for name in used}) == len(used)


def test_who_is_drawn_as_one_piece_has_no_key() -> None:
    texts = ["".join(one.itertext()) for one in parsed([Bar("redis", {"redis": 25.0})]).iter(f"{SVG}text")]
    assert texts == ["Where <it> goes", "µs of CPU a message", "redis 25"]


def test_nothing_measured_draws_nothing() -> None:
    assert not parts(parsed([]))
    assert not parts(parsed([Bar("web", {})]))


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (0.344, "0.34"), (5.56, "5.6"), (9.97, "10"), (112.4, "112")]
)
def test_amounts_have_about_two_digits(value: float, text: str) -> None:
    assert amount(value) == text
