"""Records what stock TFLite answers to the op cases.

    node test/dist/cases/export.js DIR
    python test/cases/record_expected.py DIR

Needs TensorFlow 2. Runs every exported model on TFLite's own kernels without delegates, or on its
reference kernels where those refuse, each in a process of its own because some models bring the
interpreter down, and writes expected.json.gz beside this script; with it, what XNNPACK answers to
models of quantized bytes, where it rounds in another way. Cases that stock TFLite cannot run are listed, with its message; each of them has to say
`notStock` in its spec.
"""

import base64
import gzip
import json
import os
import pathlib
import pickle
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

RESOLVERS = (
    tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    tf.lite.experimental.OpResolverType.BUILTIN_REF,
)
XNNPACK = tf.lite.experimental.OpResolverType.AUTO


def decode(tensor):
    """A tensor of the manifest as a NumPy array."""
    shape = tensor["shape"]
    if tensor["dtype"] == "string":
        strings = [base64.b64decode(text) for text in tensor["data"]]
        array = np.empty(len(strings), dtype=object)
        array[:] = strings
        return array.reshape(shape)
    raw = base64.b64decode(tensor["data"])
    return np.frombuffer(raw, dtype=np.dtype(tensor["dtype"])).reshape(shape)


def encode(array):
    """A NumPy array for expected.json: bytes as stored, strings one by one."""
    if array.dtype == object or array.dtype.kind == "S":
        strings = [base64.b64encode(bytes(text)).decode() for text in array.reshape(-1)]
        return {"dtype": "string", "shape": list(array.shape), "data": strings}
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def answer(case, directory, resolver):
    """Runs one case and returns its encoded outputs."""
    interpreter = tf.lite.Interpreter(
        model_path=str(directory / case["file"]),
        experimental_op_resolver_type=resolver,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    for _ in range(case["runs"]):
        for detail, tensor in zip(details, case["inputs"], strict=True):
            interpreter.set_tensor(detail["index"], decode(tensor))
        interpreter.invoke()
    return [output(interpreter, detail) for detail in interpreter.get_output_details()]


def output(interpreter, detail):
    """One output; the interpreter refuses to hand out tensors without elements."""
    if 0 in detail["shape"]:
        return encode(np.zeros(detail["shape"], dtype=detail["dtype"]))
    return encode(interpreter.get_tensor(detail["index"]))


def isolated(case, directory, resolver):
    """The outputs, or a text that says why there are none."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            result = answer(case, directory, resolver)
        except Exception as error:  # whatever TensorFlow raises is the message to keep
            result = str(error).splitlines()[0]
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(result, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        raw = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(raw) if raw else "the interpreter crashed"


def main():
    directory = pathlib.Path(sys.argv[1])
    expected = {}
    for case in json.loads((directory / "manifest.json").read_text()):
        for resolver in RESOLVERS:
            outputs = isolated(case, directory, resolver)
            if isinstance(outputs, list):
                expected[case["name"]] = {"digest": case["digest"], "outputs": outputs}
                if any(output["dtype"] in ("int8", "uint8") for output in outputs):
                    delegated = isolated(case, directory, XNNPACK)
                    if isinstance(delegated, list) and delegated != outputs:
                        expected[case["name"]]["delegated"] = delegated
                break
        else:
            print(f"no answer: {case['name']}: {outputs}")
    text = json.dumps(expected, separators=(",", ":"), sort_keys=True)
    target = pathlib.Path(__file__).with_name("expected.json.gz")
    target.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{len(expected)} cases, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
