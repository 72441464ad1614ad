# DINO with an ATSS head and a Faster R-CNN on its encoder's maps, both there in training only: Co-DETR's collaborative
# hybrid assignments.
_base_ = "dino_r50_4scale.py"
from sortline.pipeline.pick import pick

_faster_rcnn = pick("mmdet::_base_/models/faster-rcnn_r50_fpn.py", "model")
_strides = [8, 16, 32, 64]

model = dict(
    type="CoDINO",
    auxiliary_head=dict(
        type="ATSSHead",
        num_classes=80,  # set from the dataset config when a run starts
        in_channels=256,
        stacked_convs=1,
        anchor_generator=dict(
            type="AnchorGenerator", ratios=[1.0], octave_base_scale=8, scales_per_octave=1, strides=_strides
        ),
        loss_cls=dict(type="FocalLoss", use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
        loss_bbox=dict(type="GIoULoss", loss_weight=2.0),
        train_cfg=dict(assigner=dict(type="ATSSAssigner", topk=9), allowed_border=-1, pos_weight=-1),
    ),
    rpn_head=dict(
        _faster_rcnn["rpn_head"],
        anchor_generator=dict(
            type="AnchorGenerator",
            octave_base_scale=4,
            scales_per_octave=3,
            ratios=[0.5, 1.0, 2.0],
            strides=_strides,
        ),
        train_cfg=_faster_rcnn["train_cfg"]["rpn"],
        test_cfg=_faster_rcnn["train_cfg"]["rpn_proposal"],
    ),
    roi_head=dict(
        _faster_rcnn["roi_head"],
        bbox_roi_extractor=dict(
            _faster_rcnn["roi_head"]["bbox_roi_extractor"], featmap_strides=_strides, finest_scale=56
        ),
        train_cfg=_faster_rcnn["train_cfg"]["rcnn"],
        test_cfg=_faster_rcnn["test_cfg"]["rcnn"],
    ),
)
