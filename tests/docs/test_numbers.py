"""Numbers and names that pages state and the code has: they are the code's."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from bridge import json_limits, json_values
from bridge.link import MAX_IN_FLIGHT
from bridge.redelivery import WINDOW
from devices.rules import clocks, commands, documents, presence
from devices.web.api import paging
from devices.web.api.app import api
from devices.web.live.queries import rows
from devices.web.live.socket import catch_up, client_frames, frame_writer, subscriptions
from devices.web.live.stream import feed, rendering, subscription
from devices.worker.round import intake
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.rules import lanes, shard_queue
from mqtt_gateway.uplink import backpressure
from runtime.http.front import MAX_BODY_BYTES
from runtime.leases import LEASE_S
from tests.docs.blocks import ROOT

OPTIONS = GatewayOptions()
KIB, MIB = 1024, 1024 * 1024
A_SHARD = lanes.QOS0_LIMIT + 2 * lanes.BATCH_LIMIT
IN_HAND = OPTIONS.in_flight_limit + settings.DEVICES.shards * A_SHARD
THREE_QUARTERS = round(OPTIONS.in_flight_limit * 3 // 4, -3)
CAPACITY = settings.CHANNEL_LAYERS["default"]["CONFIG"]["capacity"]

STATED = {
    "overload.md": [
        f"{OPTIONS.in_flight_limit:,} (receive maximum",
        f"| {backpressure.MAX_UNCONFIRMED:,}, and up to {2 * backpressure.CHECK_EVERY} already read",
        f"{lanes.QOS0_LIMIT:,} deliveries, {lanes.QOS0_BYTES // MIB} MiB",
        f"2 batches, each of {lanes.BATCH_LIMIT:,} deliveries or {shard_queue.BATCH_BYTES // KIB} KiB",
        f"{lanes.LANES_BYTES // KIB} KiB in one batch, or a single delivery",
        f"in-flight limit + {A_SHARD:,} deliveries a shard; {backpressure.MAX_BYTES // MIB} MiB",
        f"a gateway of {settings.DEVICES.shards} shards may hold of small payloads, {IN_HAND:,} deliveries",
        f"is some {IN_HAND * 0.4 / KIB:.0f} MiB",
        f"{CAPACITY:,} messages; gone after 60 s",
        f"{intake.MAX_BATCHES} a shard",
        f"about {intake.ROUND_DELIVERIES:,} deliveries",
        f"| {feed.MAX_PENDING_BYTES // MIB} MiB | all of them are due",
        f"{frame_writer.LIMIT_BYTES // MIB} MiB; replies up to {frame_writer.REPLIES_LIMIT_BYTES // MIB} MiB",
        f"{feed.MAX_ASIDE_BYTES // MIB} MiB a feed, {subscription.MAX_ASIDE_BYTES // KIB} KiB a subscription",
        f"{catch_up.MAX_PAGE_BYTES // KIB} KiB, {rows.MAX_ROWS:,} rows",
    ],
    "gateway.md": [
        f"{lanes.QOS0_LIMIT:,} deliveries, {lanes.QOS0_BYTES // MIB} MiB",
        f"{backpressure.MAX_BYTES // MIB} MiB queued; in-flight limit + {A_SHARD:,} a shard",
        f"{lanes.BATCH_LIMIT:,} deliveries or",
        f"older than {LEASE_S:g} s",
    ],
    "live.md": [
        f"{feed.MAX_PENDING_BYTES // MIB} MiB | all of it is due",
        f"{frame_writer.LIMIT_BYTES // MIB} MiB of streams, {frame_writer.REPLIES_LIMIT_BYTES // MIB} MiB with replies",
        f"| {subscriptions.MAX_SUBSCRIPTIONS} a socket |",
    ],
    "mqtt.md": [
        f"{json_values.MAX_ARRAY} elements at most",
        f"an array over {json_values.MAX_ARRAY} elements",
        f"one over {json_values.MAX_NAME_CHARS} characters",
        f"over {json_limits.MAX_DEPTH} levels",
        f"over {json_limits.MAX_PAYLOAD_BYTES // KIB} KiB (kept truncated)",
        f"over {json_limits.MAX_ELEMENT_LEAVES:,} values in an object (an element of a batch)",
        f"over {json_limits.MAX_MESSAGE_LEAVES:,} in a message",
        f"counts for {presence.CONFIRM_MS // 1000} s",
        f"Above {clocks.CLOCK_TOLERANCE_MS // 60_000} minutes",
        f"over {documents.MAX_DOCUMENT_BYTES // KIB} KiB together",
    ],
    "websocket.md": [
        f"text of 1–{client_frames.MAX_ID_CHARS} characters",
        f"a frame over {client_frames.MAX_FRAME_BYTES // KIB} KiB",
        f"{subscriptions.MAX_SUBSCRIPTIONS} subscriptions",
        f"With {frame_writer.LIMIT_BYTES // MIB} MiB unacknowledged",
        f"frame of up to {rendering.MAX_BODY_BYTES // KIB} KiB",
        f"pages of up to {rendering.MAX_PAGE_DEVICES} devices",
    ],
    "ingest.md": [
        f"within the window of {WINDOW:,}",
        f"{intake.MAX_BATCHES} a shard",
        f"about {intake.ROUND_DELIVERIES:,} deliveries",
        f"{LEASE_S:g} s",
    ],
    "operations.md": [
        f"In flight at its limit** ({OPTIONS.in_flight_limit:,})",
        f"leases](glossary.md) of {LEASE_S:g} s",
    ],
    "monitoring.md": [
        f"in-flight limit, {OPTIONS.in_flight_limit:,}",
        f"{THREE_QUARTERS:,} is three quarters",
        f"causeway_in_flight > {THREE_QUARTERS}\n",
    ],
    "without-docker.md": [f"max_inflight_messages {MAX_IN_FLIGHT}\n"],
    "http-api.md": [
        f"a body over {MAX_BODY_BYTES // KIB} KiB",
        f"`limit` is 1 to {paging.MAX_LIMIT}, {paging.DEFAULT_LIMIT} by default",
        f"with {paging.MAX_PAGE_BYTES // MIB} MiB it ends",
        f"more than {commands.MAX_BRIEF_BYTES // KIB} KiB",
        f"at most {json_limits.MAX_DEPTH} levels",
    ],
    "proxies.md": [f"bodies of up to {MAX_BODY_BYTES // KIB} KiB"],
}


@pytest.mark.parametrize(("page", "text"), [(page, text) for page, texts in STATED.items() for text in texts])
def test_the_page_states_the_codes_number(page: str, text: str) -> None:
    assert " ".join(text.split()) in " ".join((ROOT / "docs" / page).read_text().split())


def test_the_brokers_limits_are_those_of_the_file_that_compose_has() -> None:
    shown = (ROOT / "docs" / "without-docker.md").read_text()
    kept = re.findall(
        r"^(max_\w+|autosave_\w+|persistent_\w+) (\w+)$", (ROOT / "mosquitto/mosquitto.conf").read_text(), re.MULTILINE
    )
    limits = [f"{name} {value}" for name, value in kept if name != "max_inflight_bytes"]
    assert limits
    assert not [limit for limit in limits if f"\n{limit}\n" not in shown]


def test_each_operation_of_the_api_is_on_its_page() -> None:
    page = (ROOT / "docs" / "http-api.md").read_text()
    named = {f"{method} {path}" for method, path in re.findall(r"`(GET|PATCH|POST|PUT|DELETE) ([^`?]+)", page)}
    missing = [
        operation
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
        if not named & _spellings(operation := f"{method.upper()} {path.removeprefix('/api/v1')}")
    ]
    assert not missing


def _spellings(operation: str) -> set[str]:
    """As the page writes it: `…` for a device, short names for ids."""
    short = re.sub(r"\{(?:alert|board|calculated|command|entry|mapping|rule|view)_id\}", "{id}", operation)
    return {short, short.replace("/devices/{site}/{device}/", "…/")}


def test_the_example_of_composes_settings_has_all_that_it_takes() -> None:
    shown = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    compose = (ROOT / "docker-compose.yml").read_text()
    services = yaml.safe_load(compose)["services"].values()
    passed_on = {name for one in services for name, value in (one.get("environment") or {}).items() if value is None}
    taken = passed_on | set(re.findall(r"\$\{([A-Z_]+)", compose))
    assert taken <= shown, taken - shown
    assert shown <= taken, shown - taken


def test_the_clients_files_are_those_that_it_imports() -> None:
    page = (ROOT / "docs" / "javascript-client.md").read_text()
    folder = ROOT / "devices/web/static/causeway/client"
    needed, seen = ["client.js"], set[str]()
    while needed:
        name = needed.pop()
        if name not in seen:
            seen.add(name)
            needed += re.findall(r'^(?:import|export) .*from "\./([\w.]+)"', (folder / name).read_text(), re.MULTILINE)
    sentence = re.search(r"copy eight files, (.*?), from\s", page, re.DOTALL)
    assert sentence
    assert set(re.findall(r"`([\w.]+\.js)`", sentence[1])) == seen
    assert len(seen) == 8


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [page.name for page in sorted(Path(ROOT / "docs").glob("*.md")) if f"docs/{page.name}" not in readme]
    assert not missing
