#!/usr/bin/env bash
# Puts one of Debian's kernels for clouds into build/debian/SERIES/vmlinuz: unpacked, never
# installed. The first argument is a release, or the beginning of one, of which apt's newest is
# taken if apt does not offer exactly that one.
#
#   kernels/debian/fetch.sh 6.12.117+deb12 6.12
set -euo pipefail
cd "$(dirname "$0")/../.."

main() {
    local release=$1 series=$2
    local folder=build/debian/$series
    if [ -e "$folder/vmlinuz" ]; then
        return
    fi
    local package
    package=$(offered "linux-image-$release-cloud-amd64-unsigned" || newest "$series")
    if [ -z "$package" ]; then
        echo "fetch: apt does not offer a Linux $series for clouds; as root, run: apt-get update" >&2
        exit 1
    fi
    rm -rf "$folder.new"
    mkdir -p "$folder.new"
    (cd "$folder.new" && apt-get download -q "$package" > /dev/null && dpkg-deb --fsys-tarfile ./*.deb |
        tar -x --wildcards './boot/*')
    mv "$folder.new"/boot/vmlinuz-* "$folder.new/vmlinuz"
    rm -rf "$folder.new"/*.deb "$folder.new/boot" "$folder"
    mv "$folder.new" "$folder"
}

offered() {
    apt-cache show "$1" 2> /dev/null | awk '/^Package:/ { print $2; exit }' | grep .
}

newest() {
    apt-cache pkgnames "linux-image-$1" | grep -E "^linux-image-$1[.0-9]*[-+][a-z0-9]+-cloud-amd64-unsigned$" |
        sort --version-sort | tail -n 1
}

main "$@"
