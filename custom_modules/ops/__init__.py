"""The functions behind ``mmcv.ops``, served by torchvision and torch where mmcv has no working compiled extension.

``finder`` decides which implementation serves, ``ext`` is the module that mmcv then sees as ``mmcv._ext``, and
every other file is a family of its functions. Importing the package costs nothing: torch is loaded when somebody
imports ``mmcv.ops``.
"""

from custom_modules.ops.finder import implementation

__all__ = ["implementation"]
