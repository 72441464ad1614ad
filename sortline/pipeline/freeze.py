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
        items: dict[Any, Any] = self
        return ConfigDict({key: copy.deepcopy(dict.__getitem__(items, key), memo) for key in dict.keys(items)})


class FrozenList(list[Any]):
    """A list of a frozen config. A deep copy is an ordinary one."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(value, memo) for value in self]


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        frozen = FrozenDict()
        plain: dict[Any, Any] = value
        for key in dict.keys(plain):  # not items(), which would build what is lazy
            dict.__setitem__(frozen, key, _frozen(dict.__getitem__(plain, key)))
        return frozen
    if isinstance(value, list):
        return FrozenList(_frozen(item) for item in value)
    return tuple(_frozen(item) for item in value) if type(value) is tuple else value
