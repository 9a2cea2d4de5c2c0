"""timm's models on a plan: the library's logits, and training as under a dense mask."""

import contextlib
import copy
import dataclasses
import functools
import io
import os
import sys
import tempfile
import unittest

import numpy as np
import vitcod
from support import DATA, DEIT, DEIT_MASK, ROOT, needs_deit
from support_torch import D, mask_of, needs_timm, summaries_for, timm, torch, vt


def small_vit(**how):
    return timm.models.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=3, num_classes=5, **how
    )


def summaries_of_timm(layer, queried):
    """Queries of 16 values, as heads of the models here have them."""
    of = summaries_for(layer.heads, layer.queries, layer.keys, queried=queried)
    if not queried:
        return of
    return dataclasses.replace(of, query=np.tile(of.query, (1, 16 // D)))


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

    def test_what_parameters_do_not_show(self):
        norm = functools.partial(torch.nn.LayerNorm, eps=1e-2)
        gated = {"mlp_layer": timm.layers.SwiGLUPacked, "act_layer": torch.nn.SiLU}
        for how in (
            {"act_layer": "quick_gelu"},
            {"global_pool": "avg"},
            {"global_pool": "avg", "fc_norm": False},
            {"global_pool": "avg", "class_token": False},
            {"norm_layer": norm},
            {"pre_norm": True},
            {"pre_norm": True, "norm_layer": norm},
            {**gated, "mlp_ratio": 4},
            {"init_values": 0.1, "reg_tokens": 2, "no_embed_class": True},
        ):
            with self.subTest(how):
                model = small_vit(**how).eval()
                self.same(model, vt.from_state_dict(model), self.images)
        last = functools.partial(timm.layers.GluMlp, gate_last=True)
        for pattern, how in (
            ("MLPs have GELUTanh; wanted GELU or", {"act_layer": "gelu_tanh"}),
            ("gated MLPs have GELU; wanted SiLU", {**gated, "act_layer": "gelu"}),
            ("gate is the last half", {**gated, "mlp_layer": last}),
            ("pools by 'max'", {"global_pool": "max"}),
            ("pool_include_prefix=True", {"global_pool": "avg", "pool_include_prefix": True}),
        ):
            with self.subTest(how), self.assertRaisesRegex(ValueError, pattern):
                vt.from_state_dict(small_vit(**how))

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
        images = torch.randn(4, 3, 224, 224)
        with vt.from_state_dict(model) as ours:
            self.same(model, ours, images)
            plan = vitcod.polarize(vitcod.prune(ours.attention(images), sparsity=0.8).mask)
            vt.sparsify(model, plan)
            self.same(model, ours.use(plan=plan), images)
        model.train()
        # The head normalises over the images, so that no plain sum of its outputs has a gradient.
        (model(images) * torch.randn(4, 7)).sum().backward()
        bias = model.stages[0].blocks[0].attn.attention_biases
        self.assertGreater(bias.grad.abs().max(), 1e-4)

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

    def with_summaries(self, plan, queried):
        return plan.with_summaries(
            {
                index: summaries_of_timm(layer, queried=queried and index > 0)
                for index, layer in enumerate(plan)
            }
        )

    def check_learnt(self, model, plan, images):
        """Trained there, the same here, and back."""
        vt.sparsify(model, plan).train()
        names = [name for name, _ in model.named_parameters() if ".sparse." in name]
        self.assertGreaterEqual(len(names), 2 * len(plan))
        optimizer = torch.optim.SGD([x for x in model.parameters() if x.requires_grad], lr=1e-2)
        model(images).square().mean().backward()
        # Norms over two images magnify rounding where these hardly differ, and gradients with it.
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        model.eval()
        with vt.from_state_dict(model) as ours:
            self.assertNotEqual(ours.plan.hash, plan.hash)
            self.assertEqual(ours.plan.hash, vt.plan_of(model).hash)
            self.same(model, ours, images)
            state = vt.to_state_dict(ours)
        other = vt.sparsify(copy.deepcopy(model), plan)
        self.assertEqual(set(state), set(other.state_dict()))
        other.load_state_dict(state)
        with torch.no_grad():
            self.assertTrue(torch.equal(other(images), model(images)))
        again = dict(sorted(model.state_dict().items()))  # as safetensors has them
        with vt.from_state_dict(again, plan=plan, heads=vt.states._heads(model)) as ours:
            self.assertEqual(ours.plan.hash, vt.plan_of(model).hash)
        with self.assertRaisesRegex(ValueError, "learnt of a plan's summaries.* wanted plan="):
            vt.from_state_dict(again)
        self.assertIsNone(vt.from_state_dict(model, plan="none").plan)

    def test_summaries(self):
        for queried in (False, True):
            plan = self.with_summaries(self.plan, queried)
            self.check_learnt(small_vit(), plan, self.images)
        with self.assertRaisesRegex(ValueError, "learn has query, which no layer .*bias, weights"):
            vt.sparsify(small_vit(), self.with_summaries(self.plan, False), learn=["query"])
        with self.assertRaisesRegex(ValueError, "has 2 with them"):
            state = vt.sparsify(small_vit(), plan).state_dict()
            state = {name: x for name, x in state.items() if "blocks.1.attn.sparse" not in name}
            vt.from_state_dict(state, plan=plan, heads=3)
        mixed = vt.sparsify(small_vit(), plan, learn=["query", "weights"])  # as layers have them
        learnt = {name for name, x in mixed.named_parameters() if x.requires_grad}
        self.assertIn("blocks.0.attn.sparse.pool_weights", learnt)
        self.assertIn("blocks.1.attn.sparse.pool_query", learnt)
        self.assertNotIn("blocks.1.attn.sparse.pool_weights", learnt)

    def test_summaries_of_levit(self):
        model = unsettled(timm.create_model("levit_128s", num_classes=7)).eval()
        images = torch.randn(2, 3, 224, 224)
        with vt.from_state_dict(model) as ours:
            mask = vitcod.prune(ours.attention(images), sparsity=0.8).mask
        plan = self.with_summaries(vitcod.polarize(mask), True)
        self.check_learnt(model, plan, images)

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
