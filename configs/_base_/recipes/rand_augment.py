# Two changes of random strength for each photo, drawn from ten. Cubuk et al., https://arxiv.org/abs/1909.13719.
#
# A box around a turned or sheared box is looser than it was: a square's sides grow by cos 10 + sin 10 = 1.16 at 10
# degrees. So angles end there, not at mmdet's 30 (1.37). Objects moved out of the photo lose their box. Left out of
# mmdet's space: Invert, Solarize and SolarizeAdd, which make negatives.
recipe_rand_augment = dict(
    color=[
        dict(
            type="RandAugment",
            aug_num=2,
            aug_space=[
                [dict(type="AutoContrast")],
                [dict(type="Equalize")],
                [dict(type="Posterize", min_mag=4.0)],
                [dict(type="Color", min_mag=0.5, max_mag=1.5)],
                [dict(type="Contrast", min_mag=0.5, max_mag=1.5)],
                [dict(type="Brightness", min_mag=0.6, max_mag=1.4)],
                [dict(type="Sharpness", min_mag=0.1, max_mag=1.9)],
                [dict(type="Rotate", max_mag=10.0, img_border_value=114)],
                [dict(type="ShearX", max_mag=10.0, img_border_value=114)],
                [dict(type="TranslateX", max_mag=0.2, img_border_value=114)],
            ],
        ),
        dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1), keep_empty=False),
    ]
)
