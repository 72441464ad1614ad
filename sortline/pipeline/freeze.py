"""A config that nothing changes any more: it has passed its checks, and what runs only reads it."""

from __future__ import annotations

import copy
from typing import Any, NoReturn

from mmengine.config import Config, ConfigDict


def freeze(cfg: Config) -> Config:
    """Return a config that can be read and not changed; a deep copy of it, such as the Runner makes, can be.

    Args:
        cfg: A config; not changed.
    """
    return Config(_frozen(cfg._cfg_dict), cfg_text=cfg.text, filename=cfg.filename)


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise TypeError("the config is frozen: it was checked as it is, so decide on it before the check")


class FrozenDict(ConfigDict):
    """A dict of a frozen config. A deep copy is an ordinary one."""

    __setitem__ = __setattr__ = __delitem__ = __delattr__ = _refuse
    update = setdefault = pop = popitem = clear = merge = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> ConfigDict:
        return ConfigDict({key: copy.deepcopy(value, memo) for key, value in dict.items(self)})


class FrozenList(list[Any]):
    """A list of a frozen config. A deep copy is an ordinary one."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse  # type: ignore[assignment]
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(value, memo) for value in self]


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        frozen = FrozenDict()
        for key, item in dict.items(value):
            dict.__setitem__(frozen, key, _frozen(item))
        return frozen
    if isinstance(value, list):
        return FrozenList(_frozen(item) for item in value)
    return tuple(_frozen(item) for item in value) if type(value) is tuple else value
