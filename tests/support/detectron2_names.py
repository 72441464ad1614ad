"""The names that Detectron2 gives to weights, written down independently of what reads them."""

from __future__ import annotations

import re
from typing import Any


def detectron2_name(name: str) -> str:
    """Return Detectron2's name of a weight of mmdet."""
    plain = {
        "backbone.conv1.": "backbone.bottom_up.stem.conv1.",
        "backbone.bn1.": "backbone.bottom_up.stem.conv1.norm.",
        "downsample.0.": "shortcut.",
        "downsample.1.": "shortcut.norm.",
        "rpn_head.rpn_conv.": "proposal_generator.rpn_head.conv.",
        "rpn_head.rpn_cls.": "proposal_generator.rpn_head.objectness_logits.",
        "rpn_head.rpn_reg.": "proposal_generator.rpn_head.anchor_deltas.",
        "roi_head.mask_head.upsample.": "roi_heads.mask_head.deconv.",
        "roi_head.mask_head.conv_logits.": "roi_heads.mask_head.predictor.",
    }
    for ours, theirs in plain.items():
        name = name.replace(ours, theirs)
    name = re.sub(r"backbone\.layer(\d)", lambda found: f"backbone.bottom_up.res{int(found[1]) + 1}", name)
    name = re.sub(r"(res\d\.\d+\.)bn(\d)", r"\1conv\2.norm", name)
    name = re.sub(r"neck\.lateral_convs\.(\d)\.conv", lambda found: f"backbone.fpn_lateral{int(found[1]) + 2}", name)
    name = re.sub(r"neck\.fpn_convs\.(\d)\.conv", lambda found: f"backbone.fpn_output{int(found[1]) + 2}", name)
    name = re.sub(r"roi_head\.bbox_head((\.\d)?)\.fc_cls", r"roi_heads.box_predictor\1.cls_score", name)
    name = re.sub(r"roi_head\.bbox_head((\.\d)?)\.fc_reg", r"roi_heads.box_predictor\1.bbox_pred", name)
    name = re.sub(
        r"roi_head\.bbox_head((\.\d)?)\.shared_fcs\.(\d)",
        lambda found: f"roi_heads.box_head{found[1]}.fc{int(found[3]) + 1}",
        name,
    )
    return re.sub(
        r"roi_head\.mask_head\.convs\.(\d)\.conv",
        lambda found: f"roi_heads.mask_head.mask_fcn{int(found[1]) + 1}",
        name,
    )


def detectron2_state(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return weights as Detectron2 has them: other names, frozen norms without counters."""
    names = [name for name in wanted if not name.endswith("num_batches_tracked")]
    return {detectron2_name(name): wanted[name] for name in names}
