"""A training as a tracker sees it, in a process that a test can kill: ``run_tracked.py FOLDER STEPS [FROM]``.

Logs a loss after each step, writes the number of the step to ``checkpoint`` after every fifth, and starts at the
step FROM of a resumed run.
"""

import sys
import time
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import MessageHub

from custom_modules.visualization import SortlineWandbBackend


def main(folder: Path, steps: int, start: int) -> None:
    backend = SortlineWandbBackend(str(folder / "vis"))
    backend.add_config(Config({"work_dir": str(folder), "resume": start > 0}))
    hub = MessageHub.get_instance("run")
    for step in range(start, steps):
        hub.update_info("iter", step)
        backend.add_scalars({"loss": loss(step)}, step=step)
        if (step + 1) % 5 == 0:
            backend.add_scalars({"contest/mAP50": step / steps}, step=step)
            (folder / "checkpoint").write_text(str(step + 1))
        print(step, flush=True)
        time.sleep(0.02)
    backend.close()


def loss(step: int) -> float:
    """Return the same for the same step, as a resumed run does."""
    return 1 / (step + 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
