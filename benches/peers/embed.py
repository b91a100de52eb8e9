"""Other encoders with the default model of Skerry: from documents.parquet to a file of vectors.

usage: embed.py prepare MODEL TO                    make a directory with the graph in fp32 and in dynamic int8, and the tokenizer
       embed.py count MODEL DOCUMENTS               print the numbers of texts and tokens as JSON
       embed.py METHOD MODEL DOCUMENTS VECTORS THREADS [GRAPH]
"""
import json
import os
import shutil
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import vectors

MAX_TOKENS = 256
# Tokens of a padded batch: the fastest of 512, 2,048 and 8,192.
BUDGET = 512


def prepare(source, to):
    """The graph with weights in fp32, the same quantized (weights per channel, activations dynamically), and tokenizer.json.

    The graph as published has weights of 8 bits, which are cast and multiplied by their scales.
    """
    import onnx
    from onnx import numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from tokenizers import BertWordPieceTokenizer

    work = to + ".part"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    model = onnx.load(os.path.join(source, "model.onnx"))
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if not node.input or any(name not in tensors for name in node.input):
            nodes.append(node)
            continue
        inputs = [numpy_helper.to_array(tensors[name]) for name in node.input]
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        if node.op_type == "Cast" and attributes["to"] == onnx.TensorProto.FLOAT:
            value = inputs[0].astype(np.float32)
        elif node.op_type == "Mul":
            value = inputs[0] * inputs[1]
        else:
            nodes.append(node)
            continue
        tensors[node.output[0]] = numpy_helper.from_array(value, node.output[0])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    needed = {name for node in nodes for name in node.input}
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensor for name, tensor in tensors.items() if name in needed)
    graph = os.path.join(work, "model.onnx")
    onnx.save(model, graph)
    quantize_dynamic(graph, os.path.join(work, "int8.onnx"), per_channel=True, weight_type=QuantType.QInt8)
    tokenizer = BertWordPieceTokenizer(os.path.join(source, "vocab.txt"), lowercase=True)
    tokenizer.save(os.path.join(work, "tokenizer.json"))
    for name in ["config.json", "tokenizer_config.json", "modules.json", "sentence_bert_config.json"]:
        if os.path.exists(os.path.join(source, name)):
            shutil.copy(os.path.join(source, name), work)
    special = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
    with open(os.path.join(work, "special_tokens_map.json"), "w") as file:
        json.dump(special, file)
    shutil.rmtree(to, ignore_errors=True)
    os.rename(work, to)


def texts_of(documents):
    return pq.read_table(documents, columns=["text"]).column(0).to_pylist()


def tokenize(model, texts):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]


def count(model, documents):
    tokens = tokenize(model, texts_of(documents))
    print(json.dumps({"texts": len(tokens), "tokens": sum(map(len, tokens))}))


def onnxruntime(model, texts, threads, graph):
    """Sorted by length, in padded batches of a budget of tokens."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that wait in a loop would count as work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(os.path.join(model, graph), options, providers=["CPUExecutionProvider"])
    inputs = {one.name for one in session.get_inputs()}
    name = session.get_outputs()[0].name
    tokens = tokenize(model, texts)
    order = sorted(range(len(tokens)), key=lambda at: len(tokens[at]))
    found = None
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * len(tokens[order[end]]) <= BUDGET:
            end += 1
        rows = order[start:end]
        width = len(tokens[rows[-1]])
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(tokens[row])] = tokens[row]
            mask[at, : len(tokens[row])] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = session.run([name], {key: value for key, value in given.items() if key in inputs})[0]
        pooled = np.einsum("btd,bt->bd", states, mask.astype(np.float32))
        if found is None:
            found = np.empty((len(tokens), pooled.shape[1]), dtype=np.float32)
        found[rows] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        start = end
    return found


def fastembed(model, texts, threads):
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        model="local/model",
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf="local/model"),
        dim=384,
        model_file="model.onnx",
    )
    encoder = TextEmbedding("local/model", specific_model_path=model, threads=threads)
    return np.array(list(encoder.embed(texts)), dtype=np.float32)


def sentence_transformers(model, texts, threads):
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    encoder = SentenceTransformer(model, backend="onnx", model_kwargs={"file_name": "model.onnx"})
    return encoder.encode(texts, normalize_embeddings=True)


METHODS = {"onnxruntime": onnxruntime, "fastembed": fastembed, "sentence_transformers": sentence_transformers}

if __name__ == "__main__":
    method, *rest = sys.argv[1:]
    if method == "prepare":
        prepare(*rest)
    elif method == "count":
        count(*rest)
    else:
        model, documents, to, threads, *more = rest
        found = METHODS[method](model, texts_of(documents), int(threads), *more)
        table = pa.table({"id": np.arange(len(found), dtype=np.int64), "embedding": vectors.lists(found)})
        pq.write_table(table, to, compression="none", use_dictionary=False)
