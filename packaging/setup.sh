#!/usr/bin/env bash
# Shared by ./run and ./test: makes .venv what the program needs, and says nothing when it already is.
#
#   set_up ROOT EXTRAS PACKAGES
#
# EXTRAS: "" or an extra of pyproject.toml ("dev"). PACKAGES: lines of "probe package" (see missing_packages).
# Everything it prints goes to standard error. A stamp in .venv is written last, so a set-up that was interrupted
# is done again; a lock on the checkout makes a second one wait for the first. Bash 3.2 is enough.

say() { printf 'caique: %s\n' "$*" >&2; }

set_up() {
    local root=$1 extras=$2 packages=$3 missing
    missing=$(missing_packages "$packages")
    [[ -z $missing ]] && is_current "$root" "$extras" && return
    if command -v flock >/dev/null; then
        exec 9<"$root"
        flock -n 9 || { say "waiting for another set-up of this folder to end" && flock 9; }
        missing=$(missing_packages "$packages")
    fi
    # shellcheck disable=SC2086  # a list of words
    [[ -z $missing ]] || apt_install $missing || say "going on without; what needs them will not work"
    is_current "$root" "$extras" || install "$root" "$extras"
    exec 9<&-
}

# The stamp: what was installed, from which definition, with which interpreter, at which place.
stamp() {
    local root=$1 extras=$2
    printf '%s|%s|%s|%s' "$root" "$(readlink -f "$root/.venv/bin/python")" "$extras" \
        "$(cksum "$root/pyproject.toml" "$root/packaging/setup.sh" | cut -d' ' -f1,2 | tr '\n' ' ')"
}

# True when .venv holds the package with EXTRAS, or with the larger "dev".
is_current() {
    local root=$1 extras=$2 found
    [[ -x $root/.venv/bin/python && -r $root/.venv/caique-stamp ]] || return 1
    found=$(<"$root/.venv/caique-stamp")
    [[ $found == "$(stamp "$root" "$extras")" || $found == "$(stamp "$root" dev)" ]]
}

install() {
    local root=$1 extras=$2 venv=$1/.venv quiet=--quiet
    # An environment once made for development stays one.
    [[ -r $venv/caique-extras && $(<"$venv/caique-extras") == dev ]] && extras=dev
    rm -f "$venv/caique-stamp"
    make_environment "$root"
    say "installing Python packages into .venv (once; some 450 MB to download)"
    [[ -t 2 ]] && quiet=--progress-bar=on
    printf '%s' "$extras" >"$venv/caique-extras"
    if ! "$venv/bin/python" -m pip install "$quiet" --disable-pip-version-check --no-warn-script-location \
        --editable "$root${extras:+[$extras]}" >&2; then
        say "the Python packages could not be installed (see above); check the network and start again"
        exit 1
    fi
    stamp "$root" "$extras" >"$venv/caique-stamp.new"
    mv "$venv/caique-stamp.new" "$venv/caique-stamp"
}

# What training/ needs, in an environment that is set up already. PyTorch's own index has builds without CUDA; where it
# cannot be reached, the usual one may have such a build too, and one with CUDA (gigabytes) is not taken.
set_up_training() {
    local root=$1
    local pip=("$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check)
    say "installing PyTorch and what else training needs into .venv (once)"
    if "${pip[@]}" --retries 0 --timeout 20 --index-url https://download.pytorch.org/whl/cpu torch &>/dev/null ||
        { [[ $("${pip[@]}" --dry-run --report - torch 2>/dev/null) != *nvidia-cu* ]] && "${pip[@]}" torch &>/dev/null; }; then
        "${pip[@]}" --editable "$root[training]" >&2 && return
    fi
    say "PyTorch could not be installed; going on without, and the tests of training/ are skipped"
}

# Keep an environment that works here; anything else (half made, moved, its Python gone) is made anew.
make_environment() {
    local root=$1 venv=$1/.venv python
    if [[ -r $venv/caique-root && $(<"$venv/caique-root") == "$root" ]] &&
        "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        return
    fi
    python=$(find_python) || {
        say "Python 3.11 or newer is needed and none was found (looked for python3 and python3.11 to python3.15);" \
            "on Debian and Ubuntu: sudo apt-get install python3 python3-venv"
        exit 1
    }
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" || {
            say "$python cannot make virtual environments without that package"
            exit 1
        }
    fi
    say "making the Python environment .venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" >&2
    printf '%s' "$root" >"$venv/caique-root"
}

find_python() {
    local name
    for name in python3 python3.15 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

# Of lines "probe package", the packages whose probe is not there: a library's soname, a path with wildcards,
# or a command.
missing_packages() {
    local probe package libraries
    [[ -n $1 && $(uname) == Linux ]] || return 0
    libraries=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null) || libraries=''
    while read -r probe package; do
        case $probe in
            /*) compgen -G "$probe" >/dev/null || printf '%s ' "$package" ;;
            *.so.*) [[ $libraries == *[[:space:]]"$probe"[[:space:]]* ]] || printf '%s ' "$package" ;;
            *) command -v "$probe" >/dev/null || printf '%s ' "$package" ;;
        esac
    done <<<"$1"
}

# Install Debian packages as root or through a sudo that asks nothing; otherwise print the command for the user.
apt_install() {
    local as_root=''
    if ! command -v apt-get >/dev/null; then
        say "these packages (by their Debian names) are missing: $*"
        return 1
    fi
    if [[ $(id -u) != 0 ]]; then
        if ! sudo -n true 2>/dev/null; then
            say "system packages are missing; please run: sudo apt-get install $*"
            return 1
        fi
        as_root='sudo -n'
    fi
    say "installing system packages: $*"
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends
        -o DPkg::Lock::Timeout=600)
    # A fresh machine has no package lists yet, an old one has lists that name packages which are gone.
    $as_root "${install[@]}" "$@" &>/dev/null ||
        { $as_root apt-get update -qq >&2 && $as_root "${install[@]}" "$@" >/dev/null; } || {
        say "they could not be installed; please run: sudo apt-get install $*"
        return 1
    }
}

# What the sound side needs from the system, and what the window needs on top of it.
SOUND_PACKAGES='libportaudio.so.2 libportaudio2
libpulse.so.0 libpulse0'
# shellcheck disable=SC2034  # used by those who source this file
WINDOW_PACKAGES="$SOUND_PACKAGES
libEGL.so.1 libegl1
libGL.so.1 libgl1
libX11.so.6 libx11-6
libX11-xcb.so.1 libx11-xcb1
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libglib-2.0.so.0 libglib2.0-0
libxkbcommon.so.0 libxkbcommon0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0"
