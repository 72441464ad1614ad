"""Sortline's library: file tools without torch, and what plugs into MMDetection."""

from custom_modules.ops.finder import install

# Here, so that mmcv.ops works in every process that imports anything of Sortline, data-loader workers included.
install()
