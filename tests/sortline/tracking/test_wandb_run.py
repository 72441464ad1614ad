"""Who a run is to Weights & Biases, and whether it goes there at once."""

import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline.secrets import HIDDEN, shows_secret, without_secrets
from sortline.tracking import wandb_run as tracking
from sortline.tracking.wandb_run import RUN_ID, RUN_ID_FILE, new_run_id, run_id_to_use, sweep_folder, tracking_mode

KEY = "0123456789" * 4


def test_examples_hold():
    assert doctest.testmod(tracking).failed == 0


def make_home(folder, netrc="", settings=""):
    (folder / ".config" / "wandb").mkdir(parents=True)
    (folder / ".netrc").write_text(netrc)
    (folder / ".config" / "wandb" / "settings").write_text(settings)
    return {"HOME": str(folder)}


@pytest.mark.parametrize(
    ("env", "netrc", "settings", "mode"),
    [
        pytest.param({}, "", "", "offline", id="no-login"),
        pytest.param({"WANDB_API_KEY": KEY}, "", "", "online", id="key"),
        pytest.param({"WANDB_API_KEY": ""}, "", "", "offline", id="empty-key"),
        pytest.param({"WANDB_IDENTITY_TOKEN_FILE": "/x"}, "", "", "online", id="identity-token"),
        pytest.param({}, f"machine api.wandb.ai login user password {KEY}", "", "online", id="netrc"),
        pytest.param({}, f"machine github.com login user password {KEY}", "", "offline", id="netrc-of-another"),
        pytest.param({}, "machine api.wandb.ai login", "", "offline", id="broken-netrc"),
        pytest.param(
            {"WANDB_BASE_URL": "https://wandb.corp:8080"},
            f"machine wandb.corp:8080 login user password {KEY}",
            "",
            "online",
            id="own-server",
        ),
        pytest.param(
            {},
            f"machine api.wandb.ai login user password {KEY}",
            "[default]\nbase_url = https://wandb.corp\n",
            "offline",
            id="login-for-another-server",
        ),
        pytest.param({"WANDB_MODE": "disabled"}, "", "", "disabled", id="user-says-disabled"),
        pytest.param({"WANDB_MODE": "online"}, "", "", "online", id="user-says-online"),
        pytest.param({"WANDB_MODE": "offline", "WANDB_API_KEY": KEY}, "", "", "offline", id="user-says-offline"),
        pytest.param({"WANDB_API_KEY": KEY}, "", "[default]\nmode = offline\n", "offline", id="wandb-offline"),
        pytest.param({}, "", "not a settings file", "offline", id="broken-settings"),
    ],
)
def test_mode_follows_the_user_then_the_login(tmp_path, env, netrc, settings, mode):
    home = make_home(tmp_path, netrc, settings)
    assert tracking_mode({**home, **env}, folder=tmp_path / "elsewhere") == mode


def test_the_folders_settings_win(tmp_path):
    home = make_home(tmp_path / "home", settings="[default]\nmode = online\n")
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nmode = offline\n")
    assert tracking_mode(home, folder=tmp_path) == "offline"


def test_netrc_may_lie_elsewhere(tmp_path):
    home = make_home(tmp_path / "home")
    (tmp_path / "login").write_text(f"machine api.wandb.ai login user password {KEY}")
    assert tracking_mode({**home, "NETRC": str(tmp_path / "login")}, folder=tmp_path) == "online"


@pytest.mark.parametrize(
    "key",
    [
        "api_key",
        "WANDB_API_KEY",
        "apikey",
        "password",
        "db_password",
        "hf_token",
        "token",
        "client-secret",
        "aws_access_key_id",
    ],
)
def test_secrets_are_hidden_at_any_depth(key):
    assert without_secrets({"a": [{key: "abc"}, {"b": {key: ["abc"]}}]}) == {
        "a": [{key: HIDDEN}, {"b": {key: [HIDDEN]}}]
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_tokens", 3),
        ("tokenizer", "bert"),
        ("token", True),
        ("token", ""),
        ("key", "value"),
        ("keymap", "img"),
        ("mask_token_id", None),
        ("author", "me"),
    ],
)
def test_other_values_stay(key, value):
    assert without_secrets({key: value}) == {key: value}


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text() | st.binary(),
    lambda children: st.lists(children) | st.tuples(children) | st.dictionaries(st.text() | st.integers(), children),
)


@given(json_values)
def test_what_is_left_is_json(value):
    assert json.loads(json.dumps(without_secrets(value))) == without_secrets(value)


@given(st.sampled_from(["password", "my_token"]), json_values)
def test_a_secret_text_is_nowhere_left(key, value):
    assert "hunter2" not in json.dumps(without_secrets({"a": value, key: "hunter2"}))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("train.py cfg.py --fold 2 --trust-checkpoint", False),
        ("train.py cfg.py --cfg-options model.num_tokens=3", False),
        ("train.py cfg.py --cfg-options backend_args.password=abc", True),
        ("train.py cfg.py --token abc", True),
        ("train.py cfg.py --data-root https://me:abc@host/data", True),
    ],
)
def test_secrets_on_the_command_line_are_noticed(line, expected):
    assert shows_secret(line.split()) == expected


def test_ids_look_like_wandbs():
    ids = {new_run_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(RUN_ID.fullmatch(run_id) and len(run_id) == 8 for run_id in ids)


def test_a_resumed_run_keeps_its_id_and_a_new_one_gets_another(tmp_path):
    first = run_id_to_use(tmp_path, resume=False)
    assert run_id_to_use(tmp_path, resume=True) == first
    second = run_id_to_use(tmp_path, resume=False)
    assert second != first
    assert run_id_to_use(tmp_path, resume=True) == second


@pytest.mark.parametrize("content", [None, "", "not an id!", "../../etc"])
def test_a_resumed_run_without_a_usable_id_gets_one(tmp_path, content):
    if content is not None:
        (tmp_path / RUN_ID_FILE).write_text(content)
    run_id = run_id_to_use(tmp_path, resume=True)
    assert run_id_to_use(tmp_path, resume=True) == run_id
    assert run_id != content


@pytest.mark.parametrize(
    "env",
    [{}, {"WANDB_RUN_ID": "a1b2"}, {"WANDB_SWEEP_ID": "k3j2"}, {"WANDB_SWEEP_ID": "../..", "WANDB_RUN_ID": "a1b2"}],
)
def test_outside_of_a_sweep_there_is_no_folder_of_one(env):
    assert sweep_folder(env) == ""
