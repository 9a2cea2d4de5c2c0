"""Attention on a plan in PyTorch: against plain attention in float64, as an operator, compiled."""

import copy
import gc
import io
import unittest
import warnings

import numpy as np
import vitcod
from support_torch import D, H, T, mask_of, summaries_for, torch, vt

B = 2
NONE = None, None, None  # learnt of summaries


def pooled(k, v, of, learnt):
    """Keys and values of the summaries."""
    keys, values = [], []
    for first, last in zip(of.start[:-1], of.start[1:]):
        tokens = torch.from_numpy(of.keys[first:last]).long()
        weights = learnt.weights.double()[first:last]
        if learnt.query is not None:
            scores = torch.einsum("hd,bhtd->bht", learnt.query.double(), k[:, :, tokens])
            weights = (scores / k.shape[-1] ** 0.5 + weights.log()).softmax(-1)
        for x, to in ((k, keys), (v, values)):
            to.append((weights[..., None] * x[:, :, tokens]).sum(2, keepdim=True))
    return torch.cat([k, *keys], 2), torch.cat([v, *values], 2)


def plain(q, k, v, allowed, bias=None, of=None, learnt=None):
    """The definition, in float64."""
    q, k, v = q.double(), k.double(), v.double()
    more = 0 if of is None else len(of)
    if more:
        k, v = pooled(k, v, of, learnt)
        allowed = torch.cat([allowed, torch.from_numpy(of.bias > -np.inf)], -1)
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if bias is not None:
        scores = scores + torch.nn.functional.pad(bias.double(), (0, more))
    if more:
        scores = scores + torch.nn.functional.pad(learnt.bias.double(), (k.shape[2] - more, 0))
    return scores.masked_fill(~allowed, -torch.inf).softmax(-1) @ v


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
        torch.library.opcheck(operator, (*self.inputs(), self.bias, *NONE, key, True))
        torch.library.opcheck(operator, (*qkv, None, *NONE, key, True))
        torch.library.opcheck(operator, (*(x.detach() for x in qkv), None, *NONE, key, False))

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
        out, probs = operator(*inputs, None, *NONE, key, False)
        self.assertEqual(probs.numel(), 0)
        self.assertTrue(torch.equal(out, operator(*inputs, None, *NONE, key, True)[0]))
        with self.assertRaisesRegex(RuntimeError, "wants keep=True"):
            operator(*self.inputs(), None, *NONE, key, False)[0].sum().backward()

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
            torch.ops.vitcod.sparse_attention(*inputs, None, *NONE, key, True)

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


class Learnt(OnAPlan):
    """Summaries of a plan: pooled keys and values, their bias, weights and queries."""

    def setUp(self):
        super().setUp()
        kept, self.plans = self.plan, {}
        for queried in (False, True):
            of = summaries_for(H, T, T, queried=queried)
            self.plans[queried] = kept.with_summaries({0: of}), of

    def learnt(self, plan):
        """Other values than the plan's."""
        made = vt.summaries_of(plan, 0)
        return vt.Summaries(
            *(None if x is None else (x * 1.25).requires_grad_() for x in made)
        )

    def test_the_plans_own(self):
        for plan, of in self.plans.values():
            own = vt.summaries_of(plan, 0)
            self.assertEqual(own.bias[:, ::3, 0].abs().max(), 0)  # not seen
            wanted = plain(*(inputs := self.inputs()), self.allowed, None, of, own)
            have = (vt.sparse_attention(*inputs, plan, 0), vt.SparseAttention(plan, 0)(*inputs))
            for out in have:
                torch.testing.assert_close(out.double(), wanted, rtol=0, atol=1e-5)

    def test_forward_and_backward(self):
        for dtype, atol in ((torch.float32, 1e-5), (torch.bfloat16, 4e-2)):
            for plan, of in self.plans.values():
                for split in ("cost", "plan"):
                    for bias in (None, self.bias):
                        learnt, inputs = self.learnt(plan), self.inputs(dtype=dtype)
                        how = {"summaries": learnt, "split": split}
                        out = vt.sparse_attention(*inputs, plan, 0, bias, **how)
                        wanted = plain(*inputs, self.allowed, bias, of, learnt)
                        torch.testing.assert_close(out.double(), wanted, rtol=0, atol=atol)
                        to = [x for x in (*inputs, bias, *learnt) if x is not None]
                        dout = torch.randn(out.shape).to(dtype)
                        have = torch.autograd.grad(out, to, dout)
                        want = torch.autograd.grad(wanted, to, dout.double())
                        for one, other in zip(have, want):
                            torch.testing.assert_close(one, other.to(one.dtype), rtol=0, atol=atol)

    def test_opcheck_and_gradcheck(self):
        for plan, _ in self.plans.values():
            attention, learnt = vt.SparseAttention(plan, 0), self.learnt(plan)
            inputs = self.inputs()
            given = (*inputs, self.bias, *learnt, attention._key, True)
            torch.library.opcheck(torch.ops.vitcod.sparse_attention.default, given)

            def function(q, k, v, *parts, plan=plan):
                return vt.sparse_attention(q, k, v, plan, 0, summaries=vt.Summaries(*parts))

            parts = [x for x in learnt if x is not None]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Input .* double precision")
                checked = torch.autograd.gradcheck(
                    function, [*inputs, *parts], eps=1e-2, atol=1e-3, rtol=1e-2
                )
            self.assertTrue(checked)

    def test_compiled(self):
        for plan, _ in self.plans.values():
            words = ("bias", "query" if plan[0].summaries.query is not None else "weights")
            attention, inputs = vt.SparseAttention(plan, 0, learn=words), self.inputs()
            compiled = torch.compile(attention, fullgraph=True, backend="aot_eager")
            to = [*inputs, *(x for x in attention.parameters() if x.requires_grad)]
            self.assertEqual(len(to), 5)
            for a, b in zip(
                *(torch.autograd.grad(f(*inputs).sin().sum(), to) for f in (compiled, attention))
            ):
                torch.testing.assert_close(a, b)

    def test_a_module_learns(self):
        """What is wanted, and what a row does not see stays."""
        for queried, (plan, of) in self.plans.items():
            second = "query" if queried else "weights"
            for learn, moved in ((None, {"bias"}), ((second,), {second}), ((), set())):
                attention = vt.SparseAttention(plan, 0, learn=learn)
                optimizer = torch.optim.SGD(attention.parameters(), lr=0.1)
                if moved:
                    attention(*self.inputs()).square().sum().backward()
                optimizer.step()
                after = attention.summaries()
                for part in ("bias", "weights", "query"):
                    before, now = getattr(of, part), getattr(after, part)
                    same = before is now is None or np.array_equal(before, now)
                    self.assertEqual(same, part not in moved, (part, moved))
                np.testing.assert_array_equal(np.isneginf(after.bias), np.isneginf(of.bias))
                # moved elsewhere, the plan says the same as the module
                inputs, wanted = self.inputs(), plan.with_summaries({0: after})
                torch.testing.assert_close(
                    attention(*inputs), vt.sparse_attention(*inputs, wanted, 0)
                )
                read = copy.deepcopy(attention)
                self.assertTrue(torch.equal(read(*inputs), attention(*inputs)))

    def test_refused(self):
        plain_plan, (pooled_plan, _), (queried, _) = self.plan, *self.plans.values()
        q, k, v = self.inputs()
        cases = [
            ("learn has weights; .* layer 0 .*: bias, query", queried, ["weights"]),
            ("learn has query; .* layer 0 .*: bias, weights", pooled_plan, "query"),
            ("learn has bias; .*: nothing", plain_plan, ["bias"]),
            ("learn has keys; wanted bias, weights, query", queried, ["keys"]),
        ]
        for pattern, plan, learn in cases:
            with self.assertRaisesRegex(ValueError, pattern):
                vt.SparseAttention(plan, 0, learn=learn)
        bias, weights, query = self.learnt(queried)
        cases = [
            (ValueError, "summary_bias: .*wanted", queried, (bias[:1], weights, query)),
            (ValueError, "pool_weights: .*wanted", queried, (bias, weights[1:], query)),
            (ValueError, "pool_query: .*wanted", queried, (bias, weights, query[:, 1:])),
            (TypeError, "pool_weights: .* meta", queried, (bias, weights.to("meta"), query)),
            (vitcod.InvalidError, "weight 0 .* above 0", queried, (bias, -weights, query)),
            (vitcod.InvalidError, "-inf", queried, (torch.full_like(bias, -np.inf), weights)),
            (ValueError, "summary_bias: .* has no such thing", plain_plan, (bias, weights)),
            (ValueError, "pool_query: .* no such thing", pooled_plan, (bias, weights, query)),
        ]
        for error, pattern, plan, parts in cases:
            with self.assertRaisesRegex(error, pattern):
                vt.sparse_attention(q, k, v, plan, 0, summaries=vt.Summaries(*parts))


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
            (TypeError, "bias: a tensor on device meta", (q, k, v, self.bias.to("meta"))),
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


if __name__ == "__main__":
    unittest.main()
