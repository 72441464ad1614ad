import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.mm


def box_head(loss_cls):
    from mmdet.registry import MODELS

    return MODELS.build(
        dict(
            type="Shared2FCBBoxHead",
            in_channels=4,
            fc_out_channels=8,
            roi_feat_size=1,
            num_classes=3,
            loss_cls=loss_cls,
        )
    )


def test_a_box_head_predicts_by_sigmoid_and_not_by_softmax():
    head = box_head(dict(type="EQLV2BoxLoss", num_classes=3))
    assert head.fc_cls.out_features == 3 + 1
    logits = torch.tensor([[0.0, 2.0, -1.0, 1.0]])
    scores = head.loss_cls.get_activation(logits.clone())
    sigmoid = logits.sigmoid()
    torch.testing.assert_close(scores[:, :3], sigmoid[:, :3] * (1 - sigmoid[:, 3:]))


def test_it_learns_in_a_box_head_and_keeps_what_came_in():
    head = box_head(dict(type="EQLV2BoxLoss", num_classes=3))
    cls_score, bbox_pred = head(torch.randn(6, 4, 1, 1, generator=torch.Generator().manual_seed(0)))
    labels = torch.tensor([0, 0, 1, 3, 3, 3])
    losses = head.loss(
        cls_score, bbox_pred, torch.rand(6, 5), labels, torch.ones(6), torch.zeros(6, 4), torch.zeros(6, 4)
    )
    assert set(losses) >= {"loss_cls", "acc"}
    losses["loss_cls"].backward()
    assert head.fc_cls.weight.grad.isfinite().all()
    assert (head.loss_cls.pos_grad > 0).tolist() == [True, True, False]
