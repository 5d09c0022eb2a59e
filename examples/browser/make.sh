#!/bin/sh
# Trains the page's models on seqkit's built-in data, a few minutes on two cores, and lays their artefacts beside the page.
set -eu
cd "$(dirname "$0")"
train() {
    name=$1
    shift
    [ -d "runs/$name" ] || seqkit train "$@" --out "runs/$name"
}
train sentiment sentiment
train tagger tagging --stack.no-bidirectional
train writer language_model --stack.cell gru --training.epochs 12
seqkit export runs/sentiment --format onnx --to models/sentiment
seqkit export runs/tagger --format onnx --step --to models/tagger
seqkit export runs/writer --format onnx --step --to models/writer
