"""The AsyncAPI document: it is valid, says all that the protocols have, and its examples are what is understood."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from bridge.dialects.native.payloads import decode
from bridge.dialects.native.topics import Kind, NativeTopics
from bridge.observations import BadElements, Cleared, Malformed
from devices.rules.documents import Document
from devices.rules.requested import desired_payload
from devices.rules.twin import TwinState
from devices.web.live.socket import client_frames
from devices.web.live.stream import server_frames
from devices.web.pages.asyncapi.document import document
from devices.web.pages.asyncapi.examples import CLIENT_FRAMES, SERVER_FRAMES
from devices.web.pages.asyncapi.payloads import DESIRED, UPLINK
from tests.support.environment import ROOT

CHECK = ROOT / "tests" / "asyncapi" / "check.mjs"
PARSER = Path(sys.prefix) / "asyncapi"  # where `make test` installs it


@pytest.fixture
def made() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        msgspec.json.encode(document(topic_root="devices", prefix="/x", secure=True, cookie="sessionid"))
    )
    return found


def messages(made: dict[str, Any], channel: str) -> dict[str, Any]:
    names = made["channels"][channel]["messages"]
    return {name: made["components"]["messages"][name] for name in names}


def refs(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (str(value) for name, value in part.items() if name == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from refs(one)


def checked(made: dict[str, Any]) -> list[str]:
    """What AsyncAPI's own parser says, a line each; the last one has what it has understood."""
    assert (PARSER / "node_modules").is_dir(), "AsyncAPI's parser is not installed: make pytest does it"
    node = shutil.which("node", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert node, "there is no node: make setup"
    command = [node, str(CHECK), str(PARSER)]
    text = json.dumps(made)
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_asyncapis_parser_finds_nothing_wrong(made: dict[str, Any]) -> None:
    told = f"{len(made['operations'])} operations, {len(made['components']['messages'])} messages"
    assert checked(made) == [told]


def test_it_would_say_what_is_wrong(made: dict[str, Any]) -> None:
    made["operations"]["receivePing"]["messages"] = [{"$ref": "#/channels/Status/messages/Status"}]
    assert [line.split(": ")[:2] for line in checked(made)[:-1]] == [["error", "operations.receivePing.messages.0"]]


def test_every_frame_is_in_it(made: dict[str, Any]) -> None:
    found = sorted(message["name"] for message in messages(made, "socket").values())
    fields = [one for cls in get_args(server_frames.ServerFrame) for one in msgspec.structs.fields(cls)]
    sent = [one.type for one in fields if one.name == "type"]
    received = [cls.__struct_config__.tag for cls in get_args(client_frames.ClientFrame)]
    assert found == sorted([*(get_args(kind)[0] for kind in sent), *received])
    operations = made["operations"].values()
    said = {ref.rpartition("/")[2] for operation in operations for ref in refs(operation.get("messages"))}
    replied = {ref.rpartition("/")[2] for operation in operations for ref in refs(operation.get("reply"))}
    assert set(messages(made, "socket")) <= said | replied


def test_the_event_stream_has_the_frames_of_a_stream(made: dict[str, Any]) -> None:
    told = {message["name"] for message in messages(made, "eventStream").values()}
    assert told == {"link", "snapshot", "delta", "event", "gone", "command", "alert"}
    assert made["servers"]["http"]["protocol"] == "https"


def test_messages_are_those_of_their_operations_channels(made: dict[str, Any]) -> None:
    for operation in made["operations"].values():
        for part in (operation, operation.get("reply", operation)):
            assert all(ref.startswith(part["channel"]["$ref"] + "/") for ref in refs(part["messages"]))


def test_every_topic_is_in_it(made: dict[str, Any]) -> None:
    topics = {one["address"] for one in made["channels"].values() if one["servers"] == [{"$ref": "#/servers/broker"}]}
    assert {"/".join("+" if "{" in part else part for part in topic.split("/")) for topic in topics} == set(
        NativeTopics("devices").shapes
    )
    assert set(UPLINK) == set(get_args(Kind))
    for one in made["channels"].values():
        assert set(one.get("parameters", ())) == {part[1:-1] for part in one["address"].split("/") if "{" in part}


def test_topics_have_their_root_and_the_socket_its_server() -> None:
    made = document(topic_root="things", prefix="/x", secure=True, cookie="c")
    assert made["channels"]["Status"]["address"] == "things/{site}/{device}/status"
    assert {made["servers"]["web"][name] for name in ("protocol", "pathname")} == {"wss", "/x"}
    plain = document(topic_root="things", prefix="", secure=False, cookie="c")["servers"]["web"]
    assert plain["protocol"] == "ws"
    assert "pathname" not in plain


def test_all_that_is_referred_to_is_there(made: dict[str, Any]) -> None:
    for ref in set(refs(made)):
        found: Any = made
        for name in ref.removeprefix("#/").split("/"):
            found = found[name]
        assert found


def examples(made: dict[str, Any], channel: str) -> Iterator[tuple[str, Any]]:
    for message in messages(made, channel).values():
        yield from ((message["name"], example["payload"]) for example in message.get("examples", ()))


def test_frames_of_the_examples_are_understood(made: dict[str, Any]) -> None:
    found = list(examples(made, "socket"))
    assert len(found) == sum(map(len, (*CLIENT_FRAMES.values(), *SERVER_FRAMES.values()))) > 10
    for name, example in found:
        assert example["type"] == name
        if "n" in example and name != "ack":
            server_frames.convert(example)
        else:
            assert not isinstance(client_frames.parse(json.dumps(example)), client_frames.BadFrame), example


@pytest.mark.parametrize("kind", get_args(Kind))
def test_payloads_of_the_examples_are_understood(kind: Kind) -> None:
    for example in UPLINK[kind].examples:
        text = example if kind == "status" and isinstance(example, str) else json.dumps(example)
        found = decode(kind, "x", text.encode())
        assert not isinstance(found, Malformed | Cleared), found
        assert not isinstance(getattr(found, "bad", None), BadElements)


def test_the_desired_state_is_sent_as_it_says() -> None:
    twin = TwinState()
    twin.desired, twin.desired_version = Document(value=DESIRED.examples[0]["delta"]), DESIRED.examples[0]["version"]
    assert json.loads(desired_payload(twin)) == DESIRED.examples[0]
    assert msgspec.json.decode(desired_payload(twin), type=DESIRED.payload)


def test_what_a_device_may_say_of_itself_lacks_what_others_say(made: dict[str, Any]) -> None:
    assert {"name", "properties", "actions"} <= set(made["components"]["schemas"]["Model"]["properties"])
    assert not {"dialect", "origin", "withdrawn", "set_by"} & set(made["components"]["schemas"]["Model"]["properties"])
