#!/bin/sh
# Models as ONNX: what the program says and refuses, and what onnx's checker says of the files.
# tests/onnx has their logits.
# shellcheck source=tests/cli.sh
. tests/cli.sh
# Debian's, for which the tests' packages are; VC_PYTHON names another one.
python=${VC_PYTHON:-/usr/bin/python3}
# Digits of a sparsity stand in the metadata.
masks='s/"bytes": [0-9]*/"bytes": #/'

setup() {
    idx_data
    npy '\0000\0000\0200\0077' >ones.npy
    check "train" 0 'epoch 1/1' "$vitcod" train --data data --width 12 --depth 2 --heads 3 \
        --batch 16 --epochs 1 --lr 5e-3 -o dense
    check "attention" 0 'averaged' "$vitcod" attention dense --data data -o maps.npy
    check "prune" 0 'pruned' "$vitcod" prune maps.npy --sparsity 0.7 -o mask.npy
    check "polarize" 0 'kept' "$vitcod" polarize mask.npy --threshold 6 -o plan
    check "autoencoder" 0 'to 2 heads' "$vitcod" autoencoder dense --data data -o coder
    check "import" 0 'a plan inside' \
        "$vitcod" import dense --plan plan --autoencoder coder -o one
    printf 'n1 tabby cat\nn2 tiger cat\nn3 \303\251lan\nn4 dog\n' >classes
}

case_says() {
    check "export" 0 'dense.onnx: ONNX of opset 17' "$vitcod" export dense -o dense.onnx
    check "a mask" 0 'kept entries alone' "$vitcod" export dense --mask mask.npy -o masked.onnx
    check "the plan inside" 0 '% pruned' "$vitcod" export one --classes classes -o one.onnx
    check "says the classes" 0 'élan' grep -ao '\["tabby cat[^]]*\]' one.onnx
    check "dense" 0 'values$' "$vitcod" export one --plan none -o none.onnx
    check "as JSON" 0 '"opset": 17' "$vitcod" export one --classes classes -o one.onnx --json
    holds "its keys" '"plan_hash"' '"model_hash"' '"class_names": 4' '"of_int8": false'
    check "a preset" 0 'images (batch, 3, 224, 224) to 1000 values' \
        "$vitcod" export --arch levit_128s -o levit.onnx
    check "out" 0 '' sh -c "'$vitcod' export dense -o - >out.onnx"
    check "the same bytes" 0 '' cmp out.onnx dense.onnx
}

case_refuses() {
    echo kept >notes
    check "no file" 2 '-o FILE is missing' "$vitcod" export dense
    check "no model" 2 'wanted one of MODEL and --arch' "$vitcod" export -o x
    check "notes" 1 'notes: is there and is not an ONNX model' "$vitcod" export dense -o notes
    check "by a folder" 1 'none/x: cannot write' "$vitcod" export dense -o none/x
    check "other classes" 1 'classes: names 3 classes, the model has 4' \
        sh -c "sed 1d classes >c && mv c classes && '$vitcod' export dense --classes classes -o x"
    check "no ONNX is read" 0 '' "$vitcod" export dense -o dense.onnx
    check "but told" 1 "dense.onnx: is an ONNX model" "$vitcod" info dense.onnx
    check "as a model" 1 'dense.onnx: is an ONNX model' "$vitcod" infer dense.onnx --input ones.npy
    check "and written again" 0 '' "$vitcod" export one -o dense.onnx
    absent "nothing else" x
}

case_int8() {
    wants_products int8
    check "quantize" 0 'same class' "$vitcod" quantize one --data data -o int8
    check "export" 0 'int8 weights as fp32$' "$vitcod" export int8 -o int8.onnx
    check "as JSON" 0 '"of_int8": true' "$vitcod" export int8 -o int8.onnx --json
}

case_valid() {
    "$python" -c 'import onnx' 2>/dev/null || skip "no onnx (Debian: python3-onnx)"
    check "a LeViT" 0 '' "$vitcod" export --arch levit_256d -o levit.onnx
    check "dense" 0 '' "$vitcod" export dense -o dense.onnx
    check "a plan and an auto-encoder" 0 '' "$vitcod" export one --classes classes -o one.onnx
    for summary in 2x2 2x2q 2x2s1.5 none; do
        check "calibrate, $summary" 0 '' "$vitcod" calibrate dense --data data --sparsity 0.4 \
            --epochs 0 --threshold 6 --summary "$summary" -o "$summary"
        check "export, $summary" 0 '' "$vitcod" export "$summary" -o "$summary.onnx"
    done
    check "a residual" 0 '' "$vitcod" calibrate dense --data data --sparsity 0.4 \
        --epochs 0 --threshold 6 --residual mean -o residual
    check "export, residual" 0 'residual' "$vitcod" export residual -o residual.onnx
    check "onnx's checker" 0 'valid' "$python" "$root/tests/onnx/check.py" ./*.onnx
}

run_cases
