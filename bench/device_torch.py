"""What PyTorch takes for a DeiT with random weights, for bench/device.sh, each way of it verified
first.

usage: device_torch.py --ways DEVICE
           those that it has; DEVICE: cpu, cuda or cuda:N
       device_torch.py MODEL SIDE BATCH DTYPE RUNS DEVICE WAY..
           a line "WAY | MS | MS_IN_ATTENTION" for each, as it is done
       device_torch.py --write FOLDER MODEL SIDE
           model.safetensors, images.npy and mask.npy for other programs, and the logits that they
           have to give, dense.npy and pruned.npy
       device_torch.py --compare HAVE.npy WANT.npy SHARE
           1 where a value is further off than a share of the largest

Ways: sdpa (eager), graphs (the same, recorded as a CUDA graph), compiled (SDPA under torch.compile,
with CUDA graphs), flex (FlexAttention on the mask of bench/device.sh, compiled). MS is the median
of a batch from the host's memory to logits there; in attention, of the attentions alone on values
that lie on the device."""

import json
import statistics
import struct
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

SIZES = {"deit_tiny": (192, 3), "deit_small": (384, 6), "deit_base": (768, 12)}
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
LAYERS, WARM_UP, CHECKED = 12, 5, 2
ALLOWED = {"fp32": 2e-3, "fp16": 0.02, "bf16": 0.1}  # of the largest logit


def kept(_batch, _head, query, key):
    """The mask of bench/device.sh."""
    return (key == 0) | (key == query) | ((5 * query + 3 * key) % 11 == 0)


def kept_entries(tokens):
    at = torch.arange(tokens)
    return kept(None, None, at[:, None], at[None, :])


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.attend = heads, F.scaled_dot_product_attention
        self.norm1, self.norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width),
                                   "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width),
                                  "fc2": nn.Linear(4 * width, width)})

    def forward(self, x):
        batch, tokens, width = x.shape
        parts = self.attn["qkv"](self.norm1(x)).view(batch, tokens, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        out = self.attend(q, k, v).transpose(1, 2).reshape(batch, tokens, width)
        x = x + self.attn["proj"](out)
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class Deit(nn.Module):
    """With timm's names."""

    def __init__(self, model, side):
        super().__init__()
        width, heads = SIZES["_".join(model.split("_")[:2])]
        tokens = (side // 16) ** 2 + 1
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, 16, 16)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(LAYERS)])
        self.norm, self.head = nn.LayerNorm(width, 1e-6), nn.Linear(width, 1000)

    def forward(self, images):
        x = self.patch_embed["proj"](images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x)[:, 0]))

    def use(self, attend):
        for block in self.blocks:
            block.attend = attend
        return self


def open_model(model, side):
    torch.manual_seed(0)
    net = Deit(model, side).eval()
    for block in net.blocks:  # attention that looks somewhere, as a trained one does
        block.attn["qkv"].weight.data *= 3.0
    return net


def masked(tokens, device):
    entries = kept_entries(tokens).to(device)
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=entries)


def flexible(tokens, device):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    blocks = create_block_mask(kept, None, None, tokens, tokens, device=device)
    return lambda q, k, v: flex_attention(q, k, v, block_mask=blocks)


def ways(device):
    found = ["sdpa", "compiled"] if device == "cpu" else ["sdpa", "graphs", "compiled"]
    if device != "cpu" and not torch.cuda.is_available():
        return []
    try:
        from torch.nn.attention import flex_attention  # noqa: F401
    except ImportError:
        return found
    return [*found, "flex"]


def wait(device):
    if device != "cpu":
        torch.cuda.synchronize()


def recorded(run, images):
    """A call that replays what `run` launches for images of this shape."""
    held, side_stream = images.clone(), torch.cuda.Stream()
    side_stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side_stream):
        for _ in range(3):
            run(held)
    torch.cuda.current_stream().wait_stream(side_stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = run(held)

    def replay(given):
        held.copy_(given)
        graph.replay()
        return out

    return replay


def way_of(net, way, tokens, device, images):
    if way == "flex":
        net.use(flexible(tokens, device))
    mode = "reduce-overhead" if device != "cpu" else None
    run = torch.compile(net, mode=mode) if way in ("compiled", "flex") else net
    return recorded(net, images) if way == "graphs" else run


def furthest(have, want):
    """As a share of the largest; infinite where something is no number."""
    if have.shape != want.shape or not torch.isfinite(have).all():
        return float("inf")
    return ((have - want).abs().max() / want.abs().max()).item()


def median_ms(run, runs, device):
    """Of calls after some that warm up, each from nothing queued to nothing queued."""
    times = []
    for i in range(runs + WARM_UP):
        wait(device)
        start = time.perf_counter()
        run()
        wait(device)
        if i >= WARM_UP:
            times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def attention_ms(net, way, batch, tokens, dtype, runs, device):
    """Of the layers' attentions one after the other, by the device's events where it has them."""
    width, heads = net.pos_embed.shape[-1], net.blocks[0].heads
    q, k, v = (torch.randn(batch, heads, tokens, width // heads, device=device, dtype=dtype)
               for _ in range(3))
    attend = flexible(tokens, device) if way == "flex" else F.scaled_dot_product_attention
    attend = torch.compile(attend) if way == "flex" else attend

    def layers():
        for _ in range(LAYERS):
            attend(q, k, v)

    if device == "cpu":
        return median_ms(layers, runs, device)
    times = []
    for i in range(runs + WARM_UP):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        layers()
        end.record()
        end.synchronize()
        if i >= WARM_UP:
            times.append(start.elapsed_time(end))
    return statistics.median(times)


def measure(way, model, side, batch, dtype, runs, device):
    tokens = (side // 16) ** 2 + 1
    net = open_model(model, side).to(device)
    host = torch.randn(max(batch, CHECKED), 3, side, side)
    on_device = host[:batch].to(device, DTYPES[dtype])
    net.use(masked(tokens, device) if way == "flex" else F.scaled_dot_product_attention)
    want = net(on_device[:CHECKED].float()).cpu()
    net.use(F.scaled_dot_product_attention).to(DTYPES[dtype])
    run = way_of(net, way, tokens, device, on_device)
    off = furthest(run(on_device)[:CHECKED].float().cpu(), want)
    if not off <= ALLOWED[dtype]:
        raise ValueError(f"logits are off by {off:.3g} of the largest, nothing is timed")
    host = host[:batch].pin_memory() if device != "cpu" else host[:batch]

    def whole():
        return run(host.to(device, non_blocking=True).to(DTYPES[dtype])).float().cpu()

    ms = median_ms(whole, runs, device)
    attention = ""
    if way in ("sdpa", "flex"):
        attention = f"{attention_ms(net, way, batch, tokens, DTYPES[dtype], runs, device):.4f}"
    print(f"{way} | {ms:.4f} | {attention}", flush=True)


def main(model, side, batch, dtype, runs, device, *wanted):
    torch.backends.cudnn.allow_tf32 = False  # fp32 is fp32, as ours is
    torch.backends.cuda.matmul.allow_tf32 = False
    if device != "cpu":
        torch.cuda.set_device(torch.device(device).index or 0)
    for way in wanted:
        try:
            with torch.inference_mode():
                measure(way, model, int(side), int(batch), dtype, int(runs), device)
        except Exception as error:  # one way that fails is a row, and the others go on
            lines = str(error).strip().splitlines() or [""]
            print(f"{way} | {type(error).__name__}: {lines[0][:160].replace('|', '/')} | ",
                  flush=True)
        torch.compiler.reset()
        if device != "cpu":
            torch.cuda.empty_cache()


# ---- files


def write_npy(path, values, kind):
    shape = tuple(values.shape)
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    with open(path, "wb") as out:
        out.write(b"\x93NUMPY\x01\x00v\x00" + head.ljust(117).encode() + b"\n")
        out.write(values.contiguous().numpy().tobytes())


def read_npy(path):
    with open(path, "rb") as file:
        data = file.read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    shape = eval(data[10:start])["shape"]  # what write_npy and vitcod write
    return torch.frombuffer(bytearray(data[start:]), dtype=torch.float32).view(shape)


def write_safetensors(path, state):
    head, at = {}, 0
    for name, value in state.items():
        size = 4 * value.numel()
        head[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for value in state.values():
            out.write(value.contiguous().numpy().tobytes())


def write(folder, model, side):
    side = int(side)
    net, images = open_model(model, side), torch.randn(CHECKED, 3, side, side)
    tokens = (side // 16) ** 2 + 1
    pruned = ~kept_entries(tokens)
    write_safetensors(f"{folder}/model.safetensors", net.state_dict())
    write_npy(f"{folder}/images.npy", images, "<f4")
    heads = net.blocks[0].heads
    write_npy(f"{folder}/mask.npy", pruned.expand(LAYERS, heads, tokens, tokens), "|b1")
    with torch.inference_mode():
        write_npy(f"{folder}/dense.npy", net(images), "<f4")
        net.use(masked(tokens, "cpu"))
        write_npy(f"{folder}/pruned.npy", net(images), "<f4")


def compare(have, want, share):
    off = furthest(read_npy(have), read_npy(want))
    print(f"off by {off:.3g} of the largest")
    return 0 if off <= float(share) else 1


if __name__ == "__main__":
    VERBS = {"--write": write, "--compare": compare}
    if sys.argv[1:2] == ["--ways"]:
        print(*ways(sys.argv[2]))
    elif sys.argv[1] in VERBS:
        sys.exit(VERBS[sys.argv[1]](*sys.argv[2:]))
    else:
        main(*sys.argv[1:])
