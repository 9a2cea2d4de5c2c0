"""Masks and plans: what the program makes, from the same arrays."""

import base64
import os
import struct
import tempfile
import unittest
import zlib
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import vitcod
from support import SMALL, small_images


class Sparse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.images = small_images(6)
        with vitcod.load(SMALL) as model:
            cls.maps = model.attention(cls.images)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)


class Attention(Sparse):
    def test_the_programs_maps(self):
        vitcod.verbs.attention(SMALL, input=self.images, output=self.path("maps.npy"))
        np.testing.assert_array_equal(self.maps, np.load(self.path("maps.npy")))
        np.testing.assert_allclose(self.maps.sum(3), 1, rtol=1e-5)

    def test_batches_do_not_matter(self):
        with vitcod.load(SMALL) as model:
            for batch in (1, 4):
                maps = model.attention(self.images, batch=batch)
                np.testing.assert_array_equal(self.maps, maps)

    def test_under_a_mask_and_not_on_a_plan(self):
        mask = vitcod.prune(self.maps, sparsity=0.5).mask
        with vitcod.load(SMALL, mask=mask) as model:
            maps = model.attention(self.images)
            self.assertEqual(maps[mask].max(), 0)
            model.use(plan=vitcod.polarize(mask))
            with self.assertRaisesRegex(vitcod.UnsupportedError, "on a plan no map"):
                model.attention(self.images)


class Prune(Sparse):
    def test_the_programs_masks(self):
        for how in (
            {"sparsity": 0.8},
            {"info": 0.5},
            {"rule": "threshold", "sparsity": 0.7},
            {"rule": "ratio", "sparsity": 0.7, "ties": "stable"},
            {"sparsity": 0.6, "keep_class_token": False},
        ):
            pruned = vitcod.prune(self.maps, **how)
            said = dict(how)
            if said.pop("keep_class_token", True) is False:
                said["no_keep_class_token"] = True
            result = vitcod.verbs.prune(self.maps, output=self.path("mask.npy"), **said)
            np.testing.assert_array_equal(pruned.mask, np.load(self.path("mask.npy")))
            self.assertAlmostEqual(pruned.sparsity, result.sparsity, 9)
            self.assertAlmostEqual(pruned.info, result.info, 9)
            self.assertAlmostEqual(pruned.mask.mean(), pruned.sparsity, 9)

    def test_files_and_groups(self):
        wanted = vitcod.prune(self.maps, sparsity=0.8)
        np.save(self.path("maps.npy"), self.maps)
        of_file = vitcod.prune(self.path("maps.npy"), sparsity=0.8)
        np.testing.assert_array_equal(wanted.mask, of_file.mask)
        groups = {"dpt0": self.maps, "subsample0": self.maps[:1], "dpt1": self.maps[1:]}
        os.mkdir(self.path("groups"))
        for name, maps in groups.items():
            np.save(self.path(f"groups/attention_score_{name}.npy"), maps)
        made = vitcod.prune(groups, sparsity=0.8)
        self.assertEqual(list(made.mask), list(groups))
        of_files = vitcod.prune(self.path("groups"), sparsity=0.8)
        self.assertEqual(list(of_files.mask), list(groups))
        for name, mask in made.mask.items():
            np.testing.assert_array_equal(mask, of_files.mask[name])
        # the program gets the same groups, from memory
        result = vitcod.verbs.prune(groups, sparsity=0.8, output=self.path("masks"))
        self.assertAlmostEqual(result.sparsity, made.sparsity, 9)
        self.assertEqual(list(result.group_sparsity), list(groups))

    def test_refused(self):
        cases = [
            (TypeError, "float64; wanted float32", self.maps.astype(np.float64), {"info": 0.5}),
            (ValueError, "shape", self.maps[0], {"info": 0.5}),
            (TypeError, "one of info and sparsity", self.maps, {}),
            (TypeError, "one of info and sparsity", self.maps, {"info": 0.5, "sparsity": 0.5}),
            (vitcod.InvalidError, "rule", self.maps, {"rule": "no such", "sparsity": 0.5}),
            (vitcod.InvalidError, "sparsity", self.maps, {"sparsity": 1.5}),
            (vitcod.InvalidError, "", self.maps * np.nan, {"sparsity": 0.5}),
            (
                ValueError,
                "ties is 'x'; wanted numpy or stable",
                self.maps,
                {"info": 0.5, "ties": "x"},
            ),
            (ValueError, "no group", {}, {"sparsity": 0.5}),
            (OSError, "absent", "absent.npy", {"sparsity": 0.5}),
            (vitcod.FormatError, "dpt0", self.folder, {"sparsity": 0.5}),
        ]
        for error, pattern, maps, how in cases:
            with self.assertRaisesRegex(error, pattern):
                vitcod.prune(maps, **how)

    def test_progress(self):
        rounds = []
        vitcod.prune(
            self.maps, sparsity=0.8, progress=lambda done, most: rounds.append((done, most))
        )
        self.assertGreater(len(rounds), 1)
        self.assertEqual([done for done, _ in rounds], sorted(done for done, _ in rounds))

    def test_a_callback_that_raises(self):
        for error in (RuntimeError("of the callback"), KeyboardInterrupt()):

            def progress(done, most, error=error):
                raise error

            with self.assertRaises(type(error)):
                vitcod.prune(self.maps, sparsity=0.8, progress=progress)
        vitcod.prune(self.maps, sparsity=0.8)


class Plan(Sparse):
    def setUp(self):
        super().setUp()
        self.mask = vitcod.prune(self.maps, sparsity=0.8).mask
        self.plan = vitcod.polarize(self.mask, threshold=40)

    def test_the_programs_plan(self):
        result = vitcod.verbs.polarize(
            self.mask, threshold=40, output=self.path("plan.safetensors")
        )
        read = vitcod.Plan.load(self.path("plan.safetensors"))
        self.assertEqual((self.plan.hash, self.plan.threshold), (read.hash, 40))
        self.assertEqual(self.plan.hash, result.plan_hash)
        self.assertAlmostEqual(self.plan.kept_share, 1 - self.mask.mean(), 9)
        self.plan.save(self.path("again.safetensors"))
        self.assertEqual(vitcod.Plan.load(self.path("again.safetensors")).hash, self.plan.hash)

    def test_summaries(self):
        layer = self.plan[1]
        self.assertIsNone(layer.summaries)
        of = vitcod.Summaries(
            np.array([0, 2, 3], np.int32),
            np.array([1, 4, 0], np.int32),
            np.array([0.5, 0.5, 1], np.float32),
            np.zeros((layer.heads, layer.queries, 2), np.float32),
        )
        made = self.plan.with_summaries({1: of})
        self.assertEqual((made.method, self.plan.method), ("with summaries", "kept entries alone"))
        self.assertEqual(len(made[1].summaries), 2)
        np.testing.assert_array_equal(made[1].summaries.keys, of.keys)
        np.testing.assert_array_equal(made[1].summaries.bias, of.bias)
        self.assertIsNone(made[1].summaries.query)
        self.assertIsNone(made[0].summaries)
        made.save(self.path("plan.safetensors"))
        self.assertEqual(vitcod.Plan.load(self.path("plan.safetensors")).hash, made.hash)
        self.assertEqual(made.with_summaries({1: None}).hash, self.plan.hash)
        cases = [
            (IndexError, "layer 9 of a plan with 4", {9: of}),
            (ValueError, "layer 1: keys: shape", {1: replace(of, keys=of.keys[1:])}),
            (TypeError, "layer 1: bias: float64", {1: replace(of, bias=of.bias.astype(float))}),
            (vitcod.InvalidError, "ascending tokens", {1: replace(of, keys=of.keys + 1000)}),
        ]
        for error, pattern, given in cases:
            with self.assertRaisesRegex(error, pattern):
                self.plan.with_summaries(given)

    def test_layers(self):
        self.assertEqual(len(self.plan), len(self.mask))
        self.assertEqual(len(list(self.plan)), len(self.mask))
        for index, mask in enumerate(self.mask):
            layer = self.plan[index]
            np.testing.assert_array_equal(self.plan.mask(index), mask)
            for head in range(layer.heads):
                first, last = layer.column_start[head, [0, -1]]
                self.assertEqual(last - first, (~mask[head]).sum())
                kept = np.zeros_like(mask[head])
                for column in range(layer.keys):
                    rows = layer.rows[slice(*layer.column_start[head, column : column + 2])]
                    queries = layer.query_order[head, rows]
                    kept[queries, layer.key_order[head, column]] = True
                np.testing.assert_array_equal(kept, ~mask[head])
                indptr, keys = self.plan.csr(index, head)
                of_csr = np.zeros_like(kept)
                of_csr[np.repeat(np.arange(layer.queries), np.diff(indptr)), keys] = True
                np.testing.assert_array_equal(of_csr, kept)
        bias = self.plan.bias(0)
        self.assertEqual(bias.dtype, np.float32)
        np.testing.assert_array_equal(np.isneginf(bias), self.mask[0])
        self.assertEqual(self.plan[-1].queries, self.plan[len(self.plan) - 1].queries)
        with self.assertRaises(IndexError):
            self.plan[len(self.plan)]
        self.assertRegex(repr(self.plan), f"{self.plan.hash}: 4 layers, 20.* % kept")

    def test_models_on_them(self):
        with vitcod.load(SMALL, mask=self.mask) as masked, vitcod.load(SMALL, plan=self.plan) as on:
            np.testing.assert_allclose(
                masked.infer(self.images), on.infer(self.images), rtol=0, atol=1e-4
            )
            self.assertEqual(on.plan.hash, self.plan.hash)
            np.testing.assert_array_equal(masked.plan.mask(0), self.mask[0])
            on.save(self.path("model.safetensors"))
            logits = on.infer(self.images)
            dense = on.infer(self.images, dense=True)
        with vitcod.load(self.path("model.safetensors")) as inside:
            self.assertEqual(inside.plan.hash, self.plan.hash)
            np.testing.assert_array_equal(inside.infer(self.images), logits)
            tensors = inside.to_state_dict()
            with vitcod.load(tensors, heads=3, plan=inside.plan) as again:
                np.testing.assert_array_equal(again.infer(self.images), logits)
        with vitcod.load(self.path("model.safetensors"), plan="none") as without:
            self.assertIsNone(without.plan)
            np.testing.assert_array_equal(without.infer(self.images), dense)
        self.assertGreater(abs(dense - logits).max(), 1e-3)

    def drawn(self, value):
        """The pictures in a notebook's SVG, by their titles."""
        text = value._repr_html_()
        tree = ElementTree.fromstring(text[text.index("<svg") :])
        found = {}
        for image in tree.iter("{http://www.w3.org/2000/svg}image"):
            data = base64.b64decode(image.attrib["href"].split(",", 1)[1])
            width, height = struct.unpack(">II", data[16:24])
            start = data.index(b"IDAT") + 4
            rows = np.frombuffer(zlib.decompress(data[start:]), np.uint8)
            found[image[0].text] = rows.reshape(height, width + 1)[:, 1:]
        return text, found

    def test_in_a_notebook(self):
        text, pictures = self.drawn(self.plan)
        self.assertIn(f"&lt;vitcod.Plan {self.plan.hash}", text)
        self.assertEqual(len(pictures), len(self.plan) * self.plan[0].heads)
        for index, layer in enumerate(self.plan):
            for head in range(layer.heads):
                title = next(t for t in pictures if t.startswith(f"layer {index}, head {head}:"))
                kept = ~self.mask[index, head]
                order = np.ix_(layer.query_order[head], layer.key_order[head])
                np.testing.assert_array_equal(pictures[title] > 0, kept[order])
                is_global = (pictures[title] == 2).any(0)
                self.assertEqual(is_global.sum(), layer.global_tokens[head])
        pruned = vitcod.prune({"dpt0": self.maps[:1], "subsample0": self.maps[1:]}, sparsity=0.8)
        text, pictures = self.drawn(pruned)
        self.assertIn("80.0", text)
        title = next(t for t in pictures if t.startswith("subsample0 1, head 2: "))
        np.testing.assert_array_equal(pictures[title] == 0, pruned.mask["subsample0"][1, 2])

    def test_outlives_its_model(self):
        model = vitcod.load(SMALL, plan=self.plan)
        plan = model.plan
        model.close()
        del model
        np.testing.assert_array_equal(plan.mask(1), self.mask[1])

    def test_refused(self):
        with self.assertRaisesRegex(vitcod.FormatError, "fashion-vit"):
            vitcod.Plan.load(SMALL)
        small = vitcod.polarize(np.zeros((4, 3, 10, 10), np.bool_))
        with vitcod.load(SMALL) as model, self.assertRaises(vitcod.InvalidError):
            model.use(plan=small)
        with self.assertRaises(vitcod.InvalidError):
            vitcod.polarize(np.ones((1, 1, 4, 4), np.bool_))


if __name__ == "__main__":
    unittest.main()
