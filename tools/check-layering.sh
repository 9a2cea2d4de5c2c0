#!/bin/sh
# Rooms may open the doors of rooms below them and nothing else.
set -eu
cd "$(dirname "$0")/.."

# room: the rooms whose doors it may open
allowed() {
    case $1 in
    core) echo "core" ;;
    data | plan) echo "core $1" ;;
    report) echo "core plan report" ;;
    kernels) echo "core plan kernels" ;;
    models | algorithm) echo "core plan kernels $1" ;;
    sim) echo "core plan sim" ;;
    engine) echo "core plan kernels models engine" ;;
    evaluate) echo "core data plan models evaluate" ;;
    train) echo "core data plan kernels models evaluate train" ;;
    distill) echo "core data plan models algorithm evaluate train distill" ;;
    recipe) echo "core data plan models sim recipe" ;;
    profile) echo "core data plan kernels models profile" ;;
    cli) echo "core data plan kernels models algorithm engine sim evaluate train distill recipe profile report" ;;
    *) echo "" ;;
    esac
}

# door: the room it belongs to
room_of() {
    case $1 in
    status | arena | shell_words | tensor | tensor_file | rng | npy | safetensors | pth | weights | json | threads | clock | progress | file | \
        hash | version | isa | yaml | comm) echo core ;;
    idx | data | image | source | loader | augment | sampler) echo data ;;
    mask | maps | plan | pattern | workload | group_files) echo plan ;;
    kernels | gemm | half | ops | attention | attend | product | autoencoder | residual) echo kernels ;;
    model | deit | levit) echo models ;;
    attention_stats | prune | polarize | autoencoder_setup | kept_share) echo algorithm ;;
    equalize) echo engine ;;
    accelerator | chip | chip_energy | chip_trace | dram_trace | memory) echo sim ;;
    run_folder | plan_pictures) echo report ;;
    evaluate | judge | loss) echo evaluate ;;
    sim | train | distill | recipe | profile | engine | report) echo "$1" ;;
    *) echo unknown ;;
    esac
}

bad=0
for file in src/*/*.c src/*/*.h; do
    room=$(basename "$(dirname "$file")")
    # shellcheck disable=SC2013 # names without spaces
    for door in $(sed -n 's/^[[:space:]]*#[[:space:]]*include "vitcod\/\([a-z_0-9]*\)\..*".*/\1/p' "$file"); do
        owner=$(room_of "$door")
        case " $(allowed "$room") " in
        *" $owner "*) ;;
        *)
            echo "$file: room '$room' opens vitcod/$door.h of room '$owner'"
            bad=1
            ;;
        esac
    done
    # shellcheck disable=SC2013
    for private in $(sed -n 's/^[[:space:]]*#[[:space:]]*include "\([a-z_0-9./]*\)".*/\1/p' "$file" | grep -v '^vitcod/'); do
        if [ ! -f "src/$room/$private" ]; then
            echo "$file: includes '$private', which is not of its room"
            bad=1
        fi
    done
done
[ "$bad" -eq 0 ] && echo "ok layering"
exit "$bad"
