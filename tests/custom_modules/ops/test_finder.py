import importlib.machinery
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from custom_modules.ops import finder

ROOT = Path(__file__).resolve().parents[3]
SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
LOG_LINE = "mmcv.ops is served by"

# What a broken build says when its extension meets another torch.
UNDEFINED_SYMBOL = "undefined symbol: _ZN3c104impl3cow23materialize_cow_storageERNS_11StorageImplE"


def run(code, *folders, **env):
    """Run ``code`` in a fresh process with ``folders`` ahead of the repository on the path."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [*folders, ROOT]))} | env
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def site(tmp_path):
    """A folder with an empty mmcv, and stand-ins for torch and mmengine so that no test waits for them."""
    for package in ("mmcv", "torch", "mmengine"):
        (tmp_path / package).mkdir()
    (tmp_path / "mmcv" / "__init__.py").touch()
    (tmp_path / "torch" / "__init__.py").write_text(
        "class cuda:\n    is_available = staticmethod(lambda: False)\n", encoding="utf-8"
    )
    (tmp_path / "mmengine" / "__init__.py").touch()
    (tmp_path / "mmengine" / "logging.py").write_text(
        "def print_log(message, logger, **options):\n    print(message)\n", encoding="utf-8"
    )
    return tmp_path


def add_extension(site, source):
    path = site / "mmcv" / "_ext.py"
    path.write_text(source, encoding="utf-8")
    return path


def test_importing_sortline_loads_nothing_heavy():
    done = run("import sys, custom_modules; print(*sys.modules)")
    heavy = {"torch", "torchvision", "mmcv", "mmengine", "numpy", "typing", "logging"}
    assert not heavy & set(done.stdout.split())


def test_installing_again_changes_nothing():
    before = list(sys.meta_path)
    finder.install()
    assert sys.meta_path == before


@pytest.mark.parametrize("name", ["mmcv", "mmcv.ops", "mmcv._extra", "_ext", "custom_modules._ext"])
def test_no_other_name_is_answered(name):
    assert finder.ExtFinder().find_spec(name, None) is None


def test_probing_finds_a_complete_spec_without_loading_anything(site):
    code = """if True:
        import custom_modules, importlib.util, sys
        spec = importlib.util.find_spec("mmcv._ext")
        print(spec.name, spec.loader is not None, spec.has_location, spec.origin, "torch" in sys.modules)
    """
    assert run(code, site).stdout.split() == ["mmcv._ext", "True", "True", finder.FALLBACK_FILE, "False"]


def test_a_working_extension_serves(site):
    path = add_extension(site, "nms = 'compiled'")
    code = """if True:
        import custom_modules, mmcv._ext as ext
        from custom_modules.ops import implementation
        print(ext.nms, ext.__file__, ext.__spec__.origin, ext.__spec__.loader is ext.__loader__)
        print(*implementation())
    """
    log, module, implementation = run(code, site).stdout.splitlines()
    assert log.startswith(LOG_LINE)
    assert "compiled extension" in log
    assert module.split() == ["compiled", str(path), str(path), "True"]
    assert implementation == f"compiled loaded from {path}"


def test_an_extension_loaded_before_sortline_is_named(site):
    path = add_extension(site, "")
    code = "import mmcv._ext; from custom_modules.ops import implementation; print(*implementation())"
    assert run(code, site).stdout.splitlines() == [f"compiled loaded from {path} before Sortline was imported"]


def test_a_defect_inside_a_working_extension_is_not_hidden(site):
    add_extension(site, "raise ValueError('a defect')")
    code = """if True:
        import custom_modules, sys
        try:
            import mmcv._ext
        except ValueError as error:
            print(error, "mmcv._ext" in sys.modules)
    """
    assert run(code, site).stdout.splitlines() == ["a defect False"]


def test_a_worker_process_logs_nothing(site):
    add_extension(site, "")
    script = site / "job.py"
    script.write_text(
        "import multiprocessing\n"
        "import custom_modules\n"
        "def job():\n"
        "    import mmcv._ext\n"
        "if __name__ == '__main__':\n"
        "    job()\n"
        "    job()\n"
        "    process = multiprocessing.get_context('spawn').Process(target=job)\n"
        "    process.start()\n"
        "    process.join()\n"
        "    assert process.exitcode == 0\n",
        encoding="utf-8",
    )
    env = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(LOG_LINE) == 1


@pytest.mark.parametrize(("rank", "lines"), [("0", 1), ("1", 0)])
def test_only_the_first_rank_logs(rank, lines, site):
    add_extension(site, "")
    assert run("import custom_modules, mmcv._ext", site, RANK=rank).stdout.count(LOG_LINE) == lines


def load_compiled(site, monkeypatch, gpu=False):
    """Try the extension in ``site`` in this process; return its module, if it serves, and the reason."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    spec = finder.ExtFinder().find_spec(finder.EXT_NAME, [str(site / "mmcv")])
    return finder._load_compiled(spec.loader.compiled)


@pytest.mark.mm
@pytest.mark.parametrize("error", ["ImportError", "OSError", "ModuleNotFoundError"])
def test_an_extension_that_fails_to_load_is_passed_over(error, site, monkeypatch):
    path = add_extension(site, f"raise {error}({UNDEFINED_SYMBOL!r})")
    module, reason = load_compiled(site, monkeypatch)
    assert module is None
    assert str(path) in reason
    assert UNDEFINED_SYMBOL in reason


@pytest.mark.mm
def test_an_extension_without_cuda_is_passed_over_where_there_is_a_gpu(site, monkeypatch):
    add_extension(site, "def get_compiling_cuda_version():\n    return 'not available'\n")
    assert load_compiled(site, monkeypatch)[0] is not None
    module, reason = load_compiled(site, monkeypatch, gpu=True)
    assert module is None
    assert "without CUDA" in reason


def build_with_undefined_symbol(path):
    """Build a module that needs a function which nothing defines, as after an update of torch."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here to build a broken extension with")
    source = path.parent / "broken.c"
    source.write_text("void *gone_from_torch(void);\nvoid *PyInit__ext(void) { return gone_from_torch(); }\n")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wl,-z,now", "-o", path, source], check=True)
    return "undefined symbol: gone_from_torch"


def write_garbage(path):
    path.write_bytes(b"not a shared object\n" * 100)
    return "invalid ELF header"


@pytest.mark.mm
@pytest.mark.parametrize("make", [build_with_undefined_symbol, write_garbage])
def test_sortline_serves_in_place_of_a_broken_shared_object(make, site):
    shutil.rmtree(site / "torch")
    shutil.rmtree(site / "mmengine")
    path = site / "mmcv" / f"_ext{SUFFIX}"
    complaint = make(path)
    code = """if True:
        import custom_modules, mmcv._ext as ext
        from custom_modules.ops import implementation
        print(*implementation())
        print(ext.__name__, ext.__spec__.name, ext.__file__, ext.__loader__ is ext.__spec__.loader, callable(ext.nms))
    """
    done = run(code, site)
    implementation, module = done.stdout.splitlines()[-2:]
    assert implementation.startswith(f"sortline mmcv's compiled extension {path} can't be loaded (")
    assert complaint in implementation
    assert module.split() == ["mmcv._ext", "mmcv._ext", finder.FALLBACK_FILE, "True", "True"]
    assert (done.stdout + done.stderr).count(LOG_LINE) == 1


@pytest.mark.mm
def test_sortline_serves_where_mmcv_has_no_extension(site):
    shutil.rmtree(site / "torch")
    shutil.rmtree(site / "mmengine")
    code = """if True:
        import custom_modules, mmcv._ext
        from custom_modules.ops import implementation
        print(*implementation())
    """
    done = run(code, site)
    assert done.stdout.splitlines()[-1] == "sortline mmcv was built without its compiled extension"
    assert (done.stdout + done.stderr).count(LOG_LINE) == 1


@pytest.mark.mm
def test_the_commands_of_the_manual_run():
    manual = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    commands = re.findall(r"```bash\n(.*?)```", manual, re.DOTALL)
    assert commands
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in commands:
        subprocess.run(command, shell=True, check=True, cwd=ROOT, env=env, capture_output=True)


@pytest.mark.mm
def test_the_manual_names_the_ops_that_are_served_and_the_build_command():
    from custom_modules.ops import ext

    manual = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    assert ext.BUILD_COMMAND in " ".join(manual.replace("\\\n", " ").split())
    assert [op for op in ext.__all__ if f"`{op}`" not in manual] == []
