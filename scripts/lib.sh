# shellcheck shell=bash
# Small helpers, sourced by the other scripts.

# A heading for each step, so that a failure is found by scrolling up to the last one.
heading() { printf '\n=== %s\n' "$*"; }

# What is about to be done, and why.
say() { printf -- '--> %s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# version_at_least 1.96 1.96.1 succeeds.
version_at_least() {
    [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]
}

# The first thing in the text that looks like a version, or nothing.
version_in() { grep -Eo '[0-9]+(\.[0-9]+)+|[0-9]+' <<<"$1" | head -n 1 || true; }

# Runs a command that needs the rights of root.
as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "this needs root and there is no sudo. Run it as root, then start again: $*"
    fi
}

# apt_install REASON PACKAGE... : installs Debian packages, or says which are wanted.
apt_install() {
    local reason=$1
    shift
    have apt-get || die "$reason is missing. Install it with this system's package manager (on Debian: $*)."
    say "installing $* ($reason)"
    if [[ -z ${APT_UPDATED:-} ]]; then
        as_root apt-get update -qq
        APT_UPDATED=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}
