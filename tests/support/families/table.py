"""Which of MMDetection's configs stand for which of its architecture families, a family being a folder of configs."""

from __future__ import annotations

from pathlib import Path

import mmdet

SHIPPED = Path(mmdet.__file__).parent / ".mim/configs"

# One config of each family, several where their parts differ.
FAMILIES: dict[str, tuple[str, ...]] = {
    "albu_example": ("mask-rcnn_r50_fpn_albu-1x_coco",),
    "atss": ("atss_r50_fpn_1x_coco",),
    "autoassign": ("autoassign_r50-caffe_fpn_1x_coco",),
    "boxinst": ("boxinst_r50_fpn_ms-90k_coco",),
    "carafe": ("faster-rcnn_r50_fpn-carafe_1x_coco", "mask-rcnn_r50_fpn-carafe_1x_coco"),
    "cascade_rcnn": ("cascade-rcnn_r50_fpn_1x_coco", "cascade-mask-rcnn_x101-32x4d_fpn_1x_coco"),
    "cascade_rpn": ("cascade-rpn_faster-rcnn_r50-caffe_fpn_1x_coco",),
    "centernet": (
        "centernet_r18_8xb16-crop512-140e_coco",
        "centernet_r18-dcnv2_8xb16-crop512-140e_coco",
        "centernet-update_r50-caffe_fpn_ms-1x_coco",
    ),
    "centripetalnet": ("centripetalnet_hourglass104_16xb6-crop511-210e-mstest_coco",),
    "cityscapes": ("mask-rcnn_r50_fpn_1x_cityscapes",),
    "condinst": ("condinst_r50_fpn_ms-poly-90k_coco_instance",),
    "conditional_detr": ("conditional-detr_r50_8xb2-50e_coco",),
    "cornernet": ("cornernet_hourglass104_8xb6-210e-mstest_coco",),
    "crowddet": (
        "crowddet-rcnn_r50_fpn_8xb2-30e_crowdhuman",
        "crowddet-rcnn_refine_r50_fpn_8xb2-30e_crowdhuman",
    ),
    "dab_detr": ("dab-detr_r50_8xb2-50e_coco",),
    "dcn": ("faster-rcnn_r50-dconv-c3-c5_fpn_1x_coco", "faster-rcnn_r50_fpn_dpool_1x_coco"),
    "dcnv2": (
        "faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco",
        "faster-rcnn_r50-mdconv-group4-c3-c5_fpn_1x_coco",
        "faster-rcnn_r50_fpn_mdpool_1x_coco",
    ),
    "ddod": ("ddod_r50_fpn_1x_coco",),
    "ddq": ("ddq-detr-4scale_r50_8xb2-12e_coco", "ddq-detr-5scale_r50_8xb2-12e_coco"),
    "deepfashion": ("mask-rcnn_r50_fpn_15e_deepfashion",),
    "deformable_detr": ("deformable-detr_r50_16xb2-50e_coco", "deformable-detr-refine-twostage_r50_16xb2-50e_coco"),
    "detectors": (
        "cascade-rcnn_r50-rfp_1x_coco",
        "cascade-rcnn_r50-sac_1x_coco",
        "detectors_cascade-rcnn_r50_1x_coco",
        "detectors_htc-r50_1x_coco",
    ),
    "detr": ("detr_r50_8xb2-150e_coco",),
    "dino": ("dino-4scale_r50_8xb2-12e_coco", "dino-5scale_swin-l_8xb2-12e_coco"),
    "double_heads": ("dh-faster-rcnn_r50_fpn_1x_coco",),
    "dyhead": ("atss_r50_fpn_dyhead_1x_coco", "atss_swin-l-p4-w12_fpn_dyhead_ms-2x_coco"),
    "dynamic_rcnn": ("dynamic-rcnn_r50_fpn_1x_coco",),
    "efficientnet": ("retinanet_effb3_fpn_8xb4-crop896-1x_coco",),
    "empirical_attention": (
        "faster-rcnn_r50-attn0010-dcn_fpn_1x_coco",
        "faster-rcnn_r50-attn1111_fpn_1x_coco",
    ),
    "fast_rcnn": ("fast-rcnn_r50_fpn_1x_coco",),
    "faster_rcnn": (
        "faster-rcnn_r50_fpn_1x_coco",
        "faster-rcnn_r50-caffe_c4-1x_coco",
        "faster-rcnn_r50-caffe-dc5_1x_coco",
        "faster-rcnn_r50_fpn_soft-nms_1x_coco",
    ),
    "fcos": (
        "fcos_r50-caffe_fpn_gn-head_1x_coco",
        "fcos_r50-dcn-caffe_fpn_gn-head-center-normbbox-centeronreg-giou_1x_coco",
    ),
    "foveabox": ("fovea_r50_fpn_4xb4-1x_coco", "fovea_r50_fpn_gn-head-align_4xb4-2x_coco"),
    "fpg": ("faster-rcnn_r50_fpg_crop640-50e_coco", "retinanet_r50_fpg_crop640_50e_coco"),
    "free_anchor": ("freeanchor_r50_fpn_1x_coco",),
    "fsaf": ("fsaf_r50_fpn_1x_coco",),
    "gcnet": ("mask-rcnn_r50-syncbn-gcb-r16-c3-c5_fpn_1x_coco",),
    "gfl": ("gfl_r50_fpn_1x_coco", "gfl_x101-32x4d-dconv-c4-c5_fpn_ms-2x_coco"),
    "ghm": ("retinanet_r50_fpn_ghm-1x_coco",),
    "gn": ("mask-rcnn_r50_fpn_gn-all_2x_coco",),
    "gn+ws": ("faster-rcnn_r50_fpn_gn-ws-all_1x_coco",),
    "grid_rcnn": ("grid-rcnn_r50_fpn_gn-head_1x_coco",),
    "groie": ("faste-rcnn_r50_fpn_groie_1x_coco", "mask-rcnn_r50_fpn_groie_1x_coco"),
    "guided_anchoring": (
        "ga-rpn_r50_fpn_1x_coco",
        "ga-retinanet_r50_fpn_1x_coco",
        "ga-faster-rcnn_r50_fpn_1x_coco",
    ),
    "hrnet": ("faster-rcnn_hrnetv2p-w18-1x_coco", "fcos_hrnetv2p-w32-gn-head_4xb4-1x_coco"),
    "htc": ("htc-without-semantic_r50_fpn_1x_coco", "htc_r50_fpn_1x_coco"),
    "instaboost": ("mask-rcnn_r50_fpn_instaboost-4x_coco",),
    "lad": ("lad_r50-paa-r101_fpn_2xb8_coco_1x",),
    "ld": ("ld_r18-gflv1-r101_fpn_1x_coco",),
    "legacy_1.x": ("faster-rcnn_r50_fpn_1x_coco_v1", "retinanet_r50_fpn_1x_coco_v1", "ssd300_coco_v1"),
    "libra_rcnn": ("libra-faster-rcnn_r50_fpn_1x_coco", "libra-retinanet_r50_fpn_1x_coco"),
    "lvis": ("mask-rcnn_r50_fpn_sample1e-3_ms-1x_lvis-v1",),
    "mask2former": ("mask2former_r50_8xb2-lsj-50e_coco", "mask2former_swin-t-p4-w7-224_8xb2-lsj-50e_coco"),
    "mask_rcnn": ("mask-rcnn_r50_fpn_1x_coco", "mask-rcnn_r50-caffe-c4_1x_coco"),
    "ms_rcnn": ("ms-rcnn_r50_fpn_1x_coco",),
    "nas_fcos": (
        "nas-fcos_r50-caffe_fpn_fcoshead-gn-head_4xb4-1x_coco",
        "nas-fcos_r50-caffe_fpn_nashead-gn-head_4xb4-1x_coco",
    ),
    "nas_fpn": ("retinanet_r50_nasfpn_crop640-50e_coco",),
    "objects365": ("retinanet_r50_fpn_1x_objects365v1",),
    "openimages": ("faster-rcnn_r50_fpn_32xb2-1x_openimages",),
    "paa": ("paa_r50_fpn_1x_coco",),
    "pafpn": ("faster-rcnn_r50_pafpn_1x_coco",),
    "pascal_voc": ("ssd300_voc0712",),
    "pisa": (
        "faster-rcnn_r50_fpn_pisa_1x_coco",
        "retinanet-r50_fpn_pisa_1x_coco",
        "ssd300_pisa_coco",
    ),
    "point_rend": ("point-rend_r50-caffe_fpn_ms-1x_coco",),
    "pvt": ("retinanet_pvt-t_fpn_1x_coco", "retinanet_pvtv2-b0_fpn_1x_coco"),
    "queryinst": ("queryinst_r50_fpn_1x_coco",),
    "regnet": ("mask-rcnn_regnetx-3.2GF_fpn_1x_coco", "mask-rcnn_regnetx-3.2GF-mdconv-c3-c5_fpn_1x_coco"),
    "reppoints": (
        "reppoints-moment_r50_fpn-gn_head-gn_1x_coco",
        "reppoints-bbox_r50_fpn-gn_head-gn-grid_1x_coco",
    ),
    "res2net": ("faster-rcnn_res2net-101_fpn_2x_coco",),
    "resnest": ("faster-rcnn_s50_fpn_syncbn-backbone+head_ms-range-1x_coco",),
    "resnet_strikes_back": ("retinanet_r50-rsb-pre_fpn_1x_coco",),
    "retinanet": ("retinanet_r50_fpn_1x_coco",),
    "rpn": ("rpn_r50_fpn_1x_coco", "rpn_r50-caffe-c4_1x_coco"),
    "rtmdet": ("rtmdet_tiny_8xb32-300e_coco", "rtmdet_l_swin_b_4xb32-100e_coco", "rtmdet-ins_tiny_8xb32-300e_coco"),
    "sabl": ("sabl-cascade-rcnn_r50_fpn_1x_coco", "sabl-retinanet_r50_fpn_1x_coco"),
    "scnet": ("scnet_r50_fpn_1x_coco",),
    "scratch": ("faster-rcnn_r50-scratch_fpn_gn-all_6x_coco",),
    "seesaw_loss": ("mask-rcnn_r50_fpn_seesaw-loss-normed-mask_random-ms-2x_lvis-v1",),
    "selfsup_pretrain": ("mask-rcnn_r50-mocov2-pre_fpn_1x_coco",),
    "simple_copy_paste": ("mask-rcnn_r50_fpn_rpn-2conv_4conv1fc_syncbn-all_32xb2-ssj-scp-90k_coco",),
    "soft_teacher": ("soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco",),
    "solo": ("solo_r50_fpn_1x_coco", "decoupled-solo_r50_fpn_1x_coco", "decoupled-solo-light_r50_fpn_3x_coco"),
    "solov2": ("solov2_r50_fpn_1x_coco", "solov2-light_r50-dcn_fpn_ms-3x_coco"),
    "sparse_rcnn": ("sparse-rcnn_r50_fpn_1x_coco",),
    "ssd": ("ssd300_coco", "ssdlite_mobilenetv2-scratch_8xb24-600e_coco"),
    "strong_baselines": ("mask-rcnn_r50_fpn_rpn-2conv_4conv1fc_syncbn-all_lsj-50e_coco",),
    "swin": ("mask-rcnn_swin-t-p4-w7_fpn_1x_coco",),
    "tood": ("tood_r50_fpn_1x_coco", "tood_r50_fpn_anchor-based_1x_coco", "tood_r101-dconv-c3-c5_fpn_ms-2x_coco"),
    "tridentnet": ("tridentnet_r50-caffe_1x_coco",),
    "vfnet": ("vfnet_r50_fpn_1x_coco", "vfnet_r50-mdconv-c3-c5_fpn_ms-2x_coco"),
    "wider_face": ("retinanet_r50_fpn_1x_widerface",),
    "yolact": ("yolact_r50_1xb8-55e_coco",),
    "yolo": ("yolov3_d53_8xb8-320-273e_coco", "yolov3_mobilenetv2_8xb24-320-300e_coco"),
    "yolof": ("yolof_r50-c5_8xb8-1x_coco",),
    "yolox": ("yolox_s_8xb8-300e_coco", "yolox_nano_8xb8-300e_coco"),
}

# Their masked convolutions predict one photo at a time. (mmcv/ops/masked_conv.py)
ONE_PHOTO_A_TIME = {"guided_anchoring"}

TRACKING = "tracking in videos"
LANGUAGE = "grounding with a language model, which needs transformers and nltk"
PANOPTIC = "panoptic segmentation only"
NOT_MODELS = "no models: bases for the other folders"
MMPRETRAIN = "its backbone needs the package mmpretrain; TimmBackbone takes its place (docs/configs.md)"

OUT_OF_SCOPE: dict[str, str] = {
    "_base_": NOT_MODELS,
    "bytetrack": TRACKING,
    "clrnet": "lane detection: lines in place of boxes",
    "common": NOT_MODELS,
    "convnext": MMPRETRAIN,
    "deepsort": TRACKING,
    "dsdl": "Faster and Mask R-CNN on datasets described in DSDL, which needs the package dsdl",
    "glip": LANGUAGE,
    "grounding_dino": LANGUAGE,
    "mask2former_vis": TRACKING,
    "maskformer": PANOPTIC,
    "masktrack_rcnn": TRACKING,
    "misc": "wraps Detectron2's models, which needs detectron2",
    "mm_grounding_dino": LANGUAGE,
    "ocsort": TRACKING,
    "panoptic_fpn": PANOPTIC,
    "qdtrack": TRACKING,
    "reid": TRACKING,
    "sort": TRACKING,
    "strongsort": TRACKING,
    "timm_example": MMPRETRAIN,
    "v3det": "detectors of other folders for the 13,204 classes of V3Det",
}


def shipped_families() -> list[str]:
    """List the folders of configs in the installed mmdet."""
    return sorted(path.name for path in SHIPPED.iterdir() if path.is_dir())
