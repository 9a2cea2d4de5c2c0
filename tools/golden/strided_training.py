#!/usr/bin/env python3
"""Gradients and ten training steps of small Strided Transformers in float64 by PyTorch: the oracle
of tests/train/test_strided_training.c.

The loss is Li et al.'s (2022): the mean distance of the joints of the frame in the middle, plus the
same of all frames by the head behind the vanilla blocks; with an auto-encoder its reconstruction
too. Of each parameter's gradient come the norm and what two vectors of noise see of it, so that no
array is stored; trained is by AdamW as `vitcod train` has it, without dropout, which it has not.
Models are those of strided.py. Wants torch. Run:
python3 tools/golden/strided_training.py > tools/golden/strided_training.json
"""

import json

import noise as numbers
import strided
import torch

BATCH, STEPS, RECONSTRUCTION = 5, 10, 0.05
LR, DECAY, CLIP = 3e-3, 0.05, 1.0
VARIANTS = (  # masked, with an auto-encoder, on the batch's own statistics
    ("plain", 0, 0, 1),
    ("mask", 1, 0, 1),
    ("mask_autoencoder", 1, 1, 1),
    ("settled", 0, 0, 0),
)


def batch(kind, step):
    frames, joints = kind[:2]
    x = torch.tensor(numbers.noise(f"poses {step}", (BATCH, frames, 2 * joints)))
    truth = torch.tensor(numbers.noise(f"truth {step}", (BATCH, frames, joints, 3)))
    return x, truth


def mpjpe(poses, truth):
    return (poses.view(truth.shape) - truth).norm(dim=-1).mean()


def loss_of(model, kind, step):
    x, truth = batch(kind, step)
    pose, frames = model(x)
    middle = truth[:, (kind[0] - 1) // 2]
    return mpjpe(pose, middle) + mpjpe(frames, truth) + RECONSTRUCTION * model.reconstruction


def learning_state(kind, compressed):
    state = strided.state_of(kind, compressed)
    for name, value in state.items():
        value.requires_grad_("running" not in name)
    return state


def gradients(kind, masked, coded, own):
    state = learning_state(kind, strided.HEADS // 2 if coded else 0)
    loss = loss_of(strided.Strided(kind, state, masked, coded, training=bool(own)), kind, 0)
    loss.backward()
    out = {}
    for name, value in state.items():
        if value.grad is None:
            continue
        seen = [
            float((value.grad * torch.tensor(numbers.noise(f"{name} {i}", value.shape))).sum())
            for i in range(2)
        ]
        out[name] = [float(f"{y:.9g}") for y in [float(value.grad.norm())] + seen]
    return {"loss": loss.item(), "of": out}


class Learning(strided.Strided):
    """With running statistics that move, as PyTorch moves them."""

    def batch_norm(self, name, x):
        s = self.state
        return torch.nn.functional.batch_norm(
            x.flatten(0, 1),
            s[name + ".running_mean"],
            s[name + ".running_var"],
            s[name + ".weight"],
            s[name + ".bias"],
            self.training,
        ).view(x.shape)


def is_cancelled(name, kind):
    """Biases that a BatchNorm or a softmax takes out again: what moves them is rounding alone."""
    last = f"Transformer_reduce.model.layers.{len(kind[5]) - 1}.feed_forward.w_2.bias"
    return name in ("encoder.0.bias", last) or name.endswith(".linears.1.bias")


def trace(kind):
    state = learning_state(kind, 0)
    for name, value in state.items():
        if is_cancelled(name, kind):
            value.requires_grad_(False)
    groups = ([], [])
    for name, value in state.items():
        if value.requires_grad:
            groups[value.ndim > 1 and "pos_embedding" not in name].append(value)
    optimiser = torch.optim.AdamW(
        [{"params": g, "weight_decay": d} for g, d in zip(groups, (0.0, DECAY))], lr=LR
    )
    steps = []
    for step in range(STEPS):
        loss = loss_of(Learning(kind, state, training=True), kind, step)
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(sum(groups, []), CLIP)
        optimiser.step()
        steps += [loss.item(), norm.item()]
    with torch.no_grad():
        poses = strided.Strided(kind, state)(batch(kind, 0)[0])[0]
        weights = sum(float(p.abs().sum()) for p in state.values())
    return {"steps": steps, "weights": weights, "poses": strided.rounded(poses)}


def main():
    out = {}
    for name, kind in strided.KINDS.items():
        out[name] = {key: gradients(kind, *how) for key, *how in VARIANTS}
        out[name]["trace"] = trace(kind)
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
