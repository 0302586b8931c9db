#!/usr/bin/env bash
# Builds a CPU-only Caffe with pycaffe into the user's cache, once per recipe.
#
#   PYTHON=python3   the Python that pycaffe is for (X.Y must be the distribution's own)
#   JOBS=<cores>     how many compilers run at once
#
# What is built: ${XDG_CACHE_HOME:-~/.cache}/ssdh-surgery/caffe/<recipe>/{bin,lib,python}, and
# `current` beside it, a symlink to it. It is made in a temporary folder and renamed, so that
# what carries the recipe's name is always whole.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
jobs=${JOBS:-$(nproc)}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ssdh-surgery/caffe
temporary=

say() { printf 'caffe: %s\n' "$*"; }

stop() {
  printf 'caffe: %s\n' "$@" >&2
  exit 1
}

clean_up() {
  if [[ -n $temporary ]]; then rm -rf -- "$temporary"; fi
}
trap clean_up EXIT

# Bash would wait for the compiler, and what runs in the background heeds no Ctrl-C.
interrupted() {
  local running
  mapfile -t running < <(jobs -p)
  if ((${#running[@]})); then kill "${running[@]}" 2>/dev/null || true; fi
  wait
  exit "$1"
}
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# The digest of every file of this folder and of what else the result depends on.
recipe() {
  (
    cd -- "$here"
    find . -type f -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    printf 'python %s on %s\n' "$version" "$(uname -m)"
  ) | sha256sum | cut -c1-16
}

# Whether a folder holds a build whose libraries are all there.
works() {
  [[ -d $1 ]] && "$1/bin/caffe" --version >/dev/null 2>&1 &&
    ! ldd "$1/python/caffe/_caffe.so" 2>&1 | grep -q 'not found'
}

# Point `current` at the build, in one step.
point() {
  ln -sfn -- "$(basename -- "$1")" "$cache/.current.$$"
  mv -fT -- "$cache/.current.$$" "$cache/current"
}

install_packages() {
  command -v dpkg-query >/dev/null ||
    stop "this recipe is for Debian and Ubuntu; elsewhere install the equivalents of:" \
      "$(paste -sd' ' "$here/packages.txt")"
  local package missing=() wanted
  mapfile -t wanted <"$here/packages.txt"
  "$python" -c 'import ensurepip' 2>/dev/null || wanted+=(python3-venv)
  for package in "${wanted[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    stop "some packages are missing; run this, then \`make caffe\` again:" \
      "sudo apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing ${missing[*]}"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" \
    >"$cache/packages.log" 2>&1 ||
    stop "apt-get failed: $cache/packages.log" "$(tail -n 5 "$cache/packages.log")"
}

# Run one step of the build with its output in the log, and without the lock: a compiler that
# outlives us must not hold it.
step() {
  "$@" >>"$cache/build.log" 2>&1 9>&- &
  wait "$!" ||
    stop "failed: $1 $2 ... (whole log: $cache/build.log)" "$(tail -n 30 "$cache/build.log")"
}

fetch_sources() {
  step "$python" -m venv "$temporary/venv"
  # numpy 2's headers serve every numpy from 1.19 on; protobuf is for trying the result.
  step "$temporary/venv/bin/pip" install 'numpy>=2' 'protobuf>=4.21' setuptools wheel
  step "$temporary/venv/bin/pip" download --require-hashes --no-deps --no-binary :all: \
    --no-build-isolation --dest "$temporary" --requirement "$here/sdist.txt"
  mkdir "$temporary/source"
  step tar -C "$temporary/source" --strip-components=1 -xf "$temporary"/brocolli*.tar.gz
  # Made by another protoc than the one that is here.
  rm "$temporary/source/src/caffe/proto/caffe.pb.cc" \
    "$temporary/source/include/caffe/proto/caffe.pb.h"
  step "$temporary/venv/bin/python" "$here/patch_sources.py" "$temporary/source"
}

compile() {
  local headers numpy
  headers=$("$temporary/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  numpy=$("$temporary/venv/bin/python" -c 'import numpy; print(numpy.get_include())')
  [[ -f $headers/Python.h ]] || stop "$headers/Python.h is missing: install python3-dev"
  step cmake -S "$here" -B "$temporary/build" -G 'Unix Makefiles' -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$temporary/result" -DCAFFE_SOURCE="$temporary/source" \
    -DPYTHON_VERSION="$version" -DPYTHON_INCLUDE="$headers" -DNUMPY_INCLUDE="$numpy"
  step make -C "$temporary/build" -j "$jobs" install
}

# The result must start, and pycaffe must know its layers, before it gets its name.
try_result() {
  works "$temporary/result" || stop "what was built does not start"
  PYTHONPATH=$temporary/result/python step "$temporary/venv/bin/python" -B -c \
    'import caffe; assert {"Data", "Sigmoid", "LRN"} <= set(caffe.layer_type_list())'
}

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') ||
  stop "$python does not run; say which Python to use with PYTHON="
target=$cache/$(recipe)
mkdir -p -- "$cache"
exec 9>"$cache/.lock"
flock 9 # one build at a time; the second finds the first one's

if works "$target"; then
  point "$target"
  say "already built: $target"
  exit 0
fi

install_packages
if works "$target"; then
  point "$target"
  say "already built: $target"
  exit 0
fi
compgen -G "/usr/lib/*/libboost_python${version/./}.so" >/dev/null ||
  stop "this distribution's boost_python is not for Python $version;" \
    "run \`make caffe PYTHON=/usr/bin/python3\` and use that Python for the project"

# Left by a build that was killed outright: we hold the lock, so nobody works in them.
rm -rf -- "$cache"/.build.* "$target"
temporary=$(mktemp -d -- "$cache/.build.XXXXXX")
: >"$cache/build.log"
say "fetching the sources"
fetch_sources
say "compiling with $jobs jobs (about 3 minutes with 2)"
compile
try_result
mv -T -- "$temporary/result" "$target"
point "$target"
say "built: $target"
