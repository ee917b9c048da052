"""What is retained where nobody took it before: fetched once a filter is new, also where one subscription hears all."""

from types import SimpleNamespace
from typing import Any

from bridge.dialects.dialect import Filter
from mqtt_gateway.connection.subscriptions import Subscriptions
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.rules.dynamic_filters import DynamicFilters
from mqtt_gateway.rules.refetches import Refetches
from tests.unit.mqtt_gateway.connection.test_broker_link import OPTIONS


async def test_who_hears_all_fetches_what_is_retained_when_a_filter_is_new() -> None:
    state: Any = SimpleNamespace(dynamic=DynamicFilters(), refetches=Refetches())
    options: GatewayOptions = OPTIONS
    nobody: Any = None
    subscriptions = Subscriptions(options, nobody, state, print)
    subscriptions.hears_all = True
    subscriptions._known = {"#": True, options.marker_topic: True}
    await subscriptions.change(nobody)
    assert state.refetches.due(0, 9) == [], "nothing is new at first"
    state.dynamic = DynamicFilters(filters={"weather/+/+": Filter("weather/+/+")})
    await subscriptions.change(nobody)
    assert state.refetches.due(0, 9) == ["#"]
    state.refetches.done(("#",), 0)
    await subscriptions.change(nobody)
    state.dynamic = DynamicFilters()
    await subscriptions.change(nobody)
    assert state.refetches.due(1_000, 9) == []
