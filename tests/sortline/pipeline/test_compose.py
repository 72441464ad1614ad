import pytest

from sortline.errors import InputError
from sortline.pipeline.compose import load_config


def write(tmp_path, text, name="cfg.py"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_work_dir_is_named_after_the_config(tmp_path):
    assert load_config(write(tmp_path, "a = 1", "exp_1x.py")).work_dir == "work_dirs/exp_1x"


def test_a_missing_file_names_similar_configs():
    with pytest.raises(InputError, match="did you mean configs/atss/atss_r50_fpn_1x_recycle"):
        load_config("configs/atss/atss_r50_fpn_2x_recycle.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = (1,", "not valid Python"),
        ("a = 1\nb = unknown_name", r"cfg.py, line 2: NameError"),
        ("_base_ = 'absent.py'", "a base of it is missing.*absent.py"),
        ("_base_ = ['one.py', 'two.py']", "define the same keys.*model"),
        ("_base_ = 'one.py'\nmodel = dict(depth=dict(a=1))", "_delete_=True"),
    ],
)
def test_a_broken_config_is_explained(tmp_path, text, message):
    write(tmp_path, "model = dict(depth=1)", "one.py")
    write(tmp_path, "model = dict(depth=2)", "two.py")
    with pytest.raises(InputError, match=f"(?s){message}"):
        load_config(write(tmp_path, text))


PIPELINE = "train_pipeline = [dict(type='A'), dict(type='B', scale=(1, 2))]\nsizes = [1, 2]\nbetas = (0.9, 0.99)"


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("train_pipeline.1.scale", (5, 6), lambda cfg: cfg.train_pipeline[1].scale),
        ("train_pipeline.1", {"type": "C"}, lambda cfg: {"type": cfg.train_pipeline[1].type}),
        ("sizes.0", 7, lambda cfg: cfg.sizes[0]),
        ("betas.1", 0.5, lambda cfg: cfg.betas[1]),
        ("new.key", 3, lambda cfg: cfg.new.key),
    ],
)
def test_an_override_reaches_one_list_element(tmp_path, key, value, read):
    cfg = load_config(write(tmp_path, PIPELINE), {key: value})
    assert read(cfg) == value
    assert cfg.train_pipeline[0].type == "A"
    assert cfg.sizes[1] == 2
    assert cfg.betas[0] == 0.9


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("train_pipeline.2.scale", "list of 2.*use 0 to 1"),
        ("train_pipeline.x.scale", "'x' is not an index"),
        ("sizes.0.deep", "sizes.0 is 1, which has no parts"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(tmp_path, key, message):
    with pytest.raises(InputError, match=f"(?s){message}"):
        load_config(write(tmp_path, PIPELINE), {key: 1})
