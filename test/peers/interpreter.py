"""Runs .tflite files in tf.lite.Interpreter: tasks.json of a folder to answers.json."""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf


def decode(tensor: dict) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(tensor["data"]), tensor["dtype"])
    return data.reshape(tensor["shape"])


def encode(array: np.ndarray) -> dict:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": array.shape, "data": data}


def answer(folder: Path, task: dict) -> dict | str:
    """The outputs by name, or what the interpreter says against the model."""
    inputs = {name: decode(tensor) for name, tensor in task["inputs"].items()}
    resolver = getattr(tf.lite.experimental.OpResolverType, task["kernels"])
    try:
        interpreter = tf.lite.Interpreter(
            str(folder / task["file"]), experimental_op_resolver_type=resolver
        )
        if interpreter.get_signature_list():
            runner = interpreter.get_signature_runner(task["signature"] or "serving_default")
            outputs = runner(**inputs)
        else:
            outputs = run_unnamed(interpreter, inputs)
    except (ValueError, RuntimeError) as error:
        return str(error).splitlines()[0]
    return {name: encode(np.asarray(value)) for name, value in outputs.items()}


def run_unnamed(interpreter: tf.lite.Interpreter, inputs: dict) -> dict:
    """Runs the main graph, whose inputs and outputs go by the names of their tensors."""
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], inputs[detail["name"]])
    interpreter.invoke()
    details = interpreter.get_output_details()
    return {detail["name"]: interpreter.get_tensor(detail["index"]) for detail in details}


folder = Path(sys.argv[1])
tasks = json.loads((folder / "tasks.json").read_text())
answers = [answer(folder, task) for task in tasks]
(folder / "answers.json").write_text(json.dumps(answers))
