# Objects of rare classes, cut from other training photos, pasted into half of the photos.
# Ghiasi et al., https://arxiv.org/abs/2012.07177; Dwibedi et al., https://arxiv.org/abs/1708.01642.
#
# Rare is a class that fewer than a tenth of the images have; the log says how often each object comes an epoch. Other
# choices: classes=["Battery", "Clothing"], or classes=dict(Battery=3, Clothing=1). Objects with a segmentation are cut
# along it, others by their box with a soft edge. The last epochs go without. ann_file, data_root and metainfo come
# from the training loader: with --fold, that is the fold's own train part.
recipe_copy_paste = dict(
    load=dict(type="PasteObjects", prob=0.5, max_objects=2, classes="rare", rare_thr=0.1),
    last_epochs_without=2,
)
