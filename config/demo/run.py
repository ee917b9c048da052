"""Composes the demo: migrations, then all parts on one event loop, Daphne's."""

import asyncio
import signal
import socket
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

# First of all: it installs the reactor of the event loop that everything here runs on.
from daphne.server import twisted_loop  # isort: skip
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import call_command
from twisted.internet import defer
from twisted.internet import reactor as _reactor

from config.demo import people
from config.demo.parts import Parts
from runtime.database_clock import unix_ms

FOREIGN_RATE = 0.2  # messages a second and device
reactor: Any = _reactor  # the interfaces that Twisted declares for it are narrower than it is

BANNER = """
  Causeway is up.

    Page     http://localhost:{port}/
    Login    {user} / {password}
    MQTT     {mqtt_host}:{mqtt_port}, version 3.1.1  ({devices} simulated devices, {foreign} each of
             {dialects}; yours are welcome)

  Try:  mosquitto_pub -p {mqtt_port} -t devices/demo/mine/telemetry -m '{{"temperature": 21.5}}'
  Ctrl-C stops everything.
"""


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """What the demo is told."""

    port: int  # of the page
    mqtt_port: int  # of the embedded broker
    mqtt_host: str  # where it listens besides this machine's own address
    mqtt_password: str  # for clients from other machines
    devices: int  # simulated ones that speak Causeway's own dialect
    rate: float  # messages a second and device of these
    foreign: int  # simulated ones of each other dialect that is spoken and can be simulated


def simulated_dialects() -> list[str]:
    """Those of the setting DIALECTS of which devices can be simulated."""
    from mqtt_gateway.simulator.dialects import NAMES

    spoken = {one.name for one in settings.GATEWAY.spoken}
    return [name for name in NAMES if name in spoken]


class PortTakenError(Exception):
    """Port {port} of 127.0.0.1 is taken."""


def run(options: DemoOptions) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit status.

    Raises:
        PortTakenError: names the variable to change.
    """
    _require_free(options.port, "PORT")
    _require_free(options.mqtt_port, "MQTT_PORT", options.mqtt_host)
    call_command("migrate", verbosity=0, interactive=False)
    people.ensure_demo_user()
    return _Demo(options).run()


def _require_free(port: int, variable: str, host: str = "127.0.0.1") -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTakenError(
                f"{variable}: port {port} can't be used ({error.strerror}); try {variable}={port + 1}"
            ) from None


async def _broker_link(since_ms: int) -> None:
    """Wait until the gateway says that it is subscribed; at most 10 s."""
    from mqtt_gateway.status import gateway_status

    async with asyncio.timeout(10):
        while True:
            status = await sync_to_async(gateway_status)()
            if status.broker_up and status.since_ms >= since_ms:
                return
            await asyncio.sleep(0.05)


class _Demo:
    def __init__(self, options: DemoOptions) -> None:
        self._options = options
        self._parts = Parts(self._died)
        self._status = 0

    def run(self) -> int:
        from config.asgi import application
        from runtime.http import daphne_frames
        from runtime.http.requests import limits

        daphne_frames.install()
        daphne_frames.compress(on=settings.WEBSOCKET_COMPRESSION)
        limits.install(settings.TRUSTED_PROXIES)
        server = daphne_frames.FrameServer(
            application=application,
            endpoints=[f"tcp:port={self._options.port}:interface=127.0.0.1"],
            signal_handlers=False,
            ready_callable=self._listening,
        )
        reactor.callWhenRunning(self._take_signals)
        reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        server.run()
        return self._status

    def _take_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            twisted_loop.add_signal_handler(number, self._end)

    def _end(self) -> None:
        if reactor.running:
            reactor.stop()

    def _died(self, _name: str) -> None:
        self._status = 1
        self._end()

    def _listening(self) -> None:
        self._starting = asyncio.ensure_future(self._start())
        self._starting.add_done_callback(self._started)

    async def _start(self) -> None:
        from devices.handlers.process import beside
        from devices.worker.process import supervisor
        from mqtt_gateway import gateway, simulator
        from mqtt_gateway.demo.embedded_broker import embedded_broker

        options, started_ms = self._options, unix_ms()
        broker = embedded_broker(options.mqtt_port, options.mqtt_host, options.mqtt_password)
        await self._parts.resources.enter_async_context(broker)
        self._parts.start("devices", lambda stop: supervisor.run(range(settings.DEVICES.shards), stop))
        if settings.HANDLERS_IN_WORKERS and beside.has_handlers():
            self._parts.start("handlers", beside.keep)
        told = replace(settings.GATEWAY, broker_keeps_sessions=False)
        self._parts.start("gateway", lambda stop: gateway.run(told, stop))
        await _broker_link(since_ms=started_ms)  # else the fleet's first words would find nobody listening
        for dialect in simulated_dialects() if options.foreign else ["native"]:
            self._parts.start(f"{dialect} fleet", partial(simulator.simulate, self._fleet(dialect)))
        print(  # noqa: T201  the command's output
            BANNER.format(
                port=options.port,
                mqtt_host="localhost" if options.mqtt_host == "127.0.0.1" else options.mqtt_host,
                mqtt_port=options.mqtt_port,
                devices=options.devices,
                foreign=options.foreign,
                dialects=", ".join(name for name in simulated_dialects() if name != "native"),
                user=people.USERNAME,
                password=people.PASSWORD,
            ),
            flush=True,
        )

    def _fleet(self, dialect: str) -> Any:
        from mqtt_gateway.simulator import SimulatorOptions

        ours = dialect == "native"
        return SimulatorOptions(
            host="127.0.0.1",
            port=self._options.mqtt_port,
            dialect=dialect,
            devices=self._options.devices if ours else self._options.foreign,
            rate=self._options.rate if ours else FOREIGN_RATE,
            topic_root=settings.GATEWAY.topic_root,
        )

    def _started(self, starting: "asyncio.Task[None]") -> None:
        if not starting.cancelled() and (error := starting.exception()):
            print(f"demo: {error}", flush=True)  # noqa: T201
            self._status = 1
            self._end()

    def _stop(self) -> "defer.Deferred[None]":
        stopping: asyncio.Future[None] = asyncio.ensure_future(self._parts.stop(), loop=twisted_loop)
        return defer.Deferred.fromFuture(stopping)
