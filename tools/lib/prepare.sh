# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
#
# Sourced by the commands in tools/: goes to the project's root and installs what is missing from Debian.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

# install_missing PACKAGE...: installs those that are not there yet; needs root or sudo only then.
install_missing() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    echo "installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq >&2 || return 1
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null ||
        { echo "could not install: ${missing[*]}" >&2; return 1; }
}

# What the build links against.
install_build_needs() {
    install_missing libssl-dev libcrypt-dev zlib1g-dev libzstd-dev libsqlite3-dev pkg-config
    command -v swift >/dev/null || { echo "swift 6.2 or newer is needed: https://www.swift.org/install" >&2; return 1; }
}

# build_tests: a release build of everything, tests included. Nothing where CAIRN_BUILT says that it was just done.
build_tests() {
    [ -n "${CAIRN_BUILT:-}" ] || swift build -c release --build-tests
}

# build PRODUCT: a release build of one product, quiet unless it fails. Nothing where CAIRN_BUILT says that it was done.
build() {
    [ -z "${CAIRN_BUILT:-}" ] || return 0
    local log
    log=$(mktemp)
    echo "building $1 (the first build takes some minutes)" >&2
    if ! swift build -c release --product "$1" >"$log" 2>&1; then
        grep -E 'error|warning' "$log" >&2 || tail -30 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
