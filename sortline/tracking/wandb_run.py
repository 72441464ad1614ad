"""How a run is known to Weights & Biases, decided without importing it."""

from __future__ import annotations

import configparser
import netrc
import os
import re
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sortline.files import atomic_write

RUN_ID_FILE = "wandb_run_id"
RUN_ID = re.compile(r"[\w-]{1,64}")
# The service has moved; a login made before is kept under the old name.
DEFAULT_HOSTS = ("api.wandb.ai", "api.forge.coreweave.com")


def sweep_folder(env: Mapping[str, str]) -> str:
    """Name the folder, below an experiment's, of a run that an agent of a wandb sweep starts.

    >>> sweep_folder({"WANDB_SWEEP_ID": "k3j2h1g0", "WANDB_RUN_ID": "a1b2c3d4"})
    'sweep_k3j2h1g0/a1b2c3d4'

    Args:
        env: The environment's variables.

    Returns:
        The folder; an empty string outside of a sweep.
    """
    sweep, run = env.get("WANDB_SWEEP_ID", ""), env.get("WANDB_RUN_ID", "")
    return f"sweep_{sweep}/{run}" if RUN_ID.fullmatch(sweep) and RUN_ID.fullmatch(run) else ""


def tracking_mode(env: Mapping[str, str], folder: str | os.PathLike[str] = ".") -> str:
    """Say how wandb shall run: as the user has chosen, else online with a login and offline without.

    Args:
        env: The environment's variables.
        folder: Where the user works; ``wandb offline`` leaves its choice in ``wandb/settings`` there.

    Returns:
        ``"online"``, ``"offline"``, ``"disabled"`` or whatever else the user has set.
    """
    settings = _settings(env, Path(folder))
    chosen = env.get("WANDB_MODE") or settings.get("mode")
    if chosen:
        return chosen
    has_login = bool(env.get("WANDB_API_KEY") or env.get("WANDB_IDENTITY_TOKEN_FILE"))
    if not has_login:
        url = env.get("WANDB_BASE_URL") or settings.get("base_url")
        hosts = (urlsplit(url).netloc,) if url else DEFAULT_HOSTS
        has_login = any(_netrc_has(_netrc_path(env), host) for host in hosts)
    return "online" if has_login else "offline"


def _settings(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Read wandb's settings files: the user's, then the folder's, which wins."""
    parser = configparser.ConfigParser(interpolation=None)
    own = env.get("WANDB_CONFIG_DIR") or str(_home(env) / ".config" / "wandb")
    try:
        parser.read([Path(own) / "settings", folder / "wandb" / "settings"], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}
    return dict(parser["default"]) if "default" in parser else {}


def _home(env: Mapping[str, str]) -> Path:
    return Path(env["HOME"]) if env.get("HOME") else Path.home()


def _netrc_path(env: Mapping[str, str]) -> Path:
    if env.get("NETRC"):
        return Path(env["NETRC"]).expanduser()
    usual = _home(env) / ".netrc"
    return usual if usual.exists() else _home(env) / "_netrc"


def _netrc_has(path: Path, host: str) -> bool:
    try:
        found = netrc.netrc(path).hosts.get(host)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return False
    return bool(found and found[2])


def run_id_to_use(work_dir: str | os.PathLike[str], resume: bool) -> str:
    """Return the id of a training run: the stored one when it is resumed, else a new one, which is stored.

    Raises:
        OSError: The id can't be stored.
    """
    kept = kept_run_id(work_dir) if resume else ""
    return kept or keep_run_id(work_dir, new_run_id())


def kept_run_id(work_dir: str | os.PathLike[str], name: str = RUN_ID_FILE) -> str:
    """Return the id that a run folder keeps for a tracker; an empty string where it has no usable one.

    Args:
        work_dir: Run folder.
        name: The tracker's file.
    """
    try:
        stored = (Path(work_dir) / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return stored if RUN_ID.fullmatch(stored) else ""


def keep_run_id(work_dir: str | os.PathLike[str], run_id: str, name: str = RUN_ID_FILE) -> str:
    """Keep a tracker's id of a run in its folder and return it.

    Raises:
        OSError: The id can't be stored.
    """
    with atomic_write(Path(work_dir) / name) as file:
        file.write(run_id + "\n")
    return run_id


def new_run_id() -> str:
    """Make an id of eight letters and digits, as wandb's own are."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
