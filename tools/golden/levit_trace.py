#!/usr/bin/env python3
"""Ten training steps of a small LeViT in timm, float64: the oracle of
tests/train/test_levit_trace.c.

Weights, images, labels, masks, summaries and the teacher's logits follow formulas that both sides
can evaluate, so that no array needs to be stored. The model is timm's in training mode, with
BatchNorm's own statistics; masks and ViTCoD's auto-encoder are put into its attention by models.py,
summaries by summaries.py. Wants timm 0.9.16. Run: python3 tools/golden/levit_trace.py >
tools/golden/levit_trace.json
"""

import json

import torch
import torch.nn.functional as F
from timm.models.levit import LevitDistilled

from models import instrument, noise
from summaries import Summaries, size_of

IMAGE, CLASSES, BATCH, STEPS = 80, 5, 12, 10
# A bias before a norm has a gradient of rounding errors only; with 1e-8 they would make full steps.
EPS = 1e-5
LR, DECAY, SMOOTHING, CLIP, WEIGHT, SHARE, TEMPERATURE = 2e-3, 0.05, 0.1, 1.0, 1e-2, 0.4, 2.0
BIAS_ALONE = {"summary_bias": 5.0, "pool_weights": 0.0}
BIAS_AND_POOLING = {"summary_bias": 1.0, "pool_weights": 0.5}
QUERIES_AS_WELL = BIAS_AND_POOLING | {"pool_query": 2.0}


def value_of(name, shape):
    """Norms of 0.6: a network at 1 is so steep that float32 and float64 part in a few steps."""
    x = noise(name, shape).float()
    if name.endswith("running_var"):
        x = 1.0 + 0.5 * x
    elif name.endswith(".bn.weight"):
        x = 0.6 + 0.1 * x
    elif len(shape) > 1 and not name.endswith("attention_biases"):
        x = x / torch.tensor(float(torch.Size(shape[1:]).numel())).sqrt()
    else:
        x = 0.3 * x
    return x.double()


def build(autoencoder, mask, summaries):
    """The model, what steers its attention, and its learnt values by name."""
    model = (
        LevitDistilled(
            img_size=IMAGE,
            embed_dim=(16, 24, 32),
            key_dim=4,
            num_heads=(2, 3, 2),
            depth=(2, 1, 1),
            num_classes=CLASSES,
        )
        .double()
        .train()
    )
    model.distilled_training = True
    model.load_state_dict(
        {
            k: v if k.endswith("num_batches_tracked") else value_of(k, tuple(v.shape))
            for k, v in model.state_dict().items()
        }
    )
    state = instrument(model)
    state.update(autoencoder=autoencoder, mask=mask)
    learnt = dict(model.named_parameters())
    for name, a in model.named_modules():
        if autoencoder and name.endswith(".attn"):
            for key in [k for k in state if k.startswith(name + ".")]:
                learnt[key] = state[key] = value_of(key, tuple(state[key].shape)).requires_grad_()
    if summaries:
        state["hook"] = Summaries(0, queries="pool_query" in summaries)
        learnt.update(state["hook"].parameters(model, summaries))
    return model, state, learnt


def decays(name, value):
    return value.dim() > 1 and not name.endswith(
        ("attention_biases", "bias", "pool_weights", "pool_query")
    )


def group_of(name, value, summaries):
    """What is particular to a parameter: a rate for those of summaries, decay or none."""
    factor = (summaries or {}).get(name.split(".")[-1], 1.0)
    return {"params": [value], "lr": factor * LR, "weight_decay": DECAY * decays(name, value)}


def images(step):
    return noise(f"images {step}", (BATCH, 3, IMAGE, IMAGE))


def losses(model, step, how):
    y = torch.tensor([(3 * i + step) % CLASSES for i in range(BATCH)])
    head, head_dist = model(images(step))
    if how == "mean":
        task = F.cross_entropy((head + head_dist) / 2, y, label_smoothing=SMOOTHING)
        return task, torch.zeros(()), task
    task = F.cross_entropy(head, y, label_smoothing=SMOOTHING)
    teacher = 2.0 * noise(f"teacher {step}", (BATCH, CLASSES))
    if how == "hard":
        taught = F.cross_entropy(head_dist, teacher.argmax(-1))
    else:
        taught = TEMPERATURE**2 * F.kl_div(
            F.log_softmax(head_dist / TEMPERATURE, -1),
            F.log_softmax(teacher / TEMPERATURE, -1),
            reduction="batchmean",
            log_target=True,
        )
    return task, taught, (1 - SHARE) * task + SHARE * taught


def trace(how, autoencoder, mask, summaries=None):
    """`summaries`: factors of the learning rate for what is learnt of them."""
    model, state, learnt = build(autoencoder, mask, summaries)
    groups = [group_of(name, value, summaries) for name, value in learnt.items()]
    optimiser = torch.optim.AdamW(groups, eps=EPS)
    steps = []
    for step in range(STEPS):
        state["reconstruction"] = 0.0
        task, taught, loss = losses(model, step, how)
        optimiser.zero_grad()
        (loss + WEIGHT * state["reconstruction"]).backward()
        norm = torch.nn.utils.clip_grad_norm_(list(learnt.values()), CLIP)
        optimiser.step()
        steps.append(
            {
                "loss": task.item(),
                "distillation": taught.item(),
                "norm": norm.item(),
                "reconstruction": float(state["reconstruction"]),
            }
        )
    model.eval()
    with torch.no_grad():
        logits = model(images(0)).flatten()
    running = {k: v.abs().sum().item() for k, v in model.state_dict().items() if ".running_" in k}
    return {
        "steps": steps,
        "logits": [float(f"{v:.8g}") for v in logits],
        "parameters": {k: float(f"{size_of(v):.8g}") for k, v in learnt.items()},
        "running": {k: float(f"{v:.8g}") for k, v in running.items()},
    }


def main():
    torch.manual_seed(0)
    print(
        json.dumps(
            {
                "soft": trace("soft", False, False),
                "hard": trace("hard", False, True),
                "mean": trace("mean", True, True),
                "summaries": trace("soft", False, False, BIAS_ALONE),
                "summaries_autoencoder": trace("mean", True, False, BIAS_AND_POOLING),
                "summaries_queries": trace("mean", True, False, QUERIES_AS_WELL),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
