#!/usr/bin/env bash
# Builds the Linux kernel that tollgate measures: Debian's source, our system
# call 500, and a small configuration whose system call path is Debian's.
#
#   build.sh                             from the package linux-source-6.12
#   LINUX_TARBALL=file build.sh          from another tarball of Linux 6.12
#   LINUX_SRC=directory build.sh         from a tree, which is copied, never changed
#   BUILD_DIR=directory build.sh         results go to directory/linux (default: build/)
#
# Leaves in build/linux: bzImage, vmlinux, config, System.map, build.log.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath -m "${BUILD_DIR:-$here/../../build}")
out=$build/linux
log=$out/build.log
tarball=${LINUX_TARBALL:-/usr/src/linux-source-6.12.tar.xz}
version=6.12

patches=("$here"/0*.patch)
fragments=("$here/machine.config" "$here/syscall-path.config")
results=(bzImage vmlinux config System.map)

main() {
    require_one_source
    require_tools
    lock_the_output

    local source_key key
    source_key=$(hash_source)
    key=$(hash_inputs "$source_key")
    if is_built "$key"; then
        say "up to date (inputs ${key:0:12}): $out"
        return
    fi

    prepare_source "$source_key"
    configure
    require_options
    compile
    publish "$key"
    say "done in $(elapsed): $out/bzImage, $out/vmlinux"
}

say() { echo "linux: $*"; }

die() {
    echo "linux: $1" >&2
    local line
    for line in "${@:2}"; do echo "       $line" >&2; done
    exit 1
}

elapsed() { printf '%dm%02ds' $((SECONDS / 60)) $((SECONDS % 60)); }

# --- What has to be there ----------------------------------------------------

require_one_source() {
    if [[ -n ${LINUX_SRC:-} && -n ${LINUX_TARBALL:-} ]]; then
        die "LINUX_SRC and LINUX_TARBALL are both set." "Unset one of them."
    fi
    if [[ -n ${LINUX_SRC:-} ]]; then
        [[ -d $LINUX_SRC ]] || die "LINUX_SRC=$LINUX_SRC is not a directory."
        require_version "$LINUX_SRC" "$LINUX_SRC"
    elif [[ -n ${LINUX_TARBALL:-} ]]; then
        [[ -f $LINUX_TARBALL ]] || die "LINUX_TARBALL=$LINUX_TARBALL is not a file."
    fi
}

require_version() { # the tree, its name in messages
    local makefile=$1/Makefile found
    [[ -f $makefile ]] || die "$2 has no Makefile: it is not a Linux source tree." "$(remedy)"
    found=$(awk '$1 == "VERSION" { v = $3 } $1 == "PATCHLEVEL" { p = $3 } END { print v "." p }' "$makefile")
    [[ $found == "$version" ]] ||
        die "$2: its Makefile says Linux $found; our patch and configuration are for $version." "$(remedy)"
}

remedy() {
    echo "Set LINUX_SRC or LINUX_TARBALL to Linux $version, or unset both and install linux-source-$version."
}

require_tools() {
    local missing=() pair
    # Command, package that has it.
    for pair in bc:bc bison:bison flex:flex gcc:gcc ld:binutils make:make patch:patch \
        xz:xz-utils zstd:zstd; do
        command -v "${pair%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    # Header, package that has it.
    for pair in stdio.h:libc6-dev gelf.h:libelf-dev; do
        [[ -n $(compgen -G "/usr/include/${pair%:*}" || compgen -G "/usr/include/*/${pair%:*}") ]] ||
            missing+=("${pair#*:}")
    done
    if [[ -z ${LINUX_SRC:-} && -z ${LINUX_TARBALL:-} && ! -f $tarball ]]; then
        missing+=("linux-source-$version")
    fi
    if [[ ${#missing[@]} -gt 0 ]]; then
        die "packages are missing. As root:" "apt-get install -y ${missing[*]}"
    fi
}

# Two builds at a time would write into the same objects.
lock_the_output() {
    mkdir -p "$out"
    exec 9>"$out/.lock"
    if ! flock --nonblock 9; then
        say "waiting for another build in $out"
        flock 9
    fi
}

# --- The cache ---------------------------------------------------------------

# What the source tree will be: the origin, and what we do to it.
hash_source() {
    {
        if [[ -n ${LINUX_SRC:-} ]]; then
            (cd "$LINUX_SRC" && find . -name .git -prune -o -type f -printf '%p %s %T@\n' | LC_ALL=C sort)
        else
            sha256sum <"$tarball"
        fi
        cat "${patches[@]}"
    } | sha256sum | cut -d' ' -f1
}

# Everything that the results depend on.
hash_inputs() { # source key
    {
        echo "$1"
        cat "${fragments[@]}" "$here/build.sh"
        gcc --version
        ld --version
    } | sha256sum | cut -d' ' -f1
}

# The stamp holds the inputs' hash and the results' hashes: a result that was
# damaged or removed is built again.
is_built() { # inputs' key
    [[ -f $out/stamp && $(head -n 1 "$out/stamp") == "# inputs $1" ]] &&
        (cd "$out" && grep -v '^#' stamp | sha256sum --check --status 2>/dev/null)
}

# The stamp comes last. Until then, the old one fits the old results, or none.
publish() { # inputs' key
    local file
    cp "$out/obj/arch/x86/boot/bzImage" "$out/bzImage.new"
    cp "$out/obj/vmlinux" "$out/vmlinux.new"
    cp "$out/obj/.config" "$out/config.new"
    cp "$out/obj/System.map" "$out/System.map.new"
    for file in "${results[@]}"; do
        mv "$out/$file.new" "$out/$file"
    done
    {
        echo "# inputs $1"
        (cd "$out" && sha256sum "${results[@]}")
    } >"$out/stamp.new"
    mv "$out/stamp.new" "$out/stamp"
}

# --- The source --------------------------------------------------------------

# Half of the tree is code of drivers that we never build; their Kconfig files
# and Makefiles must stay.
skip=(--exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/media/*.[ch]'
    --exclude='*/drivers/net/ethernet/*.[ch]' --exclude='*/drivers/net/wireless/*.[ch]'
    --exclude='*/sound/*.[ch]' --exclude-vcs)

prepare_source() { # source key
    if [[ -f $out/source.key && $(cat "$out/source.key") == "$1" ]]; then
        return
    fi
    rm -rf "$out/source.new"
    mkdir "$out/source.new"
    fill_source "$out/source.new"
    require_version "$out/source.new" "${LINUX_SRC:-$tarball}"
    apply_patches "$out/source.new"
    # Make would keep objects that are newer than the files of this source.
    rm -rf "$out/source.key" "$out/source" "$out/obj"
    mv "$out/source.new" "$out/source"
    echo "$1" >"$out/source.key"
}

fill_source() { # directory
    if [[ -n ${LINUX_SRC:-} ]]; then
        say "copying $LINUX_SRC"
        tar -C "$LINUX_SRC" "${skip[@]}" -cf - . | tar -C "$1" -xf - || die "cannot copy $LINUX_SRC."
        forget_user_build "$1"
    else
        say "unpacking $tarball"
        tar -C "$1" --strip-components=1 "${skip[@]}" -xf "$tarball" ||
            die "cannot unpack $tarball." "$(remedy)"
    fi
}

# A tree that was built in refuses to be built from elsewhere.
forget_user_build() { # directory
    if [[ -e $1/.config || -e $1/include/config || -e $1/arch/x86/include/generated ]]; then
        kernel_make -C "$1" mrproper >>"$log" 2>&1 || die "cannot clean the copy of $LINUX_SRC." "See $log."
    fi
}

apply_patches() { # directory
    local file report
    for file in "${patches[@]}"; do
        report=$(patch -d "$1" -p1 --forward --batch <"$file") ||
            die "$(basename "$file") does not apply to ${LINUX_SRC:-$tarball}:" "$report"
    done
}

# --- The build ---------------------------------------------------------------

# An environment of our own, so that the same inputs give the same bytes.
kernel_make() {
    env -i PATH="$PATH" LC_ALL=C TZ=UTC TMPDIR="${TMPDIR:-/tmp}" LOCALVERSION= \
        KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC' KBUILD_BUILD_VERSION=1 \
        KBUILD_BUILD_USER=tollgate KBUILD_BUILD_HOST=tollgate \
        make --no-print-directory "$@"
}

# As tinyconfig does it: everything is off but what the fragments name.
configure() {
    mkdir -p "$out/obj"
    cat "${fragments[@]}" >"$out/obj/fragments.config"
    kernel_make -C "$out/source" O="$out/obj" KCONFIG_ALLCONFIG="$out/obj/fragments.config" \
        allnoconfig >"$log" 2>&1 || show_failure "the configuration"
}

# Kconfig drops, without an error, what it cannot grant.
require_options() {
    local lost
    lost=$(
        while read -r line; do
            case $line in
                CONFIG_*) grep -qxF "$line" "$out/obj/.config" || echo "$line" ;;
                '# CONFIG_'*' is not set')
                    line=${line#\# }
                    ! grep -q "^${line%% *}=" "$out/obj/.config" || echo "# $line" ;;
            esac
        done <"$out/obj/fragments.config"
    )
    if [[ -n $lost ]]; then
        die "the configuration did not keep these options:" "${lost//$'\n'/$'\n'       }" \
            "A dependency is missing in machine.config or syscall-path.config."
    fi
}

compile() {
    kernel_make_in_background
    show_progress
    wait "$make_pid" || show_failure "the build"
    trap - EXIT
}

# A session of its own, so that an interrupt can end make and all its compilers.
kernel_make_in_background() {
    export -f kernel_make
    setsid bash -c 'kernel_make "$@"' make -C "$out/source" O="$out/obj" -j"$(nproc)" bzImage vmlinux \
        >>"$log" 2>&1 9>&- &
    make_pid=$!
    trap 'kill -TERM -- "-$make_pid" 2>/dev/null || true' EXIT
    trap 'echo; say interrupted; exit 130' INT
    trap 'exit 143' TERM
}

# One line that changes on a terminal, a line every 15 seconds elsewhere.
show_progress() {
    local line next=0
    while kill -0 "$make_pid" 2>/dev/null; do
        line="compiled $(grep -cE '^  (CC|AS) ' "$log" || true) objects, $(elapsed)"
        if [[ -t 1 ]]; then
            printf '\r\033[Klinux: %s' "$line"
        elif ((SECONDS >= next)); then
            say "$line"
            next=$((SECONDS + 15))
        fi
        sleep 0.5
    done
    [[ ! -t 1 ]] || printf '\r\033[K'
}

# Without make's "  CC file": the other job may have gone on long after the error.
show_failure() { # what failed
    {
        echo "linux: $1 failed after $(elapsed). Its last messages:"
        grep -vE '^  [A-Z0-9_]+ +[^ ]+$' "$log" | tail -n 25 | sed 's/^/    /'
        echo "linux: the whole log: $log"
    } >&2
    exit 1
}

# On one line with exit: the script may be edited while it runs.
main "$@"; exit
