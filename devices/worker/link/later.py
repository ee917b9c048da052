"""A long list of what devices are, carried out piece by piece: nobody waits for all of it.

The first devices are described with the message that lists them. For the others the same transaction stores requests,
each for some of them, of which a shard carries out one a round. What they are is said by the source's state, which that
transaction has stored, too: so the list takes effect whole, once, whoever is killed or takes the shard over meanwhile;
and what a later list says counts at once. Others' messages are taken between the pieces.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from bridge.dialects.dialect import Said
from bridge.messages import Delivery
from bridge.observations import Described
from bridge.shards import device_hash
from devices.models import Request
from devices.worker.effects.work import RoundWork, ShardWork
from devices.worker.link.operation import Uplink
from devices.worker.link.tally import Tally
from devices.worker.sources.sources import Sources

KIND: Final = "describe"  # of such requests
AT_ONCE: Final = 5  # devices a round
_MOST_PIECES: Final = 20  # beyond, each has more devices: people's requests wait behind them
_KEPT: Final = ("dialect", "topic", "kind", "detail", "received_ms", "retain", "late")  # of the message


def put_off(said: Sequence[Said], delivery: Delivery, gateway: str, work: RoundWork) -> Sequence[Said]:
    """Of what a message says, what is carried out at once; the work takes requests for the rest.

    Args:
        said: by a message that has changed what is known of its source.
        delivery: the message.
        gateway: MQTT client id; who brought it.
        work: the round's.
    """
    listed = [one for one in said if _can_wait(one, delivery)]
    later = listed[AT_ONCE:]
    if not later:
        return said
    work.later += _requests([one.device for one in later], delivery, gateway)
    put = {id(one) for one in later}
    return [one for one in said if id(one) not in put]


def _can_wait(one: Said, delivery: Delivery) -> bool:
    what = one.what
    return isinstance(what, Described) and not what.description.withdrawn and one.device != delivery.source


def _requests(devices: list[str], delivery: Delivery, gateway: str) -> Iterator[Request]:
    source, size = delivery.source, max(AT_ONCE, -(-len(devices) // _MOST_PIECES))
    message = {name: getattr(delivery, name) for name in _KEPT} | {"gateway": gateway}
    for begin in range(0, len(devices), size):
        body = message | {"devices": devices[begin : begin + size]}
        yield Request(device_key=source, hash=device_hash(source), kind=KIND, body=body)


def plan(row: Request, part: ShardWork, work: RoundWork, sources: Sources) -> None:
    """Have the devices of a piece undergo what their source's state says of them by now.

    Raises:
        django.db.Error: the state had to be read, and the database failed.
    """
    work.settled[row.pk] = {}
    body: dict[str, Any] = row.body
    if sources.state(part.shard, body["dialect"], row.device_key, work.now_ms) is None:
        return
    message = {name: body[name] for name in _KEPT}
    delivery = Delivery(source=row.device_key, payload=b"", qos=1, dup=False, packet_id=0, **message)
    for key in body["devices"]:
        description = sources.describe(part.shard, body["dialect"], key)
        if description is not None and key not in part.shard.blocked:
            operation = Uplink(delivery, body["gateway"], Described(description), Tally(is_good=True))
            part.add(key, operation)
