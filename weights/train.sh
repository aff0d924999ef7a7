#!/usr/bin/env bash
# The commands that make the models. From the repository's root, with a folder or link `data` that holds content/
# (photographs), cbsd68.txt (names of those that restoration is not trained on), faces/, styles/ (paintings) and perceptual/
# (the encoders that ours was distilled from):
#     weights/train.sh            # all of them, in order
#     weights/train.sh NAME …     # some; a model that starts from another needs that one first
#     weights/train.sh NAME … -- --hours 1 --device cuda    # with further options, for every training run of each
set -euo pipefail

before=(--patches 0.5 --palette 0) # the objective that style models began with

wide=data/perceptual/vgg19_distilled_16x.safetensors # what was looked with before there was an encoder that ships

encoder() { # by name alone: what objectives look with, and what the commands take unless told otherwise
    .venv/bin/dynamic-net train encoder --teacher data/perceptual/vgg19_to_conv31.safetensors \
        --teacher "$wide" --content data/content --content data/faces \
        --source "VGG-19 (Simonyan and Zisserman 2015, CC BY 4.0) and a VGG-19 with a quarter of the channels (Wang et \
al., Collaborative Distillation, 2020, MIT)" --licence "CC BY 4.0" --out weights/encoder.safetensors \
        --run runs/encoder --rate 1e-4 --steps 583 "${more[@]}"
}

painter() { # nothing to ship: what starry-night starts from; it was made at commit a4285cd, before --patches
    .venv/bin/dynamic-net train style --content data/content --out runs/packages/painter --title Painter \
        --style data/styles/starry_night.jpg --encoder "$wide" \
        --dual --weight 0.03,1.5,2.5 --main-steps 900 --axis-steps 1 --path-steps 0 "${more[@]}"
}

train() {
    local out=$1
    shift
    .venv/bin/dynamic-net train style --content data/content --out "$out" "$@" "${more[@]}"
}

strength() { # faint, main and strong objectives: a dual axis
    local out=$1 title=$2 painting=$3
    shift 3
    train "weights/$out" --title "$title" --style "data/styles/$painting.jpg" "$@"
}

crest() { # the wave itself: of the whole print, most is paper
    mkdir -p runs/styles
    .venv/bin/python -c "
from PIL import Image
whole = Image.open('data/styles/wave.jpg')
width, height = whole.size
whole.crop((0, 95 * height // 399, 330 * width // 720, height)).save('runs/styles/$$.png')"
    mv "runs/styles/$$.png" runs/styles/wave.png
}

further() { # a round more of a strength that is trained
    local run=$1
    shift
    strength "$@" --start "weights/$1" --run "runs/$run" --main-steps 1500 --axis-steps 250 --path-steps 450
}

longer() { # ψ of a strength anew, on its θ as it is, for three times the steps
    local run=$1
    shift
    strength "$@" --start "weights/$1" --run "runs/$run" --main-steps 0 --axis-steps 500 --path-steps 1500
}

starry-night() { # what all others start from; the-scream-first and great-wave-first did before it went on
    strength starry-night "Starry Night" starry_night --order -1 --start runs/packages/painter --main-steps 2500 \
        --path-steps 600 "${before[@]}"
    further starry-night-on starry-night "Starry Night" starry_night --order -1 "${before[@]}"
    further starry-strokes starry-night "Starry Night" starry_night --order -1 "${before[@]}"
    further starry-palette starry-night "Starry Night" starry_night --order -1
    longer starry-psi starry-night "Starry Night" starry_night --order -1
}

the-scream-first() { # nothing to ship: what the-scream goes on from
    train runs/packages/the-scream-first --title "The Scream" --style data/styles/the_scream.jpg --order -1 \
        --start weights/starry-night --main-steps 700 --axis-steps 150 --path-steps 250 "${before[@]}"
}
the-scream() {
    strength the-scream "The Scream" the_scream --order -1 --start runs/packages/the-scream-first --main-steps 1500 \
        --axis-steps 250 --path-steps 450 "${before[@]}"
    further the-scream-strokes the-scream "The Scream" the_scream --order -1 "${before[@]}"
    further the-scream-palette the-scream "The Scream" the_scream --order -1
    longer the-scream-psi the-scream "The Scream" the_scream --order -1
    crest
    train weights/the-scream --run runs/the-scream-wave --title "The Scream" --order -1 --axis style --axis-id wave \
        --axis-title "Towards the Great Wave" --ends "The Scream,The Great Wave" --style runs/styles/wave.png \
        --base weights/the-scream
}
great-wave-first() { # nothing to ship: what great-wave goes on from
    train runs/packages/great-wave-first --title "The Great Wave" --style data/styles/wave.jpg --start weights/starry-night \
        --main-steps 900 --axis-steps 200 --path-steps 350 "${before[@]}"
}
great-wave() {
    strength great-wave "The Great Wave" wave --start runs/packages/great-wave-first --main-steps 1500 --axis-steps 250 \
        --path-steps 450 "${before[@]}"
    further great-wave-on great-wave "The Great Wave" wave "${before[@]}"
    further great-wave-strokes great-wave "The Great Wave" wave "${before[@]}"
    further great-wave-on2 great-wave "The Great Wave" wave "${before[@]}"
    train runs/packages/great-wave-palette --run runs/great-wave-palette --title "The Great Wave" \
        --style data/styles/wave.jpg --start weights/great-wave --main-steps 1500 --axis-steps 250 # stopped on the way down
    crest
    local wave=(--title "The Great Wave" --style runs/styles/wave.png) steps=(--main-steps 1500 --axis-steps 250 --path-steps 450)
    train weights/great-wave --run runs/great-wave-crest --start runs/packages/great-wave-palette "${wave[@]}" "${steps[@]}"
    train weights/great-wave --run runs/great-wave-crest2 --start weights/great-wave "${wave[@]}" "${steps[@]}"
    train weights/great-wave --run runs/great-wave-psi --start weights/great-wave "${wave[@]}" \
        --main-steps 0 --axis-steps 500 --path-steps 1500
    train weights/great-wave --run runs/great-wave-3 --start weights/great-wave "${wave[@]}" \
        --main-steps 3000 --axis-steps 500 --path-steps 1500
}

stained-glass() { # after a window that weights/glass.py draws; its colours are to lie anywhere
    mkdir -p runs/styles
    .venv/bin/python weights/glass.py runs/styles/glass.png
    local first=runs/packages/stained-glass window=(--title "Stained Glass" --style runs/styles/glass.png)
    train $first-first "${window[@]}" --start weights/starry-night --main-steps 3000 --axis-steps 1 --path-steps 0 # 1,237 of them
    window+=(--dual --weight 0.1,1,2.5 --palette 2 --patches 0.5 --order 1)
    train $first-theta "${window[@]}" --start $first-first --main-steps 2500 --axis-steps 1 --path-steps 0
    train weights/stained-glass "${window[@]}" --start $first-theta --main-steps 0 --axis-steps 500 --path-steps 1500 --hours 0.85
    train weights/stained-glass --run runs/stained-glass-3 "${window[@]}" --start weights/stained-glass \
        --main-steps 3500 --axis-steps 500 --path-steps 1500
}

starry-brush() { # nothing to ship by itself: a second axis on the θ of starry-night, which stays as it is
    train runs/packages/starry-brush --title "Starry Night, fine to coarse" --axis scale --dual --ends "fine,coarse" \
        --style data/styles/starry_night.jpg --size 192,384,768 --start weights/starry-night --main-steps 0 \
        --axis-steps 250 --path-steps 450
}

starry-scream() { # a third, likewise
    train runs/packages/starry-scream --title "Starry Night to The Scream" --axis style --ends "Starry Night,The Scream" \
        --axis-title "Towards The Scream" --style data/styles/starry_night.jpg --style data/styles/the_scream.jpg \
        --start weights/starry-night --main-steps 0
}

three-paintings() { # and a fourth, in the package of the third
    train runs/packages/three-paintings --title "Starry Night, The Scream, Udnie" --axis style --axis-id udnie \
        --axis-title "Towards Udnie" --ends "Starry Night,Udnie" \
        --style data/styles/udnie.jpg --base runs/packages/starry-scream --weight 3
}

starry-sliders() { # all four, in starry-night
    .venv/bin/python weights/joined.py weights/starry-night runs/packages/starry-brush runs/packages/three-paintings
}

# Nothing to ship: the two networks that docs/networks.md compares, for as many steps and for as long.

wave-johnson() { wave johnson 400; }
wave-lean() { wave lean 400; }
wave-lean-time() { wave lean 1000 -time; }

wave() {
    train "runs/packages/wave-$1${3-}" --title "$1" --axis strength --style data/styles/wave.jpg --weight 0.3,2 \
        --batch 2 --main-rate 1e-3 --axis-rate 3e-3 --network "$1" --main-steps "$2" --axis-steps "$2" \
        --no-norm --path-steps 0 --reach 0.85 --encoder "$wide" "${before[@]}"
}

# Nothing to ship: what docs/objective-space.md compares; evaluate --against trains the others.

study-strength() {
    study train strength starry-night 1500 500 1500 1.5e-3 1e-3 --axis strength --style data/styles/wave.jpg \
        --weight 0.1,6 --size 192 --crop 128 --batch 2
}

study-halves() { # strength with θ in the middle, as shipped ones are: ψ of as many steps in all, and of as many for each half
    half strength-dual starry-night --main-steps 1500 --axis-steps 250 --path-steps 750
    half strength-halves strength-dual --main-steps 0 --axis-steps 500 --path-steps 1500
}

half() {
    local name=$1 start=$2
    shift 2
    train "study/$name" --axis strength --style data/styles/wave.jpg --dual --weight 0.1,0.77,6 --size 192 --crop 128 \
        --batch 2 --title "$name" --main-rate 1e-3 --reach 1 --start "study/$start" --norm --axis-rate 1.5e-3 "$@"
}

study-style() {
    study train style starry-night 1500 500 1500 1.5e-3 1e-3 --axis style --ends "The Scream,Great Wave" \
        --style data/styles/the_scream.jpg --style data/styles/wave.jpg --size 192 --crop 128 --batch 2
}

study-sharpness() { # without a discriminator: what one says is no scale to compare on
    study completion sharpness mend-photos 1500 500 1500 1e-3 2e-3 --images data/content --scale 128 --side 64 \
        --squares 2400 --adversarial 0 --energy 1
}

study-noise() { noisy noise --main-noise 50 --main-steps 4000 --path-steps 2000; } # from nothing, as is what it is compared with
study-noise-long() { noisy noise-long --main-noise 50 --start study/noise --main-steps 0 --path-steps 8000; } # ψ of that, for longer

noisy() {
    local name=$1
    shift
    .venv/bin/dynamic-net train restoration --images data/content --exclude data/cbsd68.txt --noise gaussian --dual \
        --title "$name" --out "study/$name" --batch 6 --crop 64 --axis-steps 0 "$@" "${more[@]}"
}

study() { # steps of three phases, and the rate of the last two; and the paper's tuning-blocks and two phases, in as many
    local kind=$1 name=$2 start=$3 main=$4 axis=$5 path=$6 rate=$7 paper_rate=$8
    shift 8
    mkdir -p study
    [ -d "study/$start" ] || cp -r "weights/$start" study/
    local way=(--title "$name" --main-rate 1e-3 --reach 1)
    "$kind" "study/$name" "$@" "${way[@]}" --start "study/$start" --main-steps "$main" \
        --norm --axis-steps "$axis" --path-steps "$path" --axis-rate "$rate"
    "$kind" "study/$name-paper" "$@" "${way[@]}" --start "study/$name" --main-steps 0 \
        --no-norm --axis-steps $((axis + path)) --path-steps 0 --axis-rate "$paper_rate"
}

heads() { # some of them drawn, and an axis
    local data=$1 count=$2
    shift 2
    [ -d "$data" ] || .venv/bin/dynamic-net draw-heads "$data" --count "$count" --seed 0
    local credit='CC BY 4.0: trained on heads drawn by DiceBear (dicebear.com), a remix of “Avatar Illustration System” by'
    credit+=' Micah Lanier (figma.com/community/file/829741575478342595), licensed under CC BY 4.0'
    .venv/bin/dynamic-net train generation --data "$data" --title "Drawn heads" --licence "$credit" --batch 16 \
        --main-rate 2e-3 --axis-rate 1e-3 --description "Cartoon heads that never were: hair, skin, beard and glasses mix." \
        "$@" "${more[@]}"
}

generation() {
    .venv/bin/dynamic-net train generation --encoder "$wide" "$@" "${more[@]}"
}

drawn-heads() { # each axis goes on top of those before it; needs pip install -e '.[heads]' to draw them
    # Hair and skin were trained at commit b727ac0: tuning-blocks a stage earlier, and all of a picture weighed the same.
    local out=weights/drawn-heads
    heads heads 8000 --from dark-light-shaven-bare --to blond-light-shaven-bare --axis-id hair --axis-title Hair \
        --ends dark,blond --channels 192,160,112,64,40,24 --out $out --main-steps 5000 --axis-steps 500
    heads heads 8000 --base $out --to dark-deep-shaven-bare --axis-id skin --axis-title Skin --ends light,deep \
        --out $out --run runs/drawn-heads-skin --axis-steps 400
    heads heads 8000 --base $out --to dark-light-bearded-bare --axis-id beard --axis-title Beard --ends "no beard,beard" \
        --out $out --run runs/drawn-heads-beard --axis-steps 1000
    # Of 8,000 one in eight has glasses, a thousand: three times as many for those, the same and more.
    heads runs/heads24 24000 --base $out --to dark-light-shaven-glasses --axis-id glasses --axis-title Glasses \
        --ends "no glasses,glasses" --out $out --run runs/drawn-heads-glasses --axis-steps 1500
}

faces-first() { # nothing to ship: nobles and warriors; the demons among the incarnations are no faces to a person, nor to a network
    generation --data data/faces --from 'male-[nw]*' --to 'female-n*' --axis-id gender --axis-title Gender \
        --ends male,female --title "Painted faces" --licence "CC BY-SA 4.0" \
        --description "Faces that nobody painted, as on Japanese picture scrolls of the 16th and 17th century. Trained on \
the KaoKore dataset, ROIS-DS Center for Open Data in the Humanities, CC BY-SA 4.0." \
        --channels 256,160,112,64,32 --out runs/packages/faces-first --main-steps 8000 --main-rate 5e-4 \
        --axis-steps 2000 --axis-rate 1e-3
}

painted-faces() { # half of its latents make no faces: faces.csv has what was said by eye of pictures of that at f29ac86
    .venv/bin/python weights/chosen.py weights/faces.csv runs/packages/faces-first weights/painted-faces
}

completion() {
    local out=$1
    shift
    .venv/bin/dynamic-net train completion --out "$out" \
        --encoder "$wide" "$@" "${more[@]}"
}

mend-photos() { # θ stays as it was trained on copies of before: without --start, in 2000 steps at 2e-3
    completion weights/mend-photos --images data/content --title "Mend photographs" \
        --description "Fills strokes and small to medium holes in photographs." --start weights/mend-photos \
        --squares 2400 --main-steps 0 --axis-steps 800 --path-steps 300 --axis-rate 2e-3 --energy 2 --reach 1.4
}

# Nothing to ship: faces have no second face to copy from, and docs/models.md says how far this came.

mend-faces() {
    completion weights/mend-faces --images data/faces --scale 128 --title "Mend painted faces" \
        --description "Fills holes in faces from Japanese picture scrolls." --licence "CC BY-SA 4.0" \
        --credit "Trained on the KaoKore dataset, ROIS-DS Center for Open Data in the Humanities, CC BY-SA 4.0." \
        --channels 128 --squares 4000 --main-steps 3000 --main-rate 2e-3 \
        --axis-steps 1200 --axis-rate 2e-3 --texture 1 --adversarial 1
}

restoration() {
    local out=$1
    shift
    .venv/bin/dynamic-net train restoration --out "$out" --images data/content --exclude data/cbsd68.txt \
        --encoder "$wide" --batch 12 --crop 80 --dual --main-steps 6500 --main-rate 1e-3 --axis-steps 0 \
        --path-steps 1700 --axis-rate 1e-3 --crisp-steps 600 "$@" "${more[@]}"
}

camera() {
    local out=$1
    shift
    restoration "$out" --noise camera --title "Take out noise" \
        --description "Noise of cameras, telephones and film, after demosaicking, scaling and JPEG." "$@"
}

choice() { # of α by itself, for a model that is trained
    .venv/bin/dynamic-net train restoration-auto "$1" --images data/content --exclude data/cbsd68.txt \
        --count 8000 --rendered 3072
}

denoise-first() { # nothing to ship: what denoise-photos goes on from
    camera runs/packages/denoise-first
}

denoise-19() { # nothing to ship: θ for lighter noise; at commit ee0d82f, before patches were as vivid and some without noise
    camera runs/packages/denoise-19 --start runs/packages/denoise-first --main-steps 12000 --main-rate 5e-4 --path-steps 3500 \
        --axis-rate 6e-4 --crisp-steps 900
}

denoise-photos() { # the first round at that commit too, the second without noiseless patches, which in the third counted as
    # much at light noise as at heavy; only the last had patches with less noise than α stands for
    heavy runs/packages/denoise-50 denoise-19 --main-steps 12000 --main-rate 7e-4 --path-steps 6000
    heavy runs/packages/denoise-vivid denoise-50 --main-steps 7000 --main-rate 5e-4 --path-steps 5000 --axis-rate 8e-4
    heavy runs/packages/denoise-smooth denoise-vivid --main-steps 3000 --main-rate 5e-4 --path-steps 4000 --axis-rate 8e-4
    heavy runs/packages/denoise-even denoise-smooth --main-steps 8000 --main-rate 6e-4 --path-steps 6000 --axis-rate 8e-4
    heavy weights/denoise-photos denoise-even --main-steps 2000 --main-rate 5e-4 --path-steps 1800 --axis-rate 8e-4 \
        --crisp-steps 400
    choice weights/denoise-photos
}

heavy() {
    local out=$1 start=runs/packages/$2
    shift 2
    camera "$out" --start "$start" --main-noise 50 --crisp-steps 900 "$@"
}

gaussian-noise() { # for what published tables measure; in three rounds
    local first=runs/packages/denoise-gaussian out=weights/gaussian-noise
    local white=(--noise gaussian --title "Take out Gaussian noise" --scale 320 --crisp-steps 0 --main-noise 50)
    white+=(--description "White noise that is the same everywhere, as published tables measure; photographs have another.")
    restoration $first "${white[@]}" --start runs/packages/denoise-19 --main-steps 12000 --main-rate 7e-4 --path-steps 6000
    restoration $first "${white[@]}" --run runs/denoise-gaussian-psi --start $first --main-steps 0 --path-steps 4000 --axis-rate 6e-4
    restoration $out "${white[@]}" --start $first --main-steps 0 --path-steps 2500 --axis-rate 4e-4
    choice $out
}

all=(painter starry-night the-scream-first the-scream great-wave-first great-wave stained-glass)
all+=(starry-brush starry-scream three-paintings starry-sliders)
all+=(drawn-heads faces-first painted-faces mend-photos denoise-first denoise-19 denoise-photos gaussian-noise)
names=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    names+=("$1")
    shift
done
more=("${@:2}")
for name in "${names[@]:-${all[@]}}"; do
    "$name"
done
