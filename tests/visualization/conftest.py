"""The toy training of the hooks' tests."""

from tests.hooks.conftest import make_runner

__all__ = ["make_runner"]
