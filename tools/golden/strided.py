#!/usr/bin/env python3
"""What small Strided Transformers make of poses, in float64 by PyTorch: the oracle of
tests/models/test_strided.c.

Written from the paper (Li et al. 2022) and the facts of the published checkpoints: names and shapes
of tensors, norms that divide by the unbiased deviation plus 1e-6, a convolution of three values and
padding 1, a short path that takes every n-th frame, BatchNorm in front of both heads. Weights and
poses follow a formula that both sides can evaluate (noise.py), so that no array is stored; masks
and ViTCoD's auto-encoder are put into the attention. Wants torch. Run:
python3 tools/golden/strided.py > tools/golden/strided.json; with --published instead how many
parameters and multiply-adds the published sizes have; with --write FRAMES PATH a checkpoint of them
as PyTorch saves it.
"""

import json
import sys

import noise as numbers
import torch
import torch.nn.functional as F

BATCH, HEADS = 2, 4
KINDS = {  # frames, joints, width, hidden, vanilla blocks, strides
    "three": (27, 5, 24, 40, 2, (3, 3, 3)),
    "uneven": (23, 3, 16, 24, 1, (2, 5, 3)),
    "four": (16, 2, 8, 12, 1, (2, 2, 2, 2)),
}


def shapes(frames, joints, width, hidden, vanilla, strides):
    """Name and shape of every tensor."""
    out = {"encoder.0.weight": (width, 2 * joints, 1), "encoder.0.bias": (width,)}

    def batch_norm(name):
        for part in ("weight", "bias", "running_mean", "running_var"):
            out[f"{name}.{part}"] = (width,)

    def norm(name):
        out[name + ".a_2"] = out[name + ".b_2"] = (width,)

    def block(name, strided):
        for i in range(4):
            out[f"{name}.self_attn.linears.{i}.weight"] = (width, width)
            out[f"{name}.self_attn.linears.{i}.bias"] = (width,)
        one, three = ((1,), (3,)) if strided else ((), ())
        out[name + ".feed_forward.w_1.weight"] = (hidden, width) + one
        out[name + ".feed_forward.w_1.bias"] = (hidden,)
        out[name + ".feed_forward.w_2.weight"] = (width, hidden) + three
        out[name + ".feed_forward.w_2.bias"] = (width,)
        norm(name + ".sublayer.0.norm")
        norm(name + ".sublayer.1.norm")

    batch_norm("encoder.1")
    out["Transformer.pos_embedding"] = (1, frames, width)
    for i in range(vanilla):
        block(f"Transformer.model.layers.{i}", False)
    norm("Transformer.model.norm")
    for i in range(3):
        out[f"Transformer_reduce.model.pos_embedding_{i + 1}"] = (1, frames, width)
    for i in range(len(strides)):
        block(f"Transformer_reduce.model.layers.{i}", True)
    norm("Transformer_reduce.model.norm")
    for head in ("fcn", "fcn_1"):
        batch_norm(head + ".0")
        out[head + ".1.weight"] = (3 * joints, width, 1)
        out[head + ".1.bias"] = (3 * joints,)
    return out


def value_of(name, shape):
    """As set_weights of tests/models/strided.h computes it, in float32."""
    x = torch.tensor(numbers.noise(name, shape)).float()
    if name.endswith("running_var"):
        return 1.0 + 0.5 * x
    if name.endswith(".a_2") or (name.endswith(".weight") and len(shape) == 1):
        return 1.0 + 0.3 * x
    if len(shape) < 2 or "pos_embedding" in name:
        return 0.3 * x
    gain = 2.0 if ".linears.0." in name or ".linears.1." in name else 1.5
    return x * (torch.tensor(gain) / torch.tensor(float(x[0].numel())).sqrt())


def coder_shapes(name, compressed):
    return {
        f"{name}.{kind}coder_{x}.{part}": shape
        for x in "qk"
        for kind, wide, narrow in (("en", HEADS, compressed), ("de", compressed, HEADS))
        for part, shape in (("weight", (narrow, wide)), ("bias", (narrow,)))
    }


def mask_of(layer, tokens):
    """True = pruned."""
    h = torch.arange(HEADS).view(-1, 1, 1)
    i, j = torch.arange(tokens).view(-1, 1), torch.arange(tokens)
    return ~((j == 1) | (i == j) | ((i * 5 + j * 3 + h + layer) % 7 == 0))


class Strided:
    """The forward pass as functions of a dict of tensors."""

    def __init__(self, kind, state, masked=False, coded=False, training=False):
        self.kind, self.state = kind, state
        self.masked, self.coded, self.training = masked, coded, training
        self.reconstruction, self.layer = 0.0, 0

    def linear(self, name, x):
        weight = self.state[name + ".weight"]
        return F.linear(x, weight.flatten(1), self.state[name + ".bias"])

    def norm(self, name, x):
        centred = x - x.mean(-1, keepdim=True)
        by = centred.pow(2).sum(-1, keepdim=True).div(x.shape[-1] - 1).sqrt() + 1e-6
        return self.state[name + ".a_2"] * centred / by + self.state[name + ".b_2"]

    def batch_norm(self, name, x):
        s = self.state
        mean, variance = s[name + ".running_mean"], s[name + ".running_var"]
        return F.batch_norm(
            x.flatten(0, 1),
            mean.clone(),
            variance.clone(),
            s[name + ".weight"],
            s[name + ".bias"],
            self.training,
        ).view(x.shape)

    def recode(self, name, x):
        """x (B, T, H, D) through the auto-encoder over heads."""
        y = x.transpose(2, 3)
        for part in ("encoder", "decoder"):
            y = self.linear(name.replace("coder", part), y)
        y = y.transpose(2, 3)
        self.reconstruction = self.reconstruction + (y - x).norm()
        return y

    def attend(self, name, x):
        b, t, c = x.shape
        q, k, v = (self.linear(f"{name}.linears.{i}", x).view(b, t, HEADS, -1) for i in range(3))
        if self.coded:
            q, k = self.recode(name + ".coder_q", q), self.recode(name + ".coder_k", k)
        q, k, v = (y.transpose(1, 2) for y in (q, k, v))
        scores = q @ k.transpose(-1, -2) / (c // HEADS) ** 0.5
        if self.masked:
            scores = scores.masked_fill(mask_of(self.layer, t), float("-inf"))
        self.layer += 1
        heads = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        return self.linear(name + ".linears.3", heads)

    def block(self, name, x, stride):
        x = x + self.attend(name + ".self_attn", self.norm(name + ".sublayer.0.norm", x))
        y = self.linear(name + ".feed_forward.w_1", self.norm(name + ".sublayer.1.norm", x)).relu()
        if not stride:
            return x + self.linear(name + ".feed_forward.w_2", y)
        weight = self.state[name + ".feed_forward.w_2.weight"]
        bias = self.state[name + ".feed_forward.w_2.bias"]
        y = F.conv1d(y.transpose(1, 2), weight, bias, stride, 1).transpose(1, 2)
        return x[:, ::stride] + y

    def __call__(self, x):
        """x (B, frames, 2 joints): the pose (B, 3 joints), and all (B, frames, 3 joints)."""
        vanilla, strides = self.kind[4:]
        x = self.batch_norm("encoder.1", self.linear("encoder.0", x)).relu()
        x = x + self.state["Transformer.pos_embedding"]
        for i in range(vanilla):
            x = self.block(f"Transformer.model.layers.{i}", x, None)
        frames = self.linear("fcn_1.1", self.batch_norm("fcn_1.0", x))
        for i, stride in enumerate(strides):
            if i < 3:
                places = self.state[f"Transformer_reduce.model.pos_embedding_{i + 1}"]
                x = x + places[:, : x.shape[1]]
            x = self.block(f"Transformer_reduce.model.layers.{i}", x, stride)
        assert x.shape[1] == 1
        return self.linear("fcn.1", self.batch_norm("fcn.0", x))[:, 0], frames


def state_of(kind, compressed=0):
    state = {name: value_of(name, shape) for name, shape in shapes(*kind).items()}
    blocks = [("Transformer", kind[4]), ("Transformer_reduce", len(kind[5]))]
    for encoder, count in blocks if compressed else ():
        for i in range(count):
            coders = coder_shapes(f"{encoder}.model.layers.{i}.self_attn", compressed)
            state.update({name: value_of(name, shape) for name, shape in coders.items()})
    return {name: value.double() for name, value in state.items()}


def poses_of(kind):
    return torch.tensor(numbers.noise("poses", (BATCH, kind[0], 2 * kind[1])))


def rounded(x):
    return [float(f"{y:.9g}") for y in x.flatten().tolist()]


def golden(kind):
    x, out = poses_of(kind), {"parameters": 0}
    for name, shape in shapes(*kind).items():
        out["parameters"] += 0 if "running" in name else int(torch.tensor(shape).prod())
    for key, masked, coded in (("plain", 0, 0), ("mask", 1, 0), ("mask_autoencoder", 1, 1)):
        model = Strided(kind, state_of(kind, HEADS // 2 if coded else 0), masked, coded)
        out[key] = rounded(model(x)[0])
        out[key + "_reconstruction"] = float(model.reconstruction)
    observed, frames = Strided(kind, state_of(kind), training=True)(x)
    out["observed"] = rounded(observed)
    out["observed_frames"] = rounded(frames[:, kind[0] // 2])
    return out


def macs(frames, joints, width, hidden, vanilla, strides):
    """Of products, then of attention's scores and sums, then of the head over all frames, which
    only training needs."""
    products, attention, t = 2 * joints * width * frames, 0, frames
    for stride in [0] * vanilla + list(strides):
        products += 4 * t * width * width + t * width * hidden
        attention += 2 * t * t * width
        t = (t - 1) // stride + 1 if stride else t
        products += t * hidden * width * (3 if stride else 1)
    return products + 3 * joints * width, attention, frames * 3 * joints * width


def main():
    published = {n: (n, 17, 256, 512, 3, s) for n, s in ((351, (3, 9, 13)), (27, (3, 3, 3)))}
    if sys.argv[1:] == ["--published"]:
        for frames, kind in published.items():
            count = sum(
                int(torch.tensor(s).prod()) for n, s in shapes(*kind).items() if "running" not in n
            )
            print(frames, "frames:", count, "parameters, MACs", *macs(*kind))
    elif sys.argv[1:2] == ["--write"]:
        state = state_of(published[int(sys.argv[2])])
        for name in [n for n in state if n.endswith("running_var")]:
            counter = name.replace("running_var", "num_batches_tracked")
            state[counter] = torch.tensor(7)
        torch.save({n: x if x.ndim == 0 else x.float() for n, x in state.items()}, sys.argv[3])
    else:
        print(json.dumps({name: golden(kind) for name, kind in KINDS.items()}, indent=1))


if __name__ == "__main__":
    main()
