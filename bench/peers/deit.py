"""timm's DeiT or LeViT with the weights of a safetensors file, a DeiT at any image size."""

import numpy as np
import timm
import torch
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

import safetensors_file


def open_model(arch, path, size):
    weights = {
        name: torch.from_numpy(tensor.copy())
        for name, tensor in safetensors_file.read(path).items()
    }
    model = timm.create_model(arch, **({} if arch.startswith("levit") else {"img_size": size}))
    if "pos_embed" in weights and weights["pos_embed"].shape != model.pos_embed.shape:
        weights["pos_embed"] = resize_positions(weights["pos_embed"], model.patch_embed.grid_size)
    missing, unknown = model.load_state_dict(weights, strict=False)
    wrong = unknown + [name for name in missing if not name.endswith("num_batches_tracked")]
    if wrong:
        raise ValueError(f"{path}: {', '.join(wrong[:3])} do not fit {arch}")
    return model.eval()


def fuse(model):
    """A LeViT's norms put into the weights before them, as its authors deploy it."""
    for name, child in model.named_children():
        fuse(child)
        if hasattr(child, "fuse"):
            setattr(model, name, child.fuse())
    return model


def resize_positions(positions, grid):
    """As timm does it from 0.9 on (resample_abs_pos_embed)."""
    first, rest = positions[:, :1], positions[:, 1:]
    side = int(rest.shape[1] ** 0.5)
    rest = rest.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    rest = torch.nn.functional.interpolate(rest, size=grid, mode="bicubic", antialias=True)
    return torch.cat([first, rest.permute(0, 2, 3, 1).flatten(1, 2)], 1)


def write_random(path, arch):
    """A checkpoint with timm's random weights; biases and LayerNorm gains, which start at 0 and 1,
    vary too.
    """
    torch.manual_seed(0)
    spread = 0.2 if arch.startswith("levit") else 0.02  # the gains of a LeViT's branches start at 0
    model = timm.create_model(arch)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data += spread * torch.randn_like(parameter)
    safetensors_file.write(
        path,
        {
            name: tensor.numpy()
            for name, tensor in model.state_dict().items()
            if not name.endswith("num_batches_tracked")
        },
    )


class SplitAttention(torch.nn.Module):
    """timm's attention with Q, K and V as linear layers of their own: the shape that ONNX Runtime
    can fuse.
    """

    def __init__(self, packed):
        super().__init__()
        channels = packed.qkv.in_features
        self.heads, self.scale, self.proj = packed.num_heads, packed.scale, packed.proj
        self.q, self.k, self.v = (torch.nn.Linear(channels, channels) for _ in range(3))
        for i, layer in enumerate((self.q, self.k, self.v)):
            layer.weight.data = packed.qkv.weight.data.chunk(3)[i].clone()
            layer.bias.data = packed.qkv.bias.data.chunk(3)[i].clone()
        self.pruned = None  # bool (heads, queries, keys)

    def forward(self, x, **_):
        batch, tokens, channels = x.shape
        q, k, v = (
            layer(x).view(batch, tokens, self.heads, channels // self.heads).permute(0, 2, 1, 3)
            for layer in (self.q, self.k, self.v)
        )
        scores = q @ k.transpose(-1, -2) / (1.0 / self.scale)
        if self.pruned is not None:
            scores = scores.masked_fill(self.pruned, float("-inf"))
        y = (scores.softmax(-1) @ v).permute(0, 2, 1, 3).contiguous().view(batch, tokens, channels)
        return self.proj(y)


def split_attention(model):
    for block in model.blocks:
        block.attn = SplitAttention(block.attn)
    return model


class MaskedAttention(torch.nn.Module):
    """timm's attention under a mask, by SDPA."""

    def __init__(self, packed, pruned):
        super().__init__()
        self.heads, self.qkv, self.proj = packed.num_heads, packed.qkv, packed.proj
        self.register_buffer("kept", torch.from_numpy(~np.array(pruned, bool)))

    def attend(self, q, k, v):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=self.kept)

    def forward(self, x, **_):
        batch, tokens, channels = x.shape
        shape = batch, tokens, 3, self.heads, channels // self.heads
        q, k, v = self.qkv(x).view(shape).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(self.attend(q, k, v).transpose(1, 2).reshape(batch, tokens, channels))


class FlexAttention(MaskedAttention):
    """The same by FlexAttention, which leaves out blocks of 128 x 128 that nothing keeps."""

    def __init__(self, packed, pruned):
        super().__init__(packed, pruned)
        kept, tokens = self.kept, self.kept.shape[1]
        self.blocks = create_block_mask(
            lambda _, h, q, k: kept[h, q, k], None, self.heads, tokens, tokens, device="cpu"
        )

    def attend(self, q, k, v):
        return flex_attention(q, k, v, block_mask=self.blocks)


def restrict(model, pruned, attention):
    """pruned (layers, heads, queries, keys)"""
    for block, layer in zip(model.blocks, pruned, strict=True):
        block.attn = attention(block.attn, layer)
