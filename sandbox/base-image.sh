#!/bin/sh
# Writes a small Debian root file system to standard output as a tar, made of Debian's packages alone: for machines
# where no image registry answers. Needs root and debootstrap; what it is doing goes to standard error.
set -eu

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
root=$(mktemp -d "${TMPDIR:-/var/tmp}/cwm-agent-base.XXXXXX")
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT TERM HUP

debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror" >&2

echo 'I: Packing' >&2
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
    "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/var/log/*
if [ "$mirror" = http://deb.debian.org/debian ]; then
    {
        echo "deb $mirror bookworm main"
        echo "deb $mirror bookworm-updates main"
        echo "deb http://deb.debian.org/debian-security bookworm-security main"
    } > "$root/etc/apt/sources.list"
fi
tar -C "$root" --numeric-owner --exclude=./dev/* --exclude=./proc/* --exclude=./sys/* -cf - .
