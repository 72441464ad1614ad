# Worse photos: local contrast, one of three blurs, noise or the marks of strong JPEG compression, each on some of them.
#
# Any transform of albumentations may stand here by its name and arguments; those that move pixels take boxes and masks
# along: https://albumentations.ai/docs/.
recipe_albumentations = dict(
    color=dict(
        type="RandomAlbumentations",
        transforms=[
            dict(type="CLAHE", clip_limit=(1, 3), p=0.2),
            dict(
                type="OneOf",
                transforms=[
                    dict(type="MotionBlur", blur_limit=(3, 9)),
                    dict(type="GaussianBlur", blur_limit=(3, 5)),
                    dict(type="MedianBlur", blur_limit=(3, 5)),
                ],
                p=0.2,
            ),
            dict(type="GaussNoise", std_range=(0.02, 0.08), p=0.2),
            dict(type="ImageCompression", quality_range=(40, 90), p=0.2),
        ],
    )
)
