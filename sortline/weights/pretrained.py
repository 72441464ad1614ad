"""What a config would download before it trains: which part wants it, from where, and where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from mmengine.config import Config

from sortline.errors import InputError, Problem, nearest
from sortline.nested import dicts_below
from sortline.weights.download import HubFile, cached_file, cached_sha256
from sortline.weights.weight_file import VALID, FileState, check_file, named_hash, torch_cache

ADDRESSES = ("https", "http", "file")
# Keys of a model under which some detectors name the checkpoint of another one.
CHECKPOINT_KEYS = ("teacher_ckpt",)


@dataclass(frozen=True)
class PretrainedFile:
    """A file of pretrained weights that a config needs.

    Attributes:
        place: Key of the part that wants it: ``model.backbone``, ``load_from``.
        kind: Type of that part, for the reader.
        url: Its address.
        target: Where it belongs, so that training finds it.
        sha256: The first digits of its SHA-256; empty if unknown.
        hub: Repository, revision and file name on the Hugging Face hub; None for other addresses.
    """

    place: str
    kind: str
    url: str
    target: Path
    sha256: str = ""
    hub: HubFile | None = None

    def find(self) -> tuple[FileState, Path]:
        """Tell whether the file is there and whole, and where: at its target, or in the hub's own cache."""
        own = check_file(self.target, self.sha256)
        cached = cached_file(self.hub) if self.hub is not None and own.status != VALID else None
        if cached is None:
            return own, self.target
        state = check_file(cached.resolve(), cached_sha256(cached))
        return (state, cached) if state.status == VALID else (own, self.target)

    @property
    def here(self) -> bool:
        """Whether the file is there and whole."""
        return self.find()[0].status == VALID


@dataclass(frozen=True)
class Want:
    """A place in a config that names pretrained weights.

    Attributes:
        file: The file that it needs.
        use: Makes the place read the file from the path given.
        give_up: Makes the place start from random weights.
        owner: The part of the model that wants it; None where the file is more than a start for training.
    """

    file: PretrainedFile
    use: Callable[[Path], None]
    give_up: Callable[[], None]
    owner: Any = None


def pretrained_files(cfg: Config, cache: Path | None = None) -> list[PretrainedFile]:
    """List the files that a config would download, each once.

    Args:
        cfg: A config.
        cache: Folder for the files; torch's cache unless given.

    Raises:
        InputError: The config names weights that nobody offers.
    """
    return list({want.file.target: want.file for want in find_wants(cfg, cache)}.values())


def find_wants(cfg: Config, cache: Path | None = None) -> list[Want]:
    """List all places of a config that name weights to be downloaded; local files are none.

    Raises:
        InputError: The config names weights that nobody offers.
    """
    folder = cache or torch_cache()
    wants: list[Want] = []
    problems: list[Problem] = []
    for place, node in dicts_below(cfg.get("model"), "model"):
        for find in (_init_cfg_wants, _timm_wants, _key_wants):
            try:
                wants += find(place, node, folder)
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(problems)
    url = address(str(cfg.get("load_from") or ""), "load_from")
    if url is not None:
        file = _url_file("load_from", "the whole model", url, folder)
        wants.append(Want(file, lambda path: cfg.update(load_from=str(path)), lambda: cfg.update(load_from=None)))
    return wants


def _init_cfg_wants(place: str, node: Any, folder: Path) -> Iterator[Want]:
    """Find what ``init_cfg=dict(type="Pretrained")`` names, alone or in a list."""
    init_cfg = node.get("init_cfg")
    for entry in init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg]:
        if not isinstance(entry, dict) or entry.get("type") != "Pretrained":
            continue
        name = str(entry.get("checkpoint"))
        url = address(name, f"{place}.init_cfg.checkpoint")
        if url is None:
            continue
        use = _set_unless_converted(entry, "checkpoint", name)
        yield Want(_url_file(place, str(node.get("type")), url, folder), use, lambda: start_from_scratch(node), node)


def _set_unless_converted(node: Any, key: str, name: str) -> Callable[[Path], None]:
    """Return what puts a path in place of an address.

    ``mmcls://`` also says to take the backbone out of a classifier, so that it has to stay; mmengine then finds the
    file in the cache by itself.
    """

    def use(path: Path) -> None:
        if not name.startswith("mmcls://"):
            node[key] = str(path)

    return use


def _timm_wants(place: str, node: Any, folder: Path) -> Iterator[Want]:
    """Find the weights that timm would download for a :class:`TimmBackbone`.

    Raises:
        InputError: It names a file or a package that is not there.
    """
    pretrained = node.get("pretrained") if node.get("type") == "TimmBackbone" else None
    if isinstance(pretrained, str):
        from sortline.weights.timm_weights import find_weights  # torch's, which most callers do without

        find_weights(pretrained)
    if pretrained is not True:
        return
    file = timm_file(str(node.get("model_name")), place, folder)
    yield Want(file, lambda path: node.update(pretrained=str(path)), lambda: start_from_scratch(node), node)


def _key_wants(place: str, node: Any, folder: Path) -> Iterator[Want]:
    """Find checkpoints of other detectors, such as a teacher, for which random weights are no substitute."""
    for key in CHECKPOINT_KEYS:
        url = address(str(node.get(key) or ""), f"{place}.{key}")
        if url is not None:
            file = _url_file(f"{place}.{key}", "another detector", url, folder)
            yield Want(file, _set_unless_converted(node, key, str(node[key])), _no_substitute(file))


def _no_substitute(file: PretrainedFile) -> Callable[[], None]:
    def give_up() -> None:
        remedy = f"fetch {file.url} to {file.target}"
        raise InputError(Problem(file.place, "needs its weights: random ones teach nothing", remedy))

    return give_up


def _url_file(place: str, kind: str, url: str, folder: Path) -> PretrainedFile:
    name = unquote(Path(urlparse(url).path).name)
    return PretrainedFile(place, kind, url, folder / name, named_hash(name))


def timm_file(model_name: str, place: str, folder: Path) -> PretrainedFile:
    """Say which file timm's own weights of a model are in, without building the model.

    Raises:
        InputError: timm has no such model, or no weights for it.
    """
    from sortline.weights.timm_weights import find_timm_weights

    kind = f"TimmBackbone {model_name}"
    try:
        found = find_timm_weights(model_name, True)
    except InputError as error:
        raise InputError([replace(problem, where=f"{place} ({kind})") for problem in error.problems]) from None
    assert found is not None, "pretrained=True is never random weights"
    if not found.hub_id:
        return _url_file(place, kind, found.url, folder)
    hub = HubFile(found.hub_id, found.hub_file)
    return PretrainedFile(place, kind, found.url, folder / hub.plain_name, hub=hub)


def address(checkpoint: str, where: str) -> str | None:
    """Return the address behind a checkpoint's name; None for a local file.

    Args:
        checkpoint: ``torchvision://``, ``open-mmlab://`` and ``mmcls://`` names, addresses or paths.
        where: The key that holds it, for the message.

    Raises:
        InputError: The collection has no such name.
    """
    scheme, separator, name = checkpoint.partition("://")
    if not separator:
        return None
    if scheme in ADDRESSES:
        return checkpoint
    collection = _collection(scheme)
    if collection is None:
        return None
    if name not in collection:
        what = f"{scheme}:// has no weights named {name!r}"
        raise InputError(Problem(where, what, nearest(name, collection) or "write the address of the file"))
    url = collection[name]
    return url if url.startswith(ADDRESSES) else None


@cache
def _collection(scheme: str) -> dict[str, str] | None:
    """Return the names of one of mmengine's collections, with their addresses."""
    from mmengine.runner import checkpoint as mm

    if scheme in ("torchvision", "modelzoo"):
        return dict(mm.get_torchvision_models())
    if scheme in ("open-mmlab", "openmmlab"):
        models = dict(mm.get_external_models())
        renamed = {old: models[new] for old, new in mm.get_deprecated_model_names().items() if new in models}
        return {**models, **renamed}
    return dict(mm.get_mmcls_models()) if scheme == "mmcls" else None


def start_from_scratch(node: Any) -> None:
    """Drop a part's pretrained weights, and train what would otherwise stay frozen at random values."""
    init_cfg = node.get("init_cfg")
    if isinstance(init_cfg, list | tuple):
        node["init_cfg"] = [entry for entry in init_cfg if entry.get("type") != "Pretrained"]
    elif init_cfg is not None:
        node["init_cfg"] = None
    if node.get("type") == "TimmBackbone":
        node["pretrained"] = False
    if node.get("frozen_stages", -1) >= 0:
        node["frozen_stages"] = -1
    if node.get("norm_eval"):
        node["norm_eval"] = False
    norm = node.get("norm_cfg")
    if norm and norm.get("requires_grad") is False:
        norm["requires_grad"] = True


def drop_pretrained(model: Any) -> None:
    """Build a model, or any part of a config, without weights from elsewhere."""
    for _, node in dicts_below(model):
        init_cfg = node.get("init_cfg")
        if isinstance(init_cfg, dict) and init_cfg.get("type") == "Pretrained":
            node.init_cfg = None
        if node.get("type") == "TimmBackbone":
            node.pretrained = False
