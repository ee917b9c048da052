"""Payloads of all shapes, each made of a few genes, so that a search can go on from those that came to most."""

import random
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct, structs

MAX_BYTES: Final = 256 * 1024

VALUES: Final[dict[str, bytes]] = {
    "digit": b"1",
    "number": b"21.5",
    "exponent": b"1e15",
    "tiny": b"1e-7",
    "integer": b"123456789012345678901234567890",
    "null": b"null",
    "true": b"true",
    "nan": b"NaN",
    "empty object": b"{}",
    "empty array": b"[]",
    "text": b'"' + b"x" * 40 + b'"',
    "long text": b'"' + b"x" * 5_000 + b'"',
    "control": b'"' + b"\\u0001" * 20 + b'"',
    "raw control": b'"\x7f\x7f"',
    "NUL": b'"a\\u0000b"',
    "surrogate": b'"\\ud800"',
    "umlaut": '"ü€😀"'.encode(),
    "quotes": b'"' + b'\\"' * 30 + b'"',
}


class Genes(Struct, frozen=True):
    """What a payload is made of."""

    shape: str
    value: str
    count: int  # of what repeats
    key_chars: int
    depth: int
    elements: int  # of each inner array or object


def render(genes: Genes) -> bytes:
    """The payload, at most MAX_BYTES."""
    return SHAPES[genes.shape](genes)


def _joined(parts: Iterator[bytes], room: int = MAX_BYTES - 2_000) -> bytes:
    taken: list[bytes] = []
    for part in parts:
        room -= len(part) + 1
        if room < 0:
            break
        taken.append(part)
    return b",".join(taken)


def _key(genes: Genes, number: int) -> bytes:
    return (b"%d" % number).rjust(genes.key_chars, b"k")


def _members(genes: Genes, count: int) -> bytes:
    value = VALUES[genes.value]
    return b"{%b}" % _joined(b'"%b":%b' % (_key(genes, number), value) for number in range(count))


def _flat(genes: Genes) -> bytes:
    return _members(genes, genes.count)


def _deep(genes: Genes) -> bytes:
    key, depth = _key(genes, 0)[:2_000], min(genes.depth, 60)
    inner = _members(genes, genes.count)[: MAX_BYTES - depth * (len(key) + 6)]
    return b'{"%b":' % key * depth + inner + b"}" * depth


def _under(genes: Genes) -> bytes:
    """A long key above many leaves: case H1."""
    inner = structs.replace(genes, key_chars=1)
    value = VALUES[genes.value]
    leaves = (b'"%b":%b' % (_key(inner, number), value) for number in range(genes.count))
    return b'{"%b":{%b}}' % (b"K" * (genes.key_chars * 500), _joined(leaves, MAX_BYTES - genes.key_chars * 500 - 100))


def _arrays(genes: Genes) -> bytes:
    array = b"[%b]" % b",".join([VALUES[genes.value]] * min(genes.elements, 200))
    return b"{%b}" % _joined(b'"%b":%b' % (_key(genes, number), array) for number in range(genes.count))


def _nested(genes: Genes) -> bytes:
    array = b"[" * genes.depth + VALUES[genes.value] + b"]" * genes.depth
    return b'{"a":[%b]}' % _joined(array for _ in range(genes.count))


def _batch(genes: Genes) -> bytes:
    element = _members(genes, max(1, genes.elements % 20))
    return b"[%b]" % _joined(element for _ in range(genes.count))


def _names(genes: Genes) -> bytes:
    """A batch in which each element has another metric."""
    value = VALUES[genes.value]
    return b"[%b]" % _joined(b'{"%b":%b}' % (_key(genes, number), value) for number in range(genes.count))


def _bad_batch(genes: Genes) -> bytes:
    return b"[%b]" % _joined((b'{"a":1}', b"5")[number % 2] for number in range(genes.count))


def _cut(genes: Genes) -> bytes:
    return _flat(genes)[:-1]


def _scalar(genes: Genes) -> bytes:
    return VALUES[genes.value]


SHAPES: Final[dict[str, Callable[[Genes], bytes]]] = {
    shape.__name__.strip("_"): shape
    for shape in (_flat, _deep, _under, _arrays, _nested, _batch, _names, _bad_batch, _cut, _scalar)
}


def random_genes(rng: random.Random) -> Genes:
    """Some, small and large alike."""
    return Genes(
        rng.choice(list(SHAPES)),
        rng.choice(list(VALUES)),
        int(10 ** rng.uniform(0, 4.2)),
        int(10 ** rng.uniform(0, 2.2)),
        rng.randint(1, 40),
        int(10 ** rng.uniform(0, 2.3)),
    )


def mutated(genes: Genes, rng: random.Random) -> Genes:
    """One gene changed."""
    other = random_genes(rng)
    name = rng.choice(Genes.__struct_fields__)
    value = getattr(other, name)
    if isinstance(value, int) and rng.random() < 0.5:
        value = max(1, round(getattr(genes, name) * rng.uniform(0.7, 1.5)))
    return structs.replace(genes, **{name: value})
