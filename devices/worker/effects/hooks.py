"""The hooks of all features, each kind as a tuple of bound methods: those that do nothing are left out."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Appliers, Registered, apply_registered


class Hooks:
    """What the round calls.

    Args:
        features: in the order in which they are called.

    Raises:
        ValueError: two have one name, or apply one class of operations.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._features = tuple(features)
        self._mindful = self._features
        self.of_readings = self  # without those that don't mind readings at present
        self.found()
        self.load = _hooks(Feature.load, features)
        self.join = _hooks(Feature.join, features)
        self.forget = _hooks(Feature.forget, features)
        self.find = _hooks(Feature.find, features)
        self.plan = _hooks(Feature.plan, features)
        self.prepare = _hooks(Feature.prepare, features)
        self.store = _hooks(Feature.store, features)
        self.judge = _hooks(Feature.judge, features)
        self.follow_up = _hooks(Feature.follow_up, features)
        self.publish = _hooks(Feature.publish, features)
        self.changes = _hooks(Feature.changes, features)
        self.committed = _hooks(Feature.committed, features)
        self.due = _hooks(Feature.due, features)
        self.purges = _hooks(Feature.purges, features)
        applied = [kind for feature in features for kind in feature.operations]
        _check_single("name of features", [feature.name for feature in features])
        _check_single("class of operations", [Registered, *applied])
        self.appliers: Appliers = {
            Registered: apply_registered,
            **{kind: feature.apply for feature in features for kind in feature.operations},
        }

    def found(self) -> None:
        """The features have looked for what there is to do, and may mind readings now, or no more."""
        mindful = tuple(feature for feature in self._features if feature.minds_readings)
        if mindful != self._mindful:
            self._mindful, self.of_readings = mindful, Hooks(mindful)


def _hooks(hook: Any, features: Sequence[Feature]) -> tuple[Any, ...]:
    name = hook.__name__
    return tuple(getattr(feature, name) for feature in features if getattr(type(feature), name, hook) is not hook)


def _check_single(what: str, given: Sequence[object]) -> None:
    twice = [one for one, times in Counter(given).items() if times > 1]
    if twice:
        raise ValueError(f"{what} given twice: {twice}")
