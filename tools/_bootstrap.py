"""Imported first by every tool: makes the repository importable and the machine's threads well-behaved.

Threads that spin while they wait make a training step many times slower as soon as another process wants
the cores, and OpenMP reads its settings when torch loads it; so they are chosen here. Values that the user
has set are left alone.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KMP_BLOCKTIME", "0")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
# A container's share of a large machine: what we may run on, not what the machine has.
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

# mmcv.ops works from here on, in whichever order MMDetection's modules are imported.
import custom_modules  # noqa: E402, F401
