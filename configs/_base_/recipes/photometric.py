# Other light and another camera: brightness by up to 32 of 255, contrast and saturation by up to a half, hue by up to
# 18 degrees, each on half of the photos. Liu et al., SSD, https://arxiv.org/abs/1512.02325.
#
# Channels are not swapped: with colours that no camera gives, materials told apart by colour would get lost.
recipe_photometric = dict(
    color=[
        dict(
            type="PhotoMetricDistortion",
            brightness_delta=32,
            contrast_range=(0.5, 1.5),
            saturation_range=(0.5, 1.5),
            hue_delta=18,
            swap_channels=False,
        ),
        dict(type="ClipToUint8"),
    ]
)
