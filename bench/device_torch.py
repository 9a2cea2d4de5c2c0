"""What PyTorch takes for a DeiT with random weights, for bench/device.sh: milliseconds of a batch.

usage: device_torch.py MODEL SIDE BATCH DTYPE WAY RUNS DEVICE; --ways DEVICE: those that it has;
--onnx FILE MODEL SIDE: the dense model for TensorRT, of any batch. DEVICE: cpu, cuda or cuda:N.
Ways: sdpa (eager), compiled (SDPA under torch.compile, with CUDA graphs), flex (FlexAttention on
the mask of bench/device.sh, compiled)."""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

SIZES = {"deit_tiny": (192, 3), "deit_small": (384, 6), "deit_base": (768, 12)}
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def kept(_batch, _head, query, key):
    return (key == 0) | (key == query) | ((5 * query + 3 * key) % 11 == 0)


class Block(nn.Module):
    def __init__(self, width, heads, blocks):
        super().__init__()
        self.heads, self.blocks = heads, blocks
        self.norm1, self.norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, tokens, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        if self.blocks is None:
            out = F.scaled_dot_product_attention(q, k, v)
        else:
            from torch.nn.attention.flex_attention import flex_attention

            out = flex_attention(q, k, v, block_mask=self.blocks)
        x = x + self.projection(out.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Deit(nn.Module):
    def __init__(self, side, width, heads, blocks):
        super().__init__()
        tokens = (side // 16) ** 2 + 1
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.Sequential(*[Block(width, heads, blocks) for _ in range(12)])
        self.norm, self.head = nn.LayerNorm(width, 1e-6), nn.Linear(width, 1000)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x)[:, 0]))


def ways(device):
    if device == "cpu" or not torch.cuda.is_available():
        return ["sdpa"]
    try:
        from torch.nn.attention import flex_attention  # noqa: F401
    except ImportError:
        return ["sdpa", "compiled"]
    return ["sdpa", "compiled", "flex"]


def measure(run, images, runs):
    times = []
    for i in range(runs + 5):
        start = time.perf_counter()
        run(images)
        if images.is_cuda:
            torch.cuda.synchronize(images.device)
        if i >= 5:
            times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def export(path, model, side):
    width, heads = SIZES["_".join(model.split("_")[:2])]
    net = Deit(int(side), width, heads, None).eval()
    images = torch.randn(2, 3, int(side), int(side))
    names = {"input_names": ["images"], "output_names": ["logits"]}
    torch.onnx.export(net, images, path, dynamic_axes={"images": {0: "batch"}}, **names)


def main(model, side, batch, dtype, way, runs, device):
    side, batch = int(side), int(batch)
    width, heads = SIZES["_".join(model.split("_")[:2])]
    blocks = None
    torch.backends.cudnn.allow_tf32 = False  # fp32 is fp32, as ours is
    if device != "cpu":
        torch.cuda.set_device(torch.device(device).index or 0)
    if way == "flex":
        from torch.nn.attention.flex_attention import create_block_mask

        tokens = (side // 16) ** 2 + 1
        blocks = create_block_mask(kept, None, None, tokens, tokens, device=device)
    net = Deit(side, width, heads, blocks).to(device, DTYPES[dtype]).eval()
    run = net if way == "sdpa" else torch.compile(net, mode="reduce-overhead")
    images = torch.randn(batch, 3, side, side, device=device, dtype=DTYPES[dtype])
    with torch.inference_mode():
        print(f"{measure(run, images, int(runs)):.4f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ways"]:
        print(*ways(sys.argv[2]))
    elif sys.argv[1] == "--onnx":
        export(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
