"""What a round has for others once it is committed. All may be lost without harm: it is repeated or repaired."""

from dataclasses import dataclass, field

from bridge.messages import Commit, FiltersChanged, LinkAck, Publish, Refetch, RequestSettled

Prompt = tuple[str, Publish | Refetch | FiltersChanged]  # to a gateway's channel, for a source's sake


@dataclass(slots=True)
class RoundResults:
    """Messages to send, each with its channel; broadcasts; and when the round wants to be called again."""

    acks: list[tuple[str, LinkAck]] = field(default_factory=list)
    settled: list[tuple[str, RequestSettled]] = field(default_factory=list)
    downlinks: list[tuple[str, Publish]] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)  # nobody waits for their answers
    commits: list[Commit] = field(default_factory=list)
    next_ms: int | None = None  # Unix ms; None: when something comes
    cpu_s: float = 0.0  # CPU time of the process while it was carried out
