"""Turn weights trained elsewhere into a checkpoint for a config: of Detectron2, or of torchvision itself.

Detectron2: R-CNN models with a ResNet and a feature pyramid, as model_final.pth or .pkl, for a config of the same
detector in mmdet. torchvision: the state dict of a detector, for a config whose model is a TorchvisionDetector.
"""

import argparse
from pathlib import Path
from typing import Any

import _bootstrap  # noqa: F401
from _options import add_overrides

from sortline.cli import run_tool
from sortline.errors import tool_command

EXAMPLES = """examples:
  a Detectron2 baseline, tested and submitted as any run:
  python tools/import_weights.py model_final.pth configs/detectron2/faster-rcnn_r50-caffe_fpn_1x_recycle.py --out d2.pth
  python tools/test.py configs/detectron2/faster-rcnn_r50-caffe_fpn_1x_recycle.py d2.pth

  its model zoo's weights, to train from:
  python tools/import_weights.py model_final_b275ba.pkl CONFIG --out coco.pth
  python tools/train.py CONFIG --cfg-options load_from=coco.pth

  a torchvision baseline:
  python tools/import_weights.py fasterrcnn.pth configs/torchvision/faster-rcnn-v2_r50_fpn_1x_recycle.py --out tv.pth
"""


def main(argv: list[str] | None = None) -> Path:
    """Convert as the command line says and return the file written."""
    args = parse_args(argv)

    import torch
    from mmdet.registry import MODELS
    from mmengine.registry import init_default_scope

    import custom_modules.register_all  # noqa: F401
    from custom_modules.models.torchvision_detector import TorchvisionDetector
    from sortline.files import atomic_write
    from sortline.pipeline.bind import bind
    from sortline.pipeline.compose import load_config
    from sortline.weights.pretrained import drop_pretrained

    cfg = load_config(args.config, args.cfg_options)
    bind(cfg)
    drop_pretrained(cfg.model)
    init_default_scope("mmdet")
    model = MODELS.build(cfg.model)
    convert = from_torchvision if isinstance(model, TorchvisionDetector) else from_detectron2
    state, fresh = convert(args, cfg.model, model)
    with atomic_write(args.out, "wb") as file:
        torch.save({"state_dict": state, "meta": {"imported_from": args.source.name}}, file)
    report(args, len(state), fresh)
    return args.out


def from_detectron2(args: argparse.Namespace, settings: dict[str, Any], model: Any) -> tuple[dict[str, Any], Any]:
    """Return the weights that fit and the layers that start fresh."""
    from sortline.errors import InputError
    from sortline.weights.detectron2 import fit, input_problems, read_weights, style_note

    weights = read_weights(args.source, args.trust_checkpoint)
    if problems := input_problems(weights, settings, str(args.source)):
        raise InputError(problems)
    fitted = fit(weights, model.state_dict(), str(args.source))
    if note := style_note(settings):
        print(f"warning: {note}")
    return fitted.state, fitted.fresh


def from_torchvision(args: argparse.Namespace, settings: dict[str, Any], model: Any) -> tuple[dict[str, Any], Any]:
    """Return the weights that fit and the layers that start fresh."""
    from custom_modules.models.torchvision_nets import class_layers, load_pretrained
    from sortline.weights.checkpoint_loading import install_safe_loading

    install_safe_loading(args.trust_checkpoint)
    class_dependent = class_layers(model.net, settings.model_name, settings.num_classes)
    fresh = load_pretrained(model.net, str(args.source), class_dependent)
    state = {
        f"net.{name}": value for name, value in model.net.state_dict().items() if name.rpartition(".")[0] not in fresh
    }
    return state, fresh


def report(args: argparse.Namespace, count: int, fresh: Any) -> None:
    """Say what was written and what to do with it."""
    print(f"{args.out}: {count:,} weights")
    if fresh:
        print(f"  of another number of classes, so these start fresh: {', '.join(fresh)}")
        print("  " + tool_command("tools/train.py", args.config, "--cfg-options", f"load_from={args.out}"))
    else:
        print("  for as many classes as the config's; that they are in its order can't be seen from weights")
        print("  " + tool_command("tools/test.py", args.config, args.out))


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="WEIGHTS", type=Path, help=".pth or .pkl of Detectron2, .pth of torchvision")
    parser.add_argument("config", help="config of the same detector")
    parser.add_argument("--out", required=True, type=Path, help="checkpoint to write, .pth")
    parser.add_argument("--trust-checkpoint", action="store_true", help="load files that can run code")
    add_overrides(parser)
    args = parser.parse_args(argv)
    if args.out.suffix != ".pth":
        parser.error(f"--out {args.out} does not end in .pth")
    if args.out.resolve() in {args.source.resolve(), Path(args.config).resolve()}:
        parser.error(f"--out {args.out} would overwrite what is read")
    return args


if __name__ == "__main__":
    run_tool(main)
