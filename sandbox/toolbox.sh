#!/bin/sh
# Stages a self-contained Python under the given folder: interpreter, standard library, shared libraries, ELF loader.
# It runs inside any Linux image of the same processor: LIB/ld.so --library-path LIB BIN/python3 -I -S -B script
set -eu

root=$1
python=$(readlink -f "$(command -v python3)")
version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
stdlib=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')

mkdir -p "$root/bin" "$root/lib/$version"
cp "$python" "$root/bin/python3"

(cd "$stdlib" && tar -cf - \
    --exclude=__pycache__ --exclude='config-*' --exclude=test --exclude=tests --exclude=idlelib --exclude=tkinter \
    --exclude=turtledemo --exclude=ensurepip --exclude=lib2to3 --exclude=pydoc_data --exclude=dist-packages \
    --exclude=site-packages --exclude=EXTERNALLY-MANAGED --exclude='_test*.so' --exclude='_xxtest*.so' \
    --exclude='xxlimited*.so' --exclude='_tkinter*.so' --exclude='readline*.so' --exclude='_curses*.so' \
    --exclude='nis*.so' --exclude='ossaudiodev*.so' --exclude='_dbm*.so' .) \
  | tar -xf - -C "$root/lib/$version"

for object in "$root/bin/python3" "$root/lib/$version"/lib-dynload/*.so; do
    ldd "$object" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }'
done | sort -u | while read -r library; do
    cp -L "$library" "$root/lib/"
done
loader=$(ldd "$python" | awk '$1 ~ /^\/.*ld-/ { print $1 }')
cp -L "$loader" "$root/lib/ld.so"

run="$root/lib/ld.so --library-path $root/lib $root/bin/python3 -I -S -B"
$run -m compileall -q --invalidation-mode unchecked-hash "$root/lib/$version" > /dev/null
$run -c 'import asyncio, ctypes, hashlib, json, resource, select, signal, socket, subprocess, tarfile, zlib'
rm -f "$root/toolbox.sh"
chmod -R a+rX,go-w "$root"
