"""The features of the worker, in the order in which the round calls their hooks.

The order says two things. Plans: a device undergoes what it has sent itself, then what time and the gateways say, then
what is asked of it. Following up: sources before the ledger, which counts what of them is refused; what Home Assistant
asks before commands, which take it down; steps of commands before the outboxes are cleared of deleted devices, and
before requests, some of which they settle, are stored; the record of changes after all of them. Features of other apps
come last.
"""

from collections.abc import Callable, Iterable

from bridge.dialects.native.control_topics import CONTROLS
from devices.options import DevicesOptions
from devices.worker.alerts.feature import AlertsFeature
from devices.worker.commands.clearing import ClearingFeature
from devices.worker.commands.commands import CommandsFeature
from devices.worker.commands.desired import DesiredFeature
from devices.worker.commands.foreign_desired import ForeignDesiredFeature
from devices.worker.commands.rendering import Renderer
from devices.worker.commands.waiting import Waiting
from devices.worker.effects.changes import ChangesFeature
from devices.worker.effects.feature import Feature
from devices.worker.effects.reading_log import ReadingLogFeature
from devices.worker.homeassistant.controls import ControlsFeature
from devices.worker.homeassistant.export import ExportFeature
from devices.worker.link.calculating import CalculatingFeature
from devices.worker.link.descriptions import DescriptionsFeature
from devices.worker.link.uplink import UplinkFeature
from devices.worker.ownership.followed import Followed
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.presence.presence import PresenceFeature
from devices.worker.requests.imports.feature import ImportsFeature
from devices.worker.requests.requests import RequestsFeature
from devices.worker.retention.rollups.feature import RollupsFeature
from devices.worker.sources.feature import SourcesFeature
from devices.worker.sources.sources import Sources

FeatureFactory = Callable[[], Feature]  # the class itself, say


def all_features(
    options: DevicesOptions, more: Iterable[FeatureFactory] = (), followed: Followed | None = None
) -> tuple[Feature, ...]:
    """New instances of all, for one process.

    Args:
        options: of the installation.
        more: make other apps' (devices.extensions).
        followed: says which shards are; None: each is asked for once, when it is loaded.
    """
    known = options.dialects
    links = LinkWatch(known)
    sources, waiting = Sources(options, known, links), Waiting()
    renderer = Renderer(known, sources)
    commands = CommandsFeature(options, known, links, renderer, waiting)
    log = ReadingLogFeature(options, followed or Followed())
    uplink = UplinkFeature(options, sources, links, commands.knows, waiting, log)
    requests = RequestsFeature(options, known, sources, uplink.reduce)
    described = DescriptionsFeature()
    desired = (DesiredFeature(links), ForeignDesiredFeature(links, renderer))
    downlinks = (commands, *desired, ClearingFeature(known, links, options.shards))
    calculating = CalculatingFeature(options)
    heard = (SourcesFeature(options, known, links), uplink, calculating, PresenceFeature(options, links))
    controls = (ControlsFeature(commands),) if CONTROLS in known.by_name else ()
    export = (ExportFeature(options, links),) if options.homeassistant_export else ()
    asked = (requests, ImportsFeature(options))
    built_in = (*heard, AlertsFeature(options, links), *controls, *downlinks, *asked, described, *export)
    return (*built_in, ChangesFeature(), log, RollupsFeature(options), *(make() for make in more))
