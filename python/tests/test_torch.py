"""Attention on a plan in PyTorch: against plain attention in float64, as an operator, compiled; and
timm's models on a plan: the library's logits, and training as under a dense mask."""

import contextlib
import copy
import gc
import io
import os
import sys
import tempfile
import unittest
import warnings

import numpy as np
import vitcod
from support import DATA, DEIT, DEIT_MASK, ROOT, needs_deit

try:
    import torch

    if not hasattr(torch.library, "custom_op"):
        raise ImportError(f"PyTorch {torch.__version__}, wanted 2.4 or later")
except ImportError as error:
    raise unittest.SkipTest(f"no PyTorch: {error}") from None
try:
    import timm
except ImportError:
    timm = None

import vitcod.torch as vt

needs_timm = unittest.skipUnless(timm, "no timm")
B, H, T, D = 2, 2, 9, 4


def mask_of(layers, heads, queries, keys, seed=0, density=0.3):
    rng = np.random.default_rng(seed)
    pruned = rng.random((layers, heads, queries, keys)) > density
    pruned[..., 0] = False  # a global token, and no empty row
    return pruned


def plain(q, k, v, allowed, bias=None):
    """The definition, in float64."""
    scores = q.double() @ k.double().transpose(-1, -2) / q.shape[-1] ** 0.5
    if bias is not None:
        scores = scores + bias.double()
    return scores.masked_fill(~allowed, -torch.inf).softmax(-1) @ v.double()


class OnAPlan(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.plan = vitcod.polarize(mask_of(1, H, T, T), threshold=4)
        self.allowed = vt.bool_mask(self.plan, 0)
        self.attention = vt.SparseAttention(self.plan, 0)
        self.bias = torch.randn(H, T, T, requires_grad=True)

    def inputs(self, **how):
        return [torch.randn(B, H, T, D, requires_grad=True, **how) for _ in range(3)]


class Numbers(OnAPlan):
    def check(self, inputs, bias=None, *, plan=None, allowed=None, **how):
        """Result and gradients."""
        plan = plan or self.plan
        allowed = self.allowed if allowed is None else allowed
        out = vt.sparse_attention(*inputs, plan, 0, bias, **how)
        wanted = plain(*inputs, allowed, bias)
        torch.testing.assert_close(out.double(), wanted, rtol=0, atol=1e-5)
        learnt = [x for x in (*inputs, bias) if x is not None]
        dout = torch.randn(out.shape)
        have = torch.autograd.grad(out, learnt, dout)
        want = torch.autograd.grad(wanted, learnt, dout.double())
        for one, other in zip(have, want):
            torch.testing.assert_close(one, other.to(one.dtype), rtol=0, atol=1e-5)

    def test_forward_and_backward(self):
        for split in ("cost", "plan"):
            self.check(self.inputs(), split=split)
            self.check(self.inputs(), self.bias, split=split)

    def test_bias_that_broadcasts(self):
        for shape in ((1, H, T, T), (1, T, T), (T, T), (H, 1, T), (1,)):
            self.check(self.inputs(), torch.randn(shape, requires_grad=True))

    def test_layouts(self):
        qkv = torch.randn(B, T, 3, H, D, requires_grad=True)
        self.check(qkv.permute(2, 0, 3, 1, 4).unbind(0))
        self.check([torch.randn(B, T, H, D, requires_grad=True).transpose(1, 2) for _ in range(3)])
        self.check([torch.randn(B, H, D, T, requires_grad=True).mT for _ in range(3)])
        self.check([torch.randn(1, H, T, D, requires_grad=True).expand(B, H, T, D)] * 3)
        self.check([x[..., ::2] for x in (torch.randn(B, H, T, 2 * D, requires_grad=True),) * 3])

    def test_rectangular(self):
        plan = vitcod.polarize(mask_of(1, H, 4, T), threshold=3)
        q = torch.randn(B, H, 4, D, requires_grad=True)
        k = torch.randn(B, H, T, D, requires_grad=True)
        v = torch.randn(B, H, T, 7, requires_grad=True)
        bias = torch.randn(H, 4, T, requires_grad=True)
        self.check((q, k, v), bias, plan=plan, allowed=vt.bool_mask(plan, 0))

    def test_bfloat16(self):
        inputs = self.inputs(dtype=torch.bfloat16)
        out = self.attention(*inputs, self.bias)
        self.assertEqual(out.dtype, torch.bfloat16)
        wanted = plain(*inputs, self.allowed, self.bias)
        torch.testing.assert_close(out.double(), wanted, rtol=2**-8, atol=1e-5)
        have = torch.autograd.grad(out.sum(), [*inputs, self.bias])
        want = torch.autograd.grad(wanted.sum(), [*inputs, self.bias])
        for one, other in zip(have, want):
            torch.testing.assert_close(one, other.to(one.dtype), rtol=2**-7, atol=1e-4)

    def test_autocast(self):
        with torch.autocast("cpu", torch.bfloat16):
            q, k, v = self.inputs()
            out = self.attention(q, k.bfloat16(), v)
        self.assertEqual(out.dtype, torch.bfloat16)
        out.float().sum().backward()
        self.assertEqual(q.grad.dtype, torch.float32)

    def test_threads(self):
        """The same bits with any number of them, of which PyTorch says how many."""
        inputs, before, had = self.inputs(), torch.get_num_threads(), vitcod.threads()
        results = []
        try:
            for count in (1, 2, 3):
                torch.set_num_threads(count)
                out = self.attention(*inputs)
                results.append((out, *torch.autograd.grad(out.sum(), inputs)))
        finally:
            torch.set_num_threads(before)
        self.assertEqual(vitcod.threads(), had)
        for other in results[1:]:
            for a, b in zip(results[0], other):
                self.assertTrue(torch.equal(a, b))

    def test_no_image(self):
        q = torch.zeros(0, H, T, D, requires_grad=True)
        out = self.attention(q, q, q, self.bias)
        out.sum().backward()
        self.assertEqual((out.shape, q.grad.shape), (q.shape, q.shape))
        self.assertEqual(self.bias.grad.abs().max(), 0)


class Operator(OnAPlan):
    def test_opcheck(self):
        operator, key = torch.ops.vitcod.sparse_attention.default, self.attention._key
        qkv = torch.randn(B, T, 3, H, D, requires_grad=True).permute(2, 0, 3, 1, 4).unbind(0)
        torch.library.opcheck(operator, (*self.inputs(), self.bias, key, True))
        torch.library.opcheck(operator, (*qkv, None, key, True))
        torch.library.opcheck(operator, (*(x.detach() for x in qkv), None, key, False))

    def test_gradcheck(self):
        """In float32, which is what the kernels have: differences over 0.01 instead of 1e-6, and so
        many digits."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Input .* double precision")
            inputs = [*self.inputs(), self.bias]
            torch.autograd.gradcheck(self.attention, inputs, eps=1e-2, atol=1e-3, rtol=1e-2)

    def test_compiled(self):
        """Whole graphs, forward and backward; what the graph is turned into is PyTorch's."""

        class Block(torch.nn.Module):
            def __init__(self, attention):
                super().__init__()
                self.attention, self.project = attention, torch.nn.Linear(D, D)

            def forward(self, q, k, v):
                return self.attention(self.project(q), k, v).cos()

        block, plan = Block(self.attention), self.plan
        functions = (block, lambda q, k, v: vt.sparse_attention(q.sin(), k, v, plan, 0))
        for function in functions:
            compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
            inputs = self.inputs()
            have, want = compiled(*inputs), function(*inputs)
            torch.testing.assert_close(have, want)
            for a, b in zip(
                torch.autograd.grad(have.sum(), inputs), torch.autograd.grad(want.sum(), inputs)
            ):
                torch.testing.assert_close(a, b)

    def test_nothing_is_kept_without_gradients(self):
        operator, key = torch.ops.vitcod.sparse_attention, self.attention._key
        inputs = [x.detach() for x in self.inputs()]
        out, probs = operator(*inputs, None, key, False)
        self.assertEqual(probs.numel(), 0)
        self.assertTrue(torch.equal(out, operator(*inputs, None, key, True)[0]))
        with self.assertRaisesRegex(RuntimeError, "wants keep=True"):
            operator(*self.inputs(), None, key, False)[0].sum().backward()

    def test_the_plan_lives_as_long_as_it_is_needed(self):
        inputs = self.inputs()
        plan = vitcod.polarize(mask_of(1, H, T, T, seed=5))
        attention = vt.SparseAttention(plan, 0)
        key, out = attention._key, attention(*inputs)
        wanted = plain(*inputs, vt.bool_mask(plan, 0))
        del plan, attention
        gc.collect()
        have, want = (torch.autograd.grad(x.sum(), inputs) for x in (out, wanted))
        for a, b in zip(have, want):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=0)
        del out, have
        gc.collect()
        with self.assertRaisesRegex(RuntimeError, f"{key} of a plan is not open"):
            torch.ops.vitcod.sparse_attention(*inputs, None, key, True)

    def test_copied_and_pickled(self):
        inputs, file = self.inputs(), io.BytesIO()
        wanted = self.attention(*inputs)
        torch.save(torch.nn.Sequential(self.attention), file)
        file.seek(0)
        read = torch.load(file, weights_only=False)[0]
        for module in (copy.deepcopy(self.attention), read):
            self.assertTrue(torch.equal(module(*inputs), wanted))
        self.assertEqual(read.plan.hash, self.plan.hash)
        self.assertIn(self.plan.hash, repr(self.attention))


class Refused(OnAPlan):
    def test_inputs(self):
        q, k, v = self.inputs()
        cases = [
            (TypeError, r"q: a tensor on device meta; .*\.cpu\(\)", (q.to("meta"), k, v)),
            (TypeError, "v: a tensor on device meta", (q, k, v.to("meta"))),
            (TypeError, "q: torch.float64; wanted float32 or bf", (q.double(), k, v)),
            (TypeError, "q: torch.float16; wanted", (q.half(), k.half(), v.half())),
            (TypeError, "k: torch.bfloat16, and q is torch.float32", (q, k.bfloat16(), v)),
            (ValueError, r"q: shape .*; wanted \(images, 2, 9, head_dim\)", (q[:, :, 1:], k, v)),
            (ValueError, r"k: shape .*; wanted \(2, 2, 9, 4\)", (q, k[..., :3], v)),
            (ValueError, r"v: shape .*; wanted \(2, 2, 9, value_dim\)", (q, k, v[:1])),
            (ValueError, "q: shape", (q[0], k[0], v[0])),
            (ValueError, "bias: shape", (q, k, v, torch.zeros(B, H, T, T))),
            (TypeError, "bias: torch.bool", (q, k, v, self.allowed)),
        ]
        for error, pattern, inputs in cases:
            with self.assertRaisesRegex(error, pattern):
                self.attention(*inputs)

    def test_plans(self):
        with self.assertRaisesRegex(TypeError, "ndarray; wanted a vitcod.Plan"):
            vt.SparseAttention(mask_of(1, H, T, T), 0)
        with self.assertRaisesRegex(IndexError, "layer 1 of a plan with 1"):
            vt.SparseAttention(self.plan, 1)
        with self.assertRaisesRegex(ValueError, "split is 'whole'; wanted cost or plan"):
            vt.SparseAttention(self.plan, 0, split="whole")

    def test_a_second_derivative(self):
        q, k, v = self.inputs()
        (first,) = torch.autograd.grad(self.attention(q, k, v).sum(), q, create_graph=True)
        with self.assertRaisesRegex(RuntimeError, "no autograd formula"):
            first.sum().backward()


class Masks(OnAPlan):
    def test_for_others(self):
        pruned = torch.from_numpy(self.plan.mask(0))
        self.assertTrue(torch.equal(self.allowed, ~pruned))
        q, k, v = self.inputs()
        wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=self.allowed)
        torch.testing.assert_close(self.attention(q, k, v), wanted, atol=1e-5, rtol=0)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse")
            for head in range(H):
                dense = vt.csr(self.plan, 0, head).to_dense()
                self.assertTrue(torch.equal(dense != 0, self.allowed[head]))
        blocks = vt.block_mask(self.plan, 0, block_size=2)
        self.assertEqual(blocks.shape, (1, H, T, T))
        kept = self.allowed.new_zeros(H, 10, 10)
        kept[:, :T, :T] = self.allowed
        of_blocks = kept.view(H, 5, 2, 5, 2).any(4).any(2)
        self.assertTrue(torch.equal(blocks.to_dense()[0] != 0, of_blocks))

    def test_tensors_in_place_of_arrays(self):
        """DLPack, either way."""
        maps = torch.rand(1, H, T, T)
        pruned = vitcod.prune(maps, sparsity=0.5)
        wanted = vitcod.prune(maps.numpy(), sparsity=0.5)
        np.testing.assert_array_equal(pruned.mask, wanted.mask)
        mask = torch.from_dlpack(pruned.mask)
        self.assertEqual(mask.data_ptr(), pruned.mask.ctypes.data)
        self.assertEqual(vitcod.polarize(mask).hash, vitcod.polarize(wanted.mask).hash)


def small_vit(**how):
    return timm.models.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=3, num_classes=5, **how
    )


def unsettled(model):
    """A model whose every parameter and statistic does something."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.weight.data.uniform_(0.5, 1.5)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 1.5)
        if hasattr(module, "attention_biases"):
            module.attention_biases.data.normal_()
    return model


@needs_timm
class Timm(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.model = small_vit().eval()
        self.plan = vitcod.polarize(mask_of(2, 3, 17, 17))
        self.images = torch.randn(4, 3, 32, 32)

    def same(self, model, ours, images):
        with torch.no_grad():
            wanted = model(images).numpy()
        np.testing.assert_allclose(ours.infer(images), wanted, rtol=0, atol=2e-5)

    def test_there_and_back(self):
        names = list(self.model.state_dict())
        self.same(self.model, vt.from_state_dict(self.model), self.images)
        self.assertIs(vt.sparsify(self.model, self.plan), self.model)
        self.assertEqual(list(self.model.state_dict()), names)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.safetensors")
            with vt.from_state_dict(self.model) as ours:
                self.assertEqual(ours.plan.hash, self.plan.hash)
                ours.save(path)
            with vitcod.load(path) as ours:
                self.same(self.model, ours, self.images)
                state = vt.to_state_dict(ours)
            of_file = vt.to_state_dict(path)
        for name, value in self.model.state_dict().items():
            self.assertTrue(torch.equal(state[name], value), name)
            self.assertTrue(torch.equal(of_file[name], value), name)
        other = vt.sparsify(small_vit(), self.plan).eval()
        other.load_state_dict(state)
        with torch.no_grad():
            self.assertTrue(torch.equal(other(self.images), self.model(self.images)))

    def test_an_older_timm(self):
        """Before 1.0.16 its attention had no norm of its own."""
        vt.sparsify(self.model, self.plan)
        wanted = vt.from_state_dict(self.model)
        for block in self.model.blocks:
            if hasattr(block.attn, "norm"):
                del block.attn.norm
        self.same(self.model, wanted, self.images)

    def test_what_wraps_a_model(self):
        vt.sparsify(self.model, self.plan)
        for wrapped in (torch.nn.DataParallel(self.model), copy.deepcopy(self.model)):
            self.same(self.model, vt.from_state_dict(wrapped), self.images)
        half = vt.from_state_dict(copy.deepcopy(self.model).bfloat16())
        self.assertEqual(half.plan.hash, self.plan.hash)
        self.same(self.model, vt.from_state_dict(self.model, plan=self.plan), self.images)
        dense = vt.from_state_dict(self.model, plan="none")
        self.assertIsNone(dense.plan)

    def test_how_images_are_wanted(self):
        self.model.pretrained_cfg = {
            "mean": (0.1, 0.2, 0.3),
            "std": (0.4, 0.5, 0.6),
            "crop_pct": 0.77,
            "interpolation": "bilinear",
        }
        ours = vt.from_state_dict(self.model)
        np.testing.assert_allclose(ours.normalisation, [(0.1, 0.2, 0.3), (0.4, 0.5, 0.6)])
        info = vitcod.info(ours)
        self.assertEqual((info.crop_pct, info.interpolation), (0.77, "bilinear"))

    def test_levit(self):
        model = unsettled(timm.create_model("levit_128s", num_classes=7)).eval()
        images = torch.randn(2, 3, 224, 224)
        with vt.from_state_dict(model) as ours:
            self.same(model, ours, images)
            plan = vitcod.polarize(vitcod.prune(ours.attention(images), sparsity=0.8).mask)
            vt.sparsify(model, plan)
            self.same(model, ours.use(plan=plan), images)
        model.train()
        model(images).sum().backward()
        self.assertGreater(model.stages[0].blocks[0].attn.attention_biases.grad.abs().max(), 0)

    def test_training_as_under_a_dense_mask(self):
        def losses(model):
            optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
            labels, told = torch.arange(4), []
            for _ in range(5):
                loss = torch.nn.functional.cross_entropy(model(self.images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                told.append(loss.item())
            return told

        dense, sparse = copy.deepcopy(self.model), vt.sparsify(self.model, self.plan)
        for layer, block in enumerate(dense.blocks):
            mask = vt.bool_mask(self.plan, layer)

            def masked(x, of=block.attn, mask=mask, **_):
                qkv = of.qkv(x).reshape(4, 17, 3, 3, 16).permute(2, 0, 3, 1, 4)
                out = torch.nn.functional.scaled_dot_product_attention(*qkv, attn_mask=mask)
                return of.proj(out.transpose(1, 2).reshape(4, 17, 48))

            block.attn.forward = masked
        np.testing.assert_allclose(losses(sparse), losses(dense), rtol=0, atol=1e-5)

    def test_another_plan_takes_its_place(self):
        vt.sparsify(self.model, self.plan)
        other = vitcod.polarize(mask_of(2, 3, 17, 17, seed=9))
        vt.sparsify(self.model, other)
        self.assertEqual(vt.plan_of(self.model).hash, other.hash)
        self.same(self.model, vt.from_state_dict(self.model), self.images)

    def test_refused(self):
        three = vitcod.polarize(mask_of(3, 3, 17, 17))
        smaller = vitcod.polarize(mask_of(2, 3, 10, 10))
        levit = timm.create_model("levit_conv_128s")
        rope = timm.create_model("eva02_tiny_patch14_224")
        cases = [
            (TypeError, "ndarray; wanted a vitcod.Plan", self.model, mask_of(2, 3, 17, 17)),
            (ValueError, "2 attention layers; the plan has 3", self.model, three),
            (ValueError, r"blocks.0.attn: .*\(3, 17, 17\), .*\(3, 10, 10\)", self.model, smaller),
            (ValueError, "drops 0.1", small_vit(attn_drop_rate=0.1), self.plan),
            (ValueError, "Attention; wanted attention of timm", rope, self.plan),
            (ValueError, "attention layers|of convolutions", levit, self.plan),
        ]
        for error, pattern, model, plan in cases:
            with self.assertRaisesRegex(error, pattern):
                vt.sparsify(model, plan)
        self.assertIsNone(vt.plan_of(self.model))  # as it was
        with self.assertRaisesRegex(TypeError, "list; wanted a model of timm or a state dict"):
            vt.from_state_dict([])


@needs_timm
@needs_deit
class RoundTrip(unittest.TestCase):
    def test_example(self):
        """Pruned here, ten steps there, deployed here."""
        sys.path.insert(0, str(ROOT / "examples"))
        self.addCleanup(sys.path.remove, str(ROOT / "examples"))
        import timm_roundtrip

        with tempfile.TemporaryDirectory() as folder:
            out, said = os.path.join(folder, "out.safetensors"), io.StringIO()
            words = [str(DEIT), str(DATA / "golden/deit_tiny_input.npy"), "--output", out]
            with contextlib.redirect_stdout(said):
                status = timm_roundtrip.main([*words, "--mask", str(DEIT_MASK)])
        for line in said.getvalue().splitlines():
            print(f"# {line}", file=sys.stderr)
        self.assertEqual(status, 0, said.getvalue())


if __name__ == "__main__":
    unittest.main()
