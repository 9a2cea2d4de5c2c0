"""Models: the same numbers as the program, whatever the layout of the arrays."""

import json
import os
import tempfile
import unittest
import warnings

import numpy as np
import vitcod
from support import DATA, DEIT, DEIT_MASK, SMALL, needs_deit, small_images
from vitcod import library, safetensors


class Opened(unittest.TestCase):
    def setUp(self):
        self.model = vitcod.load(SMALL)
        self.addCleanup(self.model.close)
        self.images = small_images(5)


class WhatItIs(Opened):
    def test_describes_itself(self):
        m = self.model
        self.assertEqual((m.family, m.classes, m.input_shape), ("deit", 10, (1, 28, 28)))
        info = vitcod.info(SMALL)
        self.assertEqual(m.parameters, info.parameters)
        (group,) = m.attention_groups
        self.assertEqual(group.layers, info.attention[0].layers)
        self.assertEqual((group.queries, group.keys), (197, 197))
        self.assertIsNone(m.plan)
        self.assertRegex(repr(m), "deit, .* parameters")
        mean, deviation = m.normalisation
        self.assertEqual((mean.shape, deviation.shape), ((1,), (1,)))

    def test_closed(self):
        with vitcod.load(SMALL) as model:
            model.infer(self.images)
        model.close()
        for call in (lambda: model.infer(self.images), lambda: model.family, lambda: model.plan):
            with self.assertRaisesRegex(ValueError, "closed"):
                call()
        self.assertIn("closed", repr(model))


class Sizes(unittest.TestCase):
    def test_of_images(self):
        for size in (224, "224", np.int64(224), (224, 224), "224x224"):
            self.assertEqual(str(library.Extent.of(size)), "224")
        self.assertEqual(str(library.Extent.of((224, 384))), "224x384")

    def test_what_is_none(self):
        for size in (-1, 224.5, (224,), (224, -1), (224, 384, 3), "-5", "x", None):
            with self.assertRaisesRegex(ValueError, "wanted a side as 224"):
                library.Extent.of(size)


class Infer(Opened):
    def test_the_programs_logits(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "logits.npy")
            for dtype in ("fp32", "bf16", "int8"):
                result = vitcod.verbs.infer(SMALL, input=self.images, output=out, dtype=dtype)
                logits = self.model.infer(self.images, dtype=dtype)
                np.testing.assert_array_equal(logits, np.load(out))
                self.assertEqual(result.top1_class, logits.argmax(1).tolist())

    def test_batches_do_not_matter(self):
        whole = self.model.infer(self.images, batch=5)
        for batch in (1, 2, 3, 64):
            np.testing.assert_array_equal(whole, self.model.infer(self.images, batch=batch))

    def test_layouts(self):
        wanted = self.model.infer(self.images)
        strided = np.zeros((10, 1, 28, 56), np.float32)[::2, :, :, ::2]
        strided[...] = self.images
        fortran = np.asfortranarray(self.images)
        frozen = self.images.copy()
        frozen.flags.writeable = False
        buffer = memoryview(self.images)
        for images in (strided, fortran, frozen, buffer, self.images[::-1][::-1]):
            np.testing.assert_array_equal(wanted, self.model.infer(images))

    def test_dlpack(self):
        class Tensor:  # as other frameworks have them
            def __init__(self, array):
                self.array = array

            def __dlpack_device__(self):
                return self.array.__dlpack_device__()

            def __dlpack__(self, **how):
                return self.array.__dlpack__(**how)

        wanted = self.model.infer(self.images)
        np.testing.assert_array_equal(wanted, self.model.infer(Tensor(self.images)))

    def test_an_array_that_is_gone(self):
        images = self.images.copy()
        logits = self.model.infer(images)
        kept = logits.copy()
        del images
        self.model.close()
        np.testing.assert_array_equal(kept, logits)  # it is the caller's


class Refused(Opened):
    def refuses(self, error, pattern, *arguments, **options):
        with self.assertRaisesRegex(error, pattern):
            self.model.infer(*arguments, **options)

    def test_images(self):
        x = self.images
        self.refuses(TypeError, "images: float64; wanted float32", x.astype(np.float64))
        self.refuses(TypeError, "images: uint8; wanted float32", x.astype(np.uint8))
        self.refuses(TypeError, "images: list; wanted an array", x.tolist())
        self.refuses(TypeError, "images: NoneType; wanted an array", None)
        wanted = r"wanted \(images, 1, 28, 28\)"
        for shape in ((5, 784), (5, 28, 28, 1), (5, 3, 28, 28), (1, 28, 28)):
            self.refuses(ValueError, wanted, np.zeros(shape, np.float32))
        self.refuses(ValueError, wanted, x[:0])

    def test_a_device(self):
        class OnDevice:
            device = "cuda:0"

            def __dlpack_device__(self):
                return 2, 0

        self.refuses(TypeError, r"images: a tensor on device cuda:0; .*\.cpu\(\)", OnDevice())

    def test_not_finite(self):
        for value in (np.nan, np.inf, -np.inf):
            x = self.images.copy()
            x[2, 0, 3, 4] = value
            self.refuses(vitcod.InvalidError, "images: .*values", x)
        large = np.full((1, 1, 28, 28), 1e38, np.float32)  # whose sum is not finite
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of NumPy, that a sum overflows
            try:
                self.model.infer(large)
            except vitcod.InvalidError as error:
                self.assertIn("logits", str(error))

    def test_options(self):
        self.refuses(ValueError, "dtype is 'fp8'; wanted one of fp32", self.images, dtype="fp8")
        self.refuses(ValueError, "split is 'x'; wanted plan, cost", self.images, split="x")
        for batch in (0, -1, 5000):
            self.refuses(ValueError, "batch is .*; wanted 1 to 4096", self.images, batch=batch)
        self.refuses(TypeError, "", self.images, bath=3)
        with self.assertRaisesRegex(ValueError, "batch is 0"):
            self.model.attention(self.images, batch=0)

    def test_files(self):
        for path, error in (
            ("absent.safetensors", vitcod.FileError),
            (__file__, vitcod.FormatError),
        ):
            with self.assertRaisesRegex(error, os.path.basename(path)):
                vitcod.load(path)
        self.assertTrue(issubclass(vitcod.FileError, OSError))
        self.assertTrue(issubclass(vitcod.FormatError, ValueError))

    def test_masks(self):
        shape = self.shape()
        good = np.zeros(shape, np.bool_)
        with self.assertRaisesRegex(TypeError, "mask: float32; wanted bool"):
            self.model.use(mask=np.zeros(shape, np.float32))
        with self.assertRaisesRegex(ValueError, "mask: shape"):
            self.model.use(mask=np.zeros(shape[1:], np.bool_))
        with self.assertRaises(vitcod.InvalidError):
            self.model.use(mask=np.zeros((1, *shape[1:]), np.bool_))
        with self.assertRaisesRegex(vitcod.InvalidError, "row|query"):
            self.model.use(mask=np.ones(shape, np.bool_))
        with self.assertRaisesRegex(TypeError, "one of mask and plan"):
            self.model.use()
        with self.assertRaisesRegex(TypeError, "one of mask and plan"):
            self.model.use(mask=good, plan="x")

    def shape(self):
        (group,) = self.model.attention_groups
        return group.layers, group.heads, group.queries, group.keys


class StateDict(Opened):
    def test_round_trip(self):
        tensors = self.model.to_state_dict()
        self.assertIn("blocks.0.attn.qkv.weight", tensors)
        self.assertEqual(sum(t.size for t in tensors.values()), self.model.parameters)
        again = vitcod.load(tensors, heads=self.model.attention_groups[0].heads)
        del tensors
        np.testing.assert_array_equal(self.model.infer(self.images), again.infer(self.images))
        self.assertIn("state dict", repr(again))
        # and the program takes it
        self.assertEqual(vitcod.info(again).parameters, self.model.parameters)

    def test_layouts(self):
        tensors = self.model.to_state_dict()
        turned = {name: np.asfortranarray(value) for name, value in tensors.items()}
        heads = self.model.attention_groups[0].heads
        wanted = self.model.infer(self.images)
        np.testing.assert_array_equal(wanted, vitcod.load(turned, heads=heads).infer(self.images))

    def test_refused(self):
        tensors = self.model.to_state_dict()
        cases = [
            ({}, vitcod.Error, "state dict"),
            ({"weight": np.zeros(3, np.float32)}, vitcod.Error, "state dict"),
            ({**tensors, "cls_token": "text"}, TypeError, "'cls_token' is str"),
            ({**tensors, 3: np.zeros(1, np.float32)}, TypeError, "the name 3"),
            ({**tensors, "cls_token": np.zeros(3, np.complex64)}, TypeError, "complex64"),
            ({**tensors, "cls_token": np.zeros((1, 1, 7), np.float32)}, vitcod.Error, "cls_token"),
            (
                {**tensors, "cls_token": np.zeros((1, 1, 48), np.int32)},
                vitcod.Error,
                "wanted F32",
            ),
        ]
        for given, error, pattern in cases:
            with self.assertRaisesRegex(error, pattern):
                vitcod.load(given, heads=3)

    def test_safetensors(self):
        given = {
            "of one byte": np.ones(3, np.uint8),  # what follows starts at a multiple of its size
            "of four": np.ones(3, np.float32),
            "a": np.arange(6, dtype=np.int64).reshape(2, 3),
            "none": np.zeros((0, 2), np.float32),
        }
        file = safetensors.to_memory(given, "test", {"name": "value"})
        path = f"/proc/self/fd/{file}"
        with open(path, "rb") as opened:
            text = opened.read()[8:]
        header, _ = json.JSONDecoder().raw_decode(text.decode("latin-1"))
        self.assertEqual(header.pop("__metadata__"), {"name": "value"})
        for name, array in given.items():
            self.assertEqual(header[name]["data_offsets"][0] % array.itemsize, 0)
        read = safetensors.read(path)
        os.close(file)
        for name, array in given.items():
            np.testing.assert_array_equal(array, read[name])


@needs_deit
class RealWeights(unittest.TestCase):
    def test_golden_logits(self):
        images = np.load(DATA / "golden/deit_tiny_input.npy")
        with vitcod.load(DEIT) as model:
            for file, mask in (
                ("deit_tiny_logits.npy", None),
                ("deit_tiny_logits_mask095.npy", DEIT_MASK),
            ):
                if mask is not None:
                    model.use(mask=np.load(mask))
                wanted = np.load(DATA / "golden" / file)
                self.assertLess(abs(model.infer(images) - wanted).max(), 1e-4)
                self.assertLess(abs(model.infer(images[:1]) - wanted[:1]).max(), 1e-4)

    def test_golden_attention(self):
        images = np.load(DATA / "golden/deit_tiny_input.npy")
        wanted = np.load(DATA / "golden/deit_tiny_mean_attention.npy")
        with vitcod.load(DEIT) as model:
            maps = model.attention(images)
        self.assertEqual(maps.shape, wanted.shape)
        self.assertLess(abs(maps - wanted).max(), 1e-5)


if __name__ == "__main__":
    unittest.main()
