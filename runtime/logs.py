"""One log for our own code (structlog) and the libraries' (logging), on standard error, as text or JSON lines."""

import logging
import logging.config
from typing import Any

import structlog
from structlog.typing import Processor

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def logging_config(*, level: str, style: str) -> None:
    """Set up logging for this process.

    Args:
        level: ``DEBUG`` … ``ERROR``, for our own code; libraries say at least INFO, the chatty ones WARNING.
        style: ``console`` or ``json``.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_stdlib(level, style))


def _stdlib(level: str, style: str) -> dict[str, Any]:
    quiet = (
        "daphne",
        "django.channels",
        "asyncio",
        "aiomqtt",
        "mqtt",
        "amqtt",
        "transitions",
        "passlib",
        "httpx",
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "causeway": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderers(style),
                ],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "causeway"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING"} for name in quiet},
            "psycopg.pool": {"level": "ERROR"},  # it repeats every attempt; each process says once that it is down
            "channels_redis.pubsub": {"level": "CRITICAL"},  # likewise, and with a traceback
        },
    }


def _renderers(style: str) -> list[Processor]:
    if style == "json":
        return [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    return [structlog.dev.ConsoleRenderer(colors=False)]
