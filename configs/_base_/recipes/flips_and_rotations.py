# All eight ways to lay down a photo, equally often: for photos taken from above, which have no up and no down.
#
# Half of the photos are mirrored, three of four turned by a quarter, a half or three quarters. Boxes and masks stay
# exact.
recipe_flips_and_rotations = dict(
    flip=[
        dict(type="RandomFlip", prob=0.5, direction="horizontal"),
        dict(type="RandomRotate90", prob=0.75),
    ]
)
