"""What must be right about Redis before a process works with it: found out by asking, once, at start."""

import asyncio
import contextlib
from typing import Any, Final

from channels_redis.utils import create_pool
from redis.exceptions import RedisError, ResponseError

from runtime.channel_layers.redis_commands import CLUSTER, RedisCommands

_LIMIT_S: Final = 3.0


def problem(host: dict[str, Any]) -> str:
    """Why this Redis can't be used, whatever happens; "" otherwise, also if it is not there (yet).

    Args:
        host: as channels_redis has it in its settings.
    """
    return asyncio.run(_problem(host))


async def _problem(host: dict[str, Any]) -> str:
    commands = RedisCommands(create_pool(host))
    with contextlib.suppress(TimeoutError, OSError, RedisError):
        try:
            async with asyncio.timeout(_LIMIT_S):
                await commands.call("PING")
        except ResponseError as error:
            return CLUSTER if str(error) == CLUSTER else ""
        finally:
            await commands.close()
    return ""
