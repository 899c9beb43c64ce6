#!/usr/bin/env bash
# Installs what the project needs: Debian packages (as root, with apt) and Rust targets (with
# rustup). Without root, it prints the command to run and exits before doing anything.
#
#   ./deps.sh [PACKAGE…]    Debian packages in addition to those that every step needs
set -euo pipefail
cd "$(dirname "$0")"

# The emulator; C compilers for Rust's linker, static programs and test programs; the tools with
# which the rig under vmm/rig packs its machine; shellcheck and codespell.
PACKAGES=(qemu-system-x86 gcc libc6-dev musl-tools make git cpio shellcheck codespell)
MORE_PACKAGES=("$@")
mapfile -t KERNEL_PACKAGES < <(grep -v '^#' kernels/linux/packages.txt)

main() {
    require_rust
    install_packages
    install_targets
}

require_rust() {
    command -v rustup > /dev/null && return
    fail "Rust is needed, installed by rustup (Debian 13 and later: apt-get install rustup;" \
        "elsewhere as described on https://rustup.rs)"
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get > /dev/null ||
        fail "these Debian packages are needed, under your system's names for them: ${missing[*]}"
    local command="apt-get update && apt-get install --yes --no-install-recommends ${missing[*]}"
    [ "$(id -u)" -eq 0 ] || fail "some packages are missing; as root, run
  $command"
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    bash -c "$command" > /dev/null || fail "this failed:
  $command"
}

missing_packages() {
    local package
    for package in "${PACKAGES[@]}" "${KERNEL_PACKAGES[@]}" "${MORE_PACKAGES[@]}"; do
        dpkg-query --show --showformat '${db:Status-Status}\n' "$package" 2> /dev/null |
            grep -qx installed || echo "$package"
    done
}

# rust-toolchain.toml names the toolchain and its targets.
install_targets() {
    rustup show active-toolchain > /dev/null 2>&1 || rustup toolchain install
    local target
    for target in x86_64-unknown-none x86_64-unknown-linux-musl; do
        rustup target list --installed | grep -qx "$target" || rustup target add "$target"
    done
}

fail() {
    echo "deps: $*" >&2
    exit 1
}

main
