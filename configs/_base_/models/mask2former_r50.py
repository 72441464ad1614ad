# Mask2Former with ResNet-50, instances only: queries attend within the mask that they have predicted so far.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py", "model")
model.update(type="InstanceMask2Former", mask_head=model.pop("panoptic_head"))
del model["panoptic_fusion_head"]
del model["mask_head"]["num_things_classes"], model["mask_head"]["num_stuff_classes"]
model["mask_head"]["num_classes"] = 80  # set from the dataset config when a run starts
