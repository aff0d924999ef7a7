#!/usr/bin/env bash
# The commands that made the shipped models. From the repository's root, with a folder or link `data` that holds
# content/ (photographs), styles/ (paintings) and perceptual/ (the encoder):
#     weights/train.sh            # all of them, in order
#     weights/train.sh NAME …     # some; a model that starts from another needs that one first
set -euo pipefail

train() {
    local name=$1
    shift
    .venv/bin/dynamic-net train style --content data/content --out "weights/$name" \
        --encoder data/perceptual/vgg19_distilled_16x.safetensors "$@"
}

starry-wave() { # strong θ, which the others start from
    train starry-wave --title "Starry Night to the Great Wave" --axis style --ends "Starry Night,Great Wave" \
        --style data/styles/starry_night.jpg --style data/styles/wave.jpg \
        --weight 1 --main-steps 1200 --axis-steps 700 --axis-rate 3e-3
}

the-scream() { # faint, main and strong objectives: a dual axis
    train the-scream --title "The Scream" --axis strength --dual --style data/styles/the_scream.jpg \
        --weight 0.03,0.4,2 --batch 2 --main-steps 1300 --axis-steps 900 --axis-rate 3e-3 --reach 0.8
}

starry-night() {
    train starry-night --title "Starry Night" --axis strength --dual --style data/styles/starry_night.jpg \
        --start weights/starry-wave --weight 0.01,0.3,2 --batch 2 \
        --main-steps 300 --main-rate 1e-3 --axis-steps 700 --axis-rate 3e-3 --reach 0.8
}

great-wave() {
    train great-wave --title "The Great Wave" --axis strength --ends "light,strong" --style data/styles/wave.jpg \
        --start weights/starry-wave --weight 0.15,0.8 --batch 2 \
        --main-steps 500 --main-rate 1e-3 --axis-steps 700 --axis-rate 3e-3
}

composition-brush() {
    train composition-brush --title "Composition VII, fine to coarse" --axis scale --ends "fine,coarse" \
        --style data/styles/composition_vii.jpg --start weights/starry-wave --weight 1 --size 192,640 --batch 2 \
        --main-steps 900 --main-rate 1e-3 --axis-steps 1200 --axis-rate 3e-3 --reach 0.8
}

three-paintings() { # a second axis on the θ of starry-wave, which stays as it is
    train three-paintings --title "Starry Night, the Great Wave, Udnie" --axis style --axis-id udnie \
        --axis-title "Towards Udnie" --ends "Starry Night,Udnie" \
        --style data/styles/udnie.jpg --base weights/starry-wave --weight 1 --batch 2 \
        --axis-steps 800 --axis-rate 3e-3
}

all=(starry-wave the-scream starry-night great-wave composition-brush three-paintings)
for name in "${@:-${all[@]}}"; do
    "$name"
done
