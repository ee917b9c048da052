"""Containers through testcontainers, where a Docker daemon answers and has (or can fetch) the image."""

import contextlib
import functools
import gc
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# The reaper is one more image to fetch; fixtures remove their containers themselves.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

import docker
from docker.errors import DockerException
from docker.models.containers import Container
from testcontainers.core.container import DockerContainer

_ANSWER_TIMEOUT_S = 5
_STOP_TIMEOUT_S = 20


@functools.cache
def docker_answers() -> bool:
    """Is there a Docker daemon that we may use? RequestOperation once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        answers = _ping()
        gc.collect()  # the library leaves a socket open that it could not connect, in a cycle of its exceptions
        return answers


def _ping() -> bool:
    try:
        with contextlib.closing(docker.from_env(timeout=_ANSWER_TIMEOUT_S)) as client:
            client.ping()
    except (DockerException, OSError):
        return False
    return True


def has_image(image: str) -> bool:
    """Does a Docker daemon have this image already?"""
    if not docker_answers():
        return False
    with contextlib.closing(docker.from_env()) as client:
        return bool(client.images.list(image))


@functools.cache
def why_no_image(image: str) -> str | None:
    """None when a container of `image` can be run here; otherwise the reason. Fetches the image if need be."""
    if not docker_answers():
        return "no Docker daemon answers"
    try:
        if not has_image(image):
            with contextlib.closing(docker.from_env()) as client:
                client.images.pull(image)
    except (DockerException, OSError) as error:
        reason = getattr(error, "explanation", None) or str(error)
        return f"the Docker daemon cannot get {image}: {reason}"
    return None


@dataclass
class ContainerRunner:
    """One container on a fixed port of the loopback; its data lives as long as the container does."""

    image: str
    container_port: int
    port: int
    command: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Path in the container → content, copied in before the first start."""

    _container: DockerContainer | None = None

    @property
    def _wrapped(self) -> Container:
        assert self._container is not None
        wrapped: Container = self._container.get_wrapped_container()
        return wrapped

    def start(self) -> None:
        if self._container is None:
            self._container = self._new().start()
        elif not self.is_alive():
            self._wrapped.start()

    def _new(self) -> DockerContainer:
        container = DockerContainer(self.image)
        loopback_only: Any = ("127.0.0.1", self.port)  # with_bind_ports would open the port to the network
        container.ports[f"{self.container_port}/tcp"] = loopback_only
        for name, value in self.variables.items():
            container = container.with_env(name, value)
        for path, content in self.files.items():
            container = container.with_copy_into_container(content.encode(), path)
        return container.with_command(list(self.command)) if self.command else container

    def stop(self) -> None:
        if self.is_alive():
            self._wrapped.stop(timeout=_STOP_TIMEOUT_S)

    def kill(self) -> None:
        if self.is_alive():
            self._wrapped.kill()
            self._wrapped.wait(timeout=_STOP_TIMEOUT_S)

    def is_alive(self) -> bool:
        if self._container is None:
            return False
        self._wrapped.reload()
        return bool(self._wrapped.status == "running")

    def pid(self) -> int:
        self._wrapped.reload()
        return int(self._wrapped.attrs["State"]["Pid"])

    def wipe(self) -> None:
        """Throw the container and its data away; the next start makes a new one."""
        if self._container is not None:
            self._container.stop(force=True, delete_volume=True)
            self._container = None

    def log(self) -> str:
        return self._wrapped.logs().decode(errors="replace") if self._container else ""
