#!/bin/sh
# Checkpoints and images as people have them: import, classify, eval and attention on folders and
# archives, and what is wrong with them.
# shellcheck source=tests/cli.sh
. tests/cli.sh
golden=$root/tests/data/golden
checkpoints=$root/tests/core/golden
# A distilled DeiT of 16 x 16 pixels and 4 classes, from PyTorch.
pth=$root/tests/models/golden/deit_distilled.pth

# The model, the same for larger images, and four classes of images with names from a list.
setup() {
    check "import" 0 'model: deit of 23 tensors' "$vitcod" import "$pth" --heads 3 -o model
    check "import at another size" 0 'deit of 23 tensors' \
        "$vitcod" import model --image-size 40 -o larger
    mkdir -p data/n1/deeper data/n2 data/n3 data/n4
    cp "$golden/baseline420.jpg" data/n1/a.jpg
    cp "$golden/progressive.jpg" data/n1/deeper/b.JPEG
    cp "$golden/rgb8.png" data/n2/c.png
    cp "$golden/ycck.jpg" data/n3/d.jpeg
    cp "$golden/palette8.png" "data/n4/e f.png"
    printf 'n4 fourth thing\nn3 third\nn2 second\nn1 first\n' >list
}

case_import() {
    check "import's result is a model" 0 '"heads": 3' "$vitcod" info model --json
    holds "what it holds" '"distilled": true' '"classes": 4' '"image_width": 16' \
        '"macs_by_operator": {'
    hash=$(line '"model_hash": "[0-9a-f]*"')
    check "a .pth has the hash of its import" 0 "${hash:?}" "$vitcod" info "$pth" --heads 3 --json
    check "a .pth where a model is wanted" 0 '"parameters": 4424' \
        "$vitcod" info "$pth" --heads 3 --json
    check "TorchScript" 1 'TorchScript' "$vitcod" import "$checkpoints/torchscript.pth" -o x
    check "no model at all" 1 'none of a model that is known' \
        "$vitcod" import "$checkpoints/plain.pth" -o x
    check "a whole module" 1 'a whole model was pickled' \
        "$vitcod" import "$checkpoints/module.pth" -o x
    check "import without -o" 2 '-o FILE is missing' "$vitcod" import "$pth"
    absent "no leftovers" x ./*.part
}

case_import_with_an_auto_encoder() {
    check "auto-encoder" 0 'to 2 heads' "$vitcod" autoencoder model --data data -o coder
    check "import with it" 0 'deit of 31 tensors' \
        "$vitcod" import model --autoencoder coder -o coded
    check "a model for an auto-encoder" 1 "'cls_token' is no part of an auto-encoder" \
        "$vitcod" import model --autoencoder coded -o x
    absent "no leftovers" x
}

# The usual threshold of polarize is one for some 200 tokens.
case_many_tokens() {
    check "maps of 102 tokens" 0 'averaged over 5 images' \
        "$vitcod" attention model --image-size 80 --data data -o maps.npy
    check "a mask" 0 '' "$vitcod" prune maps.npy --sparsity 0.3 -o mask.npy
    check "too many global tokens are told" 0 'threshold 50 makes so many tokens global' \
        "$vitcod" polarize mask.npy -o plan
    check "a threshold of one's own" 0 'kept: ' "$vitcod" polarize mask.npy --threshold 50 -o own
}

# What features are worth, of a model whose head is not used.
case_features() {
    check "nearest neighbours" 0 'top-1 100.00 % (95 %: [0-9.]* to 100.00).*1 nearest of 5' \
        "$vitcod" eval model --data data --knn 1 --train-data data
    check "as JSON" 0 '"judge": "knn"' \
        "$vitcod" eval model --data data --knn 2 --train-data data --features cls --json
    holds "without losses" '"width": 12' '"neighbours": 2'
    check "a linear classifier" 0 'by a linear classifier of 5, 100.00 % of which' \
        "$vitcod" eval model --data data --probe --train-data data
    check "more neighbours than images" 1 '9 neighbours, wanted 1 to the 5 images' \
        "$vitcod" eval model --data data --knn 9 --train-data data
    mkdir -p others/n1 others/n2 others/n3 others/x
    for class in n1 n2 n3 x; do cp "$golden/rgb8.png" "others/$class"; done
    check "other classes" 1 "class 3 is 'x' in others and 'n4' in data: wanted the same, or a" \
        "$vitcod" eval model --data data --knn 1 --train-data others
    check "nothing to learn from" 2 '--train-data PATH is missing' \
        "$vitcod" eval model --data data --probe
    check "both" 2 'both --knn and --probe' \
        "$vitcod" eval model --data data --probe --knn 1 --train-data data
    check "neither" 2 '--train-data and --features belong to' \
        "$vitcod" eval model --data data --train-data data
    check "of tokens" 2 "wanted cls or pool" \
        "$vitcod" eval model --data data --knn 1 --train-data data --features tokens
}

case_presets() {
    check "presets" 0 'macs  *405321728' "$vitcod" info --arch levit_128
    check "an unknown preset" 1 "'vit_huge' is unknown: .vitcod info --list. names all" \
        "$vitcod" info --arch vit_huge
    check "all presets" 0 'vit_small_patch14_reg4_dinov2 *518 *14 *1374 *22057344 *1 *bicubic' \
        "$vitcod" info --list
    check "as JSON" 0 '"name": "levit_512d"' "$vitcod" info --list --json
    holds "each with its input" '"parameters": 5717416' '"crop_pct": 0.875'
    check "--list and a model" 2 '--list goes with no MODEL and no --arch' \
        "$vitcod" info model --list
    check "MODEL and --arch" 2 'one of MODEL and --arch' "$vitcod" info model --arch levit_128
    check "a preset at another size" 0 'tokens  *325' \
        "$vitcod" info --arch deit_tiny_patch16_224 --image-size 288
}

# A DeiT's positions are interpolated.
case_image_sizes() {
    check "a larger image" 0 '"image_width": 40' "$vitcod" info model --image-size 40 --json
    holds "makes more tokens" '"tokens": 27' '"keys": 27'
    check "import keeps the size" 0 'image  *40' "$vitcod" info larger
    check "a size that is no multiple" 1 \
        "model: an image of 20 pixels, wanted a multiple of the patches' 8" \
        "$vitcod" info model --image-size 20
    check "a preset's too" 1 \
        "deit_tiny_patch16_224: an image of 230 pixels, wanted a multiple of the patches' 16" \
        "$vitcod" info --arch deit_tiny_patch16_224 --image-size 230
    check "a size that is too large" 1 'more than the 2147483648 scores' \
        "$vitcod" info model --image-size 16000
    check "training a new model at a size" 2 '--image-size need a model: --init MODEL' \
        "$vitcod" train --data . -o x --image-size 32
    check "attention at another size" 0 'averaged over 2 images' \
        "$vitcod" attention model --image-size 40 --data data/n1 -o large.npy
    check "makes larger maps" 0 '' grep -q '(1, 3, 27, 27)' large.npy
    check "classify at another size" 0 '^  *[0-9.]* %' \
        "$vitcod" classify model --image-size 40 data/n2/c.png --top 1
    check "eval at another size" 0 'on 5 images' "$vitcod" eval model --image-size 40 --data data
    wanted=$(sed 's/,[^,]*$//' "$out")
    check "is eval of what import wrote" 0 "$wanted" "$vitcod" eval larger --data data
}

# A LeViT, here no more of one than tells its size, has one.
case_levit_has_one_size() {
    header='{' at=0
    while read -r tensor shape values; do
        end=$((at + 4 * values))
        header="$header\"$tensor.weight\":{\"dtype\":\"F32\",\"shape\":[$shape],"
        header="$header\"data_offsets\":[$at,$end]},"
        at=$end
    done <<'END'
stem.conv1.linear 1,1,1,1 1
stem.conv2.linear 1,1,1,1 1
stem.conv3.linear 1,1,1,1 1
stem.conv4.linear 1,1,1,1 1
stages.0.blocks.0.attn.qkv.linear 3,1 3
stages.0.blocks.0.attn.proj.ln.linear 1,1 1
stages.0.blocks.0.mlp.ln1.linear 1,1 1
head.linear 1,1 1
END
    biases=stages.0.blocks.0.attn.attention_biases
    end=$((at + 16))
    header="$header\"$biases\":{\"dtype\":\"F32\",\"shape\":[1,4],\"data_offsets\":[$at,$end]}}"
    length=$(printf '\\0%03o\\0%03o' $((${#header} % 256)) $((${#header} / 256)))
    {
        printf '%b\000\000\000\000\000\000%s' "$length" "$header"
        head -c "$end" /dev/zero
    } >levit
    check "a LeViT at another size" 1 \
        'levit: a LeViT for images of 32 pixels, wanted 64: its attention biases' \
        "$vitcod" infer levit --input x --image-size 64
}

case_deit_tiny_at_288() {
    deit=${VITCOD_SHARED:-$root/../shared}/data/deit_tiny_patch16_224.safetensors
    [ -r "$deit" ] || skip "DeiT-Tiny at 288: $deit is not there"
    varying=everything # where the model lies
    {
        printf '\223NUMPY\001\000\166\000%-117s\n' \
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 288, 288), }"
        head -c $((4 * 3 * 288 * 288)) /dev/zero
    } >grey.npy
    check "as timm" 0 'image 0: class 468$' \
        "$vitcod" infer "$deit" --image-size 288 --input grey.npy
    check "without its size" 1 \
        'grey.npy: F32 (1, 3, 288, 288), wanted normalised images F32 (N, 3, 224, 224)' \
        "$vitcod" infer "$deit" --input grey.npy
}

case_eval_on_a_folder() {
    check "eval on a folder" 0 'on 5 images' "$vitcod" eval model --data data
    check "eval with a list" 0 '"top5": 100' "$vitcod" eval model --data data --classes list --json
    holds "per class" '"name": "fourth thing"' '"class": 3' '"broken_images": \[\]' \
        '"images_per_s"'
    check "limit" 0 'on 3 images' "$vitcod" eval model --data data --limit 3
    check "attention needs no labels" 0 'averaged over 2 images' \
        "$vitcod" attention model --data data/n1 -o maps.npy
    check "an output that cannot be written is found first" 1 'nowhere/m.npy: cannot write' \
        "$vitcod" attention model --data data/n1 -o nowhere/m.npy
    check "a crop that makes no sense" 2 'wanted above 0 and at most 1' \
        "$vitcod" eval model --data data --crop-pct 1.5
    check "a split that is unknown" 2 "wanted train, test, val, validation or valid" \
        "$vitcod" eval model --data data --split dev
}

case_archives() {
    tar -cf data.tar data
    tar -czf data.tgz -C data .
    check "a folder" 0 '' "$vitcod" eval model --data data --classes list --json
    figures=$(grep '"\(top1\|loss\|images\)": ' "$out" | cut -c 1-17)
    for options in "data.tar" "data.tgz --batch 2 --threads 3"; do
        # shellcheck disable=SC2086 # words
        check "$options" 0 '' "$vitcod" eval model --classes list --json --data $options
        [ "$figures" = "$(grep '"\(top1\|loss\|images\)": ' "$out" | cut -c 1-17)" ] ||
            failed "$options" "other figures than $figures"
    done
    mkdir -p one/n1/a one/n1/b
    cp data/n1/a.jpg one/n1/a
    cp data/n1/a.jpg one/n1/b
    tar -cf one.tar -C one n1
    check "one class with folders in it" 0 'on 2 images' \
        "$vitcod" eval model --data one --classes list
    check "the same in an archive" 0 'on 2 images' \
        "$vitcod" eval model --data one.tar --classes list
    printf 'cat\ndog\nhen\nowl\n' >pets
    for archive in photos.zip photos.tar.bz2 photos.tar.xz; do
        check "$archive" 0 'on 3 images' \
            "$vitcod" eval model --data "$golden/$archive" --classes pets
    done
    head -c 500 "$golden/photos.zip" >cut.zip
    check "a truncated zip" 1 'cut.zip: damaged zip archive' "$vitcod" eval model --data cut.zip
    head -c 1000 data.tar >cut.tar
    check "a truncated archive" 1 'cut.tar: ' "$vitcod" eval model --data cut.tar
    check "a file that is no archive" 1 'list: ' "$vitcod" eval model --data list
}

case_classify() {
    check "classify" 0 '^  *[0-9.]* %  *[0-3]  ' \
        "$vitcod" classify model data/n1/a.jpg "data/n4/e f.png" --top 4 --classes list
    holds "classify's names" 'fourth thing' '^data/n1/a.jpg$' '^data/n4/e f.png$'
    check "classify as JSON" 0 '"probability": 0\.' \
        "$vitcod" classify model data/n2/c.png --top 1 --json
    check "more classes than there are" 1 'best 5 of 4 classes' \
        "$vitcod" classify model data/n2/c.png --top 5
    check "all of fewer than five classes" 0 '3  ' "$vitcod" classify model data/n2/c.png
    head -n 3 list >short
    check "a list that does not fit" 1 'names 3 classes, the model has 4' \
        "$vitcod" classify model data/n2/c.png --top 1 --classes short
    check "an image that is not there" 1 'nowhere.jpg: cannot open' \
        "$vitcod" classify model nowhere.jpg --top 1
}

# Folders are classified whole; a picture is turned upright unless that is switched off.
case_classify_folders_and_formats() {
    mkdir -p photos/more
    cp "$golden/lossy.webp" "$golden/palette.gif" "$golden/rgb24.bmp" photos
    cp "$golden/lzw.tiff" "$golden/turned.jpg" photos/more
    check "a folder" 0 '^photos/lossy.webp$' "$vitcod" classify model photos --top 1
    holds "all of it" '^photos/palette.gif$' '^photos/rgb24.bmp$' '^photos/more/lzw.tiff$'
    mkdir classes && mv photos classes/n1
    check "eval on them" 0 'on 5 images' "$vitcod" eval model --data classes --classes list
    mv classes/n1 photos
    check "turned upright" 0 '' "$vitcod" classify model photos/more/turned.jpg --json
    upright=$(grep probability "$out")
    check "as it lies" 0 '' "$vitcod" classify model photos/more/turned.jpg --exif off --json
    [ "$upright" != "$(grep probability "$out")" ] || failed "--exif" "makes no difference"
    check "neither on nor off" 2 "--exif is 'yes', wanted on or off" \
        "$vitcod" classify model photos --exif yes
    # shellcheck disable=SC2016 # the inner shell expands
    check "an empty folder" 1 'empty: holds no images' \
        sh -c 'mkdir empty; "$0" classify model empty' "$vitcod"
    check "what is no image" 1 'list: is text that begins .*, wanted JPEG, PNG, WebP' \
        "$vitcod" classify model list
}

# `eval` leaves images as they lie, like torchvision, unless it is asked to turn them.
case_exif_in_eval() {
    mkdir -p turned/n1
    cp "$golden/turned.jpg" turned/n1
    check "eval" 0 '' "$vitcod" eval model --data turned --classes list --json
    lying=$(grep '"loss"' "$out")
    check "eval --exif off" 0 "$lying" "$vitcod" eval model --data turned --classes list --json \
        --exif off
    check "eval --exif on" 0 '' "$vitcod" eval model --data turned --classes list --json --exif on
    [ "$lying" != "$(grep '"loss"' "$out")" ] || failed "--exif" "makes no difference"
}

case_splits() {
    mkdir -p splits/train splits/valid
    cp -r data/n1 splits/train
    cp -r data/n1 data/n2 splits/valid
    check "train" 0 'on 2 images' \
        "$vitcod" eval model --data splits --classes list --split train
    for split in test val validation valid; do
        check "$split" 0 'on 3 images' \
            "$vitcod" eval model --data splits --classes list --split "$split"
    done
    rm -r splits/valid
    check "none" 1 "has a folder 'train', but none for the split 'val'" \
        "$vitcod" eval model --data splits --classes list --split val
}

# CIFAR-10: four records; a model needs ten classes.
case_cifar() {
    mkdir cifar-10-batches-bin
    for label in 0 1 2 3; do
        printf '%b' "\\000$label"
        head -c 3072 "$golden/rgb8.png" /dev/zero 2>/dev/null | tail -c 3072
    done >cifar-10-batches-bin/test_batch.bin
    check "classes that the model has not" 1 \
        '10 classes, the model has 1000: wanted a list .*--classes.*--new-head' \
        "$vitcod" eval --arch levit_128s --data .
    seq 999 | sed 's/^/n/' >short
    check "a list of others" 1 'class list has 999 classes, the model 1000' \
        "$vitcod" eval --arch levit_128s --data . --classes short
    seq 1000 | sed 's/^/n/' >thousand
    check "a list of the model's" 0 'on 4 images' \
        "$vitcod" eval --arch levit_128s --data . --classes thousand
    check "CIFAR's classes" 1 'labels go up to 9, the model has classes 0 to 3' \
        "$vitcod" eval model --data .
}

# Broken images: named, counted, left out.
case_broken_images() {
    cp -r data broken
    head -c 400 "$golden/baseline420.jpg" >broken/n1/a.jpg
    printf 'GIF89a not a JPEG' >broken/n2/z.jpg
    check "broken images" 1 'broken/n1/a.jpg: ' "$vitcod" eval model --data broken
    holds "are counted" 'broken/n2/z.jpg: ' 'on 4 images' '2 broken' '2 images could not be read'
    check "and may be allowed" 0 '"broken/n1/a.jpg",' \
        "$vitcod" eval model --data broken --skip-broken --json
    check "classify names them too" 1 '1 image could not be read' \
        "$vitcod" classify model broken/n1/a.jpg data/n2/c.png --top 1
    check "of those to learn from too" 1 '2 images could not be read and were left out' \
        "$vitcod" eval model --data data --knn 1 --train-data broken
    holds "which are counted" '1 nearest of 4'
    check "allowed there too" 0 '"train_broken": 2' \
        "$vitcod" eval model --data data --knn 1 --train-data broken --skip-broken --json
    mkdir -p all-broken/n1 all-broken/n2 all-broken/n3 all-broken/n4
    for class in n1 n2 n3 n4; do echo x >"all-broken/$class/a.jpg"; done
    check "nothing but broken images" 1 'images are broken' "$vitcod" eval model --data all-broken
    varying=everything # broken images are met as threads come to them
    check "others take the places of broken ones" 0 \
        'broken/n1/a.jpg: ' "$vitcod" train --init model --data broken \
        --no-test --epochs 1 --batch 2 --lr 1e-5 --skip-broken -o from-broken
}

# What several processes find is what one finds: hits, the loss to its last bit, broken images.
case_eval_in_several_processes() {
    wants_several
    varying=everything
    same='/"date"\|"images_per_s"\|"command"\|"threads"/d'
    cp -r data shared
    head -c 400 "$golden/baseline420.jpg" >shared/n2/a.jpg
    echo x >shared/n4/g.jpg
    check "one" 0 '"images": 5' "$vitcod" eval model --data shared --skip-broken --batch 1 --json
    sed -n '/^{/,/^}/p' "$out" | sed "$same" >one
    for processes in 2 4 9; do
        check "$processes processes" 0 '"shared/n2/a.jpg",' \
            several "$processes" "$vitcod" eval model --data shared --skip-broken --batch 1 --json
        sed -n '/^{/,/^}/p' "$out" | sed "$same" >others
        check "the same of $processes" 0 '' diff one others
    done
    check "named twice, one" 0 '"images": 10' \
        "$vitcod" eval model --data shared --data shared --skip-broken --batch 1 --json
    sed -n '/^{/,/^}/p' "$out" | sed "$same" >one
    check "named twice, two processes" 0 '"images": 10' several 2 \
        "$vitcod" eval model --data shared --data shared --skip-broken --batch 1 --json
    sed -n '/^{/,/^}/p' "$out" | sed "$same" >others
    check "told once" 0 '' diff one others
    check "broken images fail" 1 '2 images could not be read' \
        several 2 "$vitcod" eval model --data shared --batch 2
    check "what is wrong in all is said once" 1 'nowhere: cannot open' \
        several 2 "$vitcod" eval nowhere --data shared
    check "features in one process" 1 'knn and --probe run in one process, not in 2' \
        several 2 "$vitcod" eval model --data shared --knn 1 --train-data shared
    check "fewer tokens in one process" 1 'tokens runs in one process, not in 2' \
        several 2 "$vitcod" eval model --data data --tokens prune --keep 0.5
}

# Averages, and what is measured for summaries: the files of one process, to the last bit.
case_attention_in_several_processes() {
    wants_several
    varying=everything
    same='/"date"\|"command"\|"threads"/d'
    cp -r data shared
    head -c 400 "$golden/baseline420.jpg" >shared/n2/a.jpg
    echo x >shared/n4/g.jpg
    set -- attention model --data shared --skip-broken --batch 1 --json -o maps
    check "one" 0 '"images": 5' "$vitcod" "$@" --scores scores
    sed -n '/^{/,/^}/p' "$out" | sed "$same" >one
    mv maps maps.one && mv scores scores.one
    check "for summaries, one" 0 '"heads_images": 5' \
        "$vitcod" "$@" --summary auto --curves curves.one
    mv maps summed.one
    "$vitcod" attention model --data shared --skip-broken --summary auto --batch 2 -o pairs.one
    for n in 2 4 9; do
        check "$n processes" 0 '"images": 5' several "$n" "$vitcod" "$@" --scores scores
        sed -n '/^{/,/^}/p' "$out" | sed "$same" >others
        check "say the same" 0 '' diff one others
        check "average the same" 0 '' cmp maps maps.one
        check "and the same scores" 0 '' cmp scores scores.one
        check "for summaries, $n" 0 '"heads_images": 5' \
            several "$n" "$vitcod" "$@" --summary auto --curves curves
        check "the same averages" 0 '' cmp maps summed.one
        check "the same curves" 0 '' cmp curves curves.one
        check "two at once" 0 '' several "$n" "$vitcod" attention model --data shared \
            --skip-broken --summary auto --batch 2 -o pairs
        check "the same of two at once" 0 '' cmp pairs pairs.one
        absent "nothing is left" maps.checkpoint
    done
    check "no place for curves" 1 '/dev/full' several 2 "$vitcod" "$@" --summary auto \
        --curves /dev/full
    check "goes on in another number" 0 '"heads_images": 5' \
        several 4 "$vitcod" "$@" --summary auto --curves /dev/full --resume --curves curves
    check "with the same averages" 0 '' cmp maps summed.one
    header="{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3, 16, 16), }"
    printf '\223NUMPY\001\000v\000%-117s\n' "$header" >images.npy
    head -c 15360 data/n1/deeper/b.JPEG | tr -c '\77' '\77' >values
    left=$((15360 - $(wc -c <values)))
    head -c "$left" /dev/zero >>values
    cat values >>images.npy
    check "of an array" 0 '"images": 5' \
        "$vitcod" attention model --input images.npy --batch 2 -o array.one --json
    check "of an array, in two" 0 '"images": 5' \
        several 2 "$vitcod" attention model --input images.npy --batch 2 -o array --json
    check "is the same" 0 '' cmp array array.one
    check "broken images fail" 1 '2 images could not be read' \
        several 2 "$vitcod" attention model --data shared --batch 2 -o x
    check "what is wrong in all is said once" 1 'nowhere: cannot open' \
        several 2 "$vitcod" attention nowhere --data shared -o x
    [ "$(grep -c 'nowhere: cannot' "$out")" = 1 ] || failed "nowhere" "is told twice"
    check "no place for it ends all" 1 'no/x: ' \
        several 2 "$vitcod" attention model --data shared --batch 1 --skip-broken -o no/x
}

case_training_from_files() {
    check "training from files" 0 'epoch 2/2' "$vitcod" train --init model --data data \
        --classes list --no-test --epochs 2 --batch 2 --crop 0.5 -o from-files
}

# What a model learnt from is no test: without test images there is no such figure.
case_training_without_a_test() {
    set -- "$vitcod" train --init model --data data --classes list --epochs 1 --batch 2
    check "a folder of classes alone" 0 'no test images, so no test top-1' "$@" --log log -o x
    check "its epochs are not judged" 0 '"judged_by":"none"' cat log
    check "nor its result" 0 '"judged_by": "none",' "$@" -o x --json
    grep -q test_top1 "$out" log && failed "no figure" "there is a test_top1"
    check "a share held back" 0 '^3 images to learn from, 2 held back' \
        "$@" --hold-back 0.4 --log log -o x
    holds "is named so" 'held-back top-1'
    check "in the log too" 0 '"judged_by":"held-back","held_back_top1"' cat log
    grep -q 'test.top' "$out" log && failed "no figure" "there is a test top-1"
    check "and in the result" 0 '"judges": 2,' "$@" --hold-back 2 -o x --json
    holds "beside those learnt from" '"images": 3,' '"judged_by": "held-back"'
    check "all held back" 2 'hold-back is 0.9' "$@" --hold-back 0.9 -o y
    check "more than there are" 1 'has 5 images, wanted the 40' "$@" --hold-back 40 -o y
    check "both" 2 'both --hold-back and --no-test' "$@" --hold-back 0.4 --no-test -o y
    mkdir splits && mv data splits/train && cp -r splits/train data
    check "training images alone" 0 'no test images' "$@" --data splits -o x
    cp -r splits/train splits/val && rm -r splits/val/n3 && cp -r splits/val/n4 splits/val/n5
    check "a test of other classes" 1 'classes of its test images are not those' \
        "$vitcod" train --init model --data splits --epochs 1 --batch 2 -o y
    absent "nothing is written" y
}

# Statistics of centre crops, or of images as they are learnt from.
case_train_transforms() {
    set -- "$vitcod" attention model --data data
    check "centre crops" 0 '"transforms": "centre crop"' "$@" -o plain.npy --json
    check "as in training" 0 'over 5 images, changed as in training' \
        "$@" --train-transforms -o changed.npy
    check "which is another map" 1 'differ' cmp plain.npy changed.npy
    check "drawn by the seed" 0 '"transforms": "training"' \
        "$@" --train-transforms --threads 1 -o again.npy --json
    check "the same bits" 0 '' cmp changed.npy again.npy
    check "another seed" 0 'changed as' "$@" --train-transforms --seed 2 -o other.npy
    check "another map" 1 'differ' cmp changed.npy other.npy
    check "crops are drawn" 2 'no --crop-pct' \
        "$@" --train-transforms --crop-pct 1 -o x
    check "of images alone" 2 'belong to --data' \
        "$vitcod" attention model --input x.npy --train-transforms -o x
}

# Folders that do not fit.
case_folders_that_do_not_fit() {
    mkdir -p fewer/n1 && cp data/n1/a.jpg fewer/n1
    check "fewer class folders than classes" 1 \
        '1 class folder, the model has 4.*--classes' "$vitcod" eval model --data fewer
    check "a list helps" 0 'on 1 image,' "$vitcod" eval model --data fewer --classes list
    cp -r fewer unlisted && mv unlisted/n1 unlisted/n9
    check "a folder that is not in the list" 1 "n9" \
        "$vitcod" eval model --data unlisted --classes list
    mkdir -p empty loop/n1 twice/n1
    cp data/n1/a.jpg twice/n1 && ln -s n1 twice/n2
    check "a folder that is reached twice" 1 'reached already' \
        "$vitcod" eval model --data twice --classes list
    check "an empty folder" 1 'empty/: holds no folders' "$vitcod" eval model --data empty
    ln -s ../../loop loop/n1/again
    check "a loop of links" 1 'loop' "$vitcod" eval model --data loop
}

case_classes_beside_a_split() {
    cp -r data mixed && mkdir -p mixed/val/n1 && cp data/n1/a.jpg mixed/val/n1
    check "in a folder" 1 "wanted splits alone or classes alone" "$vitcod" eval model --data mixed
    tar -cf mixed.tar -C mixed .
    check "in an archive" 1 "wanted splits alone or classes alone" \
        "$vitcod" eval model --data mixed.tar
}

run_cases
