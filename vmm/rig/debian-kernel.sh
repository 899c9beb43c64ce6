#!/bin/bash
# Puts the distribution's own kernel and its kvm_amd into build/rig/debian: unpacked, never
# installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly build=build/rig

main() {
    if [ -e "$build/debian/vmlinuz" ]; then
        return
    fi
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
    if [ -z "$package" ]; then
        echo "rig: apt does not list linux-image-cloud-amd64; as root, run: apt-get update" >&2
        exit 1
    fi
    rm -rf "$build/download" "$build/debian.new"
    mkdir -p "$build/download" "$build/debian.new"
    (cd "$build/download" && apt-get download -q "$package" && dpkg-deb -x ./*.deb .)
    local modules
    modules=$(echo "$build"/download/lib/modules/*/kernel)
    cp "$build"/download/boot/vmlinuz-* "$build/debian.new/vmlinuz"
    # Numbered in the order of their dependencies.
    take_module "$modules/virt/lib/irqbypass.ko" "$build/debian.new/0-irqbypass.ko"
    take_module "$modules/arch/x86/kvm/kvm.ko" "$build/debian.new/1-kvm.ko"
    take_module "$modules/arch/x86/kvm/kvm-amd.ko" "$build/debian.new/2-kvm-amd.ko"
    rm -rf "$build/debian" "$build/download"
    mv "$build/debian.new" "$build/debian"
}

# Newer Debian releases compress their modules.
take_module() {
    if [ -e "$1.xz" ]; then
        xz -dc "$1.xz" > "$2"
    else
        cp "$1" "$2"
    fi
}

main
