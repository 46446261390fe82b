#!/bin/sh
# onnx 1.23.2 (PyPI): `version_converter.convert_version` returns a model without its quantization annotations, and
# without all metadata but the model's own.
#
# The converter translates the model into an older form of its own and back; what that form does not know is left out:
# graph.quantization_annotation (which tensor holds the scale of which), the metadata_props of the graph, of nodes, of
# inputs, of tensors and of value infos, and the doc_string of tensors. The model's own metadata_props, and the
# doc_string of graph, nodes and inputs, stay. No error and no warning; the checker finds both models good. A conversion
# to the version that the model has already loses the same.
#
# Consequence: after a conversion a runtime no longer finds the scales of a model that is quantized in this way, and
# what an exporter wrote at the nodes (module names, stack traces) is gone. Convert first and annotate afterwards.
#
# Seen on 2026-11-29, Python 3.11 (opset 17):
#   before: quantization 1, metadata: model 1, graph 1, node 1, input 1, tensor 1; doc of tensor 'scale'
#   to 18:  quantization 0, metadata: model 1, graph 0, node 0, input 0, tensor 0; doc of tensor ''
#   to 17:  quantization 0, metadata: model 1, graph 0, node 0, input 0, tensor 0; doc of tensor ''
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'onnx==1.23.2'
cat > "$dir/see.py" <<'PY'
from onnx import TensorProto, checker, helper, version_converter


def note(proto):
    entry = proto.metadata_props.add()
    entry.key, entry.value = "written by", "an exporter"
    return proto


def told(model):
    graph = model.graph
    protos = {"model": model, "graph": graph, "node": graph.node[0], "input": graph.input[0]}
    protos["tensor"] = graph.initializer[0]
    counts = ", ".join(f"{name} {len(proto.metadata_props)}" for name, proto in protos.items())
    doc = graph.initializer[0].doc_string
    return f"quantization {len(graph.quantization_annotation)}, metadata: {counts}; doc of tensor {doc!r}"


x = note(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]))
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
scale = note(helper.make_tensor("s", TensorProto.FLOAT, [1], [0.5]))
scale.doc_string = "scale"
node = note(helper.make_node("Mul", ["x", "s"], ["y"]))
graph = note(helper.make_graph([node], "g", [x], [y], [scale]))
annotation = graph.quantization_annotation.add()
annotation.tensor_name = "y"
parameter = annotation.quant_parameter_tensor_names.add()
parameter.key, parameter.value = "SCALE_TENSOR", "s"
model = note(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
checker.check_model(model)
print("before:", told(model))
for version in (18, 17):
    converted = version_converter.convert_version(model, version)
    checker.check_model(converted)
    print(f"to {version}: ", told(converted))
PY
"$dir/venv/bin/python" "$dir/see.py" | tee "$dir/seen"
cat > "$dir/expected" <<'TXT'
before: quantization 1, metadata: model 1, graph 1, node 1, input 1, tensor 1; doc of tensor 'scale'
to 18:  quantization 0, metadata: model 1, graph 0, node 0, input 0, tensor 0; doc of tensor ''
to 17:  quantization 0, metadata: model 1, graph 0, node 0, input 0, tensor 0; doc of tensor ''
TXT
diff "$dir/expected" "$dir/seen"
