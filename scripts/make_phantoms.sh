#!/bin/sh
# make_phantoms.sh PYTHON HEAD_PHANTOM.PY FOLDER: the phantoms of bench_qsm.py, each once.
# textured_head.py is looked for beside HEAD_PHANTOM.PY.
set -eu
python=$1 program=$2 folder=$3

phantom() {
  name=$1
  shift
  [ -f "$folder/$name/meta.txt" ] && return
  if [ ! -f "$program" ]; then
    echo "phantom $name: neither $folder/$name nor the program $program is there" >&2
    exit 1
  fi
  mkdir -p "$folder/$name"
  "$python" "$program" "$folder/$name" --mild "$@" >&2
}

phantom p3x --nocalc --matched --snr 100
for seed in 1 2 3 4; do
  phantom "p3x_s$seed" --nocalc --matched --snr 100 --seed "$seed"
done
for tilt in 30 45; do
  phantom "p3x_t$tilt" --nocalc --matched --snr 100 --tilt "$tilt"
done
phantom p3m
phantom p3m0 --nocalc
phantom p3n --nocalc --snr 300
[ -f "$folder/p3t/meta.txt" ] || {
  [ -f "$program" ] || { echo "phantom p3t: $program is not there" >&2; exit 1; }
  mkdir -p "$folder/p3t"
  "$python" "$program" "$folder/p3t" >&2
}

textured=$(dirname "$program")/textured_head.py
for kind in tex const; do
  [ -f "$folder/$kind/meta.txt" ] && continue
  [ -f "$textured" ] || { echo "phantom $kind: $textured is not there" >&2; exit 1; }
  mkdir -p "$folder/$kind"
  "$python" "$textured" "$folder/$kind" "$kind" >&2
done
