"""TensorFlow's side of the comparison on tf.keras.applications nets; compare.mjs is the other.

    python compare.py build --cache DIR [--nets ResNet50 ...]
        builds each net with seeded random weights and writes below DIR/<net>/:
        export/ and save/ (the SavedModel as model.export and as tf.saved_model.save write it) and,
        beside each, <form>.input/<argument>.npy and <form>.output/<result>.npy
    python compare.py tflite SAVED_MODEL --output FILE [--optimize none|default]
        converts with tf.lite and prints its seconds, peak memory and version as JSON
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SEED = 1
NETS = (
    "MobileNetV2 MobileNetV3Small EfficientNetB0 ResNet50 InceptionV3 DenseNet121 ConvNeXtTiny "
    "Xception"
).split()
# These rescale their input themselves and expect pixels of 0..255; the others expect -1..1.
TAKES_PIXELS = {"MobileNetV3Small", "EfficientNetB0", "ConvNeXtTiny"}

# The size each net was published for, where it is not 224.
IMAGE_SIZE = {"InceptionV3": 299, "Xception": 299}


def images(net: str, count: int, size: int):
    """Seeded smooth images [count, size, size, 3] in the range the net expects."""
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(SEED)
    coarse = random.uniform(0, 255, (count, 7, 7, 3)).astype(np.float32)
    smooth = tf.image.resize(coarse, (size, size), method="bicubic").numpy()
    pixels = np.clip(smooth + random.normal(0, 20, smooth.shape), 0, 255).astype(np.float32)
    return pixels if net in TAKES_PIXELS else pixels / 127.5 - 1


def randomize(model, batch) -> None:
    """Gives every layer an effect that shows in the output.

    Fresh Keras nets have zero biases, identity normalization and, in ConvNeXt, layer scales of
    1e-6, so that a converter could lose any of them unnoticed. Moving statistics are first set to
    those of a real batch, so that activations neither vanish nor explode, then moved a little.
    """
    import keras
    import numpy as np

    random = np.random.default_rng(SEED)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) != 1 or variable.dtype != "float32":
            continue
        name = variable.path.rsplit("/", 1)[-1]
        if name in ("bias", "beta"):
            variable.assign(random.normal(0, 0.1, shape))
        elif name == "gamma":
            is_layer_scale = np.all(variable.numpy() < 1e-3)
            low, high = (0.1, 0.4) if is_layer_scale else (0.8, 1.2)
            variable.assign(random.uniform(low, high, shape))

    norms = [x for x in model._flatten_layers() if isinstance(x, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(batch, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        variance = norm.moving_variance.numpy()
        shift = random.normal(0, 0.1, variance.shape) * np.sqrt(variance)
        norm.moving_mean.assign(norm.moving_mean.numpy() + shift)
        norm.moving_variance.assign(variance * random.uniform(0.8, 1.25, variance.shape))


def build(net: str, folder: Path) -> None:
    """Writes one net in both forms, with its inputs and TensorFlow's outputs."""
    import keras
    import numpy as np
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    size = IMAGE_SIZE.get(net, 224)
    model = getattr(keras.applications, net)(weights=None, input_shape=(size, size, 3))
    randomize(model, images(net, 8, size))
    inputs = images(net, 2, size)

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.export(str(folder / "export"), verbose=False)
    tf.saved_model.save(model, str(folder / "save"))
    for form in ("export", "save"):
        function = tf.saved_model.load(str(folder / form)).signatures["serving_default"]
        (argument,) = function.structured_input_signature[1]
        outputs = function(**{argument: tf.constant(inputs)})
        for kind, arrays in (("input", {argument: inputs}), ("output", outputs)):
            (folder / f"{form}.{kind}").mkdir()
            for name, value in arrays.items():
                np.save(folder / f"{form}.{kind}" / f"{name}.npy", np.asarray(value))


def convert(saved_model: str, output: str, optimize: str) -> dict:
    """Converts with tf.lite; times are in seconds.

    Starts from the loaded function where tf.saved_model.save wrote the model: from_saved_model
    leaves the variables of a Keras 3 model saved that way uninitialized.
    """
    start = time.perf_counter()
    import tensorflow as tf

    imported = time.perf_counter()
    if Path(saved_model).name == "save":
        loaded = tf.saved_model.load(saved_model)
        functions = [loaded.signatures["serving_default"]]
        converter = tf.lite.TFLiteConverter.from_concrete_functions(functions, loaded)
    else:
        converter = tf.lite.TFLiteConverter.from_saved_model(
            saved_model, signature_keys=["serving_default"]
        )
    if optimize == "default":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    Path(output).write_bytes(converter.convert())
    return {
        "import_s": imported - start,
        "convert_s": time.perf_counter() - imported,
        "tensorflow": tf.__version__,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build")
    builder.add_argument("--cache", type=Path, required=True)
    builder.add_argument("--nets", nargs="*", choices=NETS, default=NETS)
    tflite = commands.add_parser("tflite")
    tflite.add_argument("saved_model")
    tflite.add_argument("--output", required=True)
    tflite.add_argument("--optimize", choices=("none", "default"), default="none")
    options = parser.parse_args()

    if options.command == "tflite":
        print(json.dumps(convert(options.saved_model, options.output, options.optimize)))
    elif len(options.nets) == 1:
        build(options.nets[0], options.cache / options.nets[0])
    else:
        # One process each, so that memory is given back and a net that fails stops no other.
        command = [sys.executable, __file__, "build", "--cache", str(options.cache), "--nets"]
        failed = [net for net in options.nets if subprocess.run([*command, net]).returncode != 0]
        sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
