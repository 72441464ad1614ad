"""The toy training of the hooks' tests."""

from tests.custom_modules.hooks.conftest import make_runner

__all__ = ["make_runner"]
