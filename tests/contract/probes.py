"""Ways out of a container, to be tried from inside it: run with the names of probes, it prints a JSON object.

Each probe returns what it got hold of, or raises OSError when it was stopped. Standard library alone, and the
system's own calls instead of pathlib, since they are what is tried.
"""

# ruff: noqa: PTH103, PTH110, PTH116, PTH123, PTH208
from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import platform
import signal
import socket
import stat
import subprocess
import sys

ARM = platform.machine() == "aarch64"
LIBC = ctypes.CDLL(None, use_errno=True)
AF_ALG, AF_VSOCK = 38, 40
NEW_USER, NEW_NS = 0x10000000, 0x00020000


def checked(result: int) -> int:
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def system_call(x86: int, arm: int, *arguments: object) -> int:
    ctypes.set_errno(0)
    whole = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return checked(LIBC.syscall(ctypes.c_long(arm if ARM else x86), *whole))


def write_root() -> str:
    with open("/workspace/.probe", "w") as file:
        file.write("x")
    return "wrote into the image's own file system"


def route(address: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 80))
        return f"there is a route from {probe.getsockname()[0]}"


def route_out() -> str:
    return route("1.1.1.1")


def route_metadata() -> str:
    return route("169.254.169.254")


def connect_host() -> str:
    with socket.create_connection((os.environ["PROBE_GATEWAY"], int(os.environ["PROBE_PORT"])), 3) as found:
        return f"a service of the host said {found.recv(5)!r}"


def connect_abstract() -> str:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect("\0" + os.environ["PROBE_ABSTRACT"])
        return "reached a program of the host"


def network_interfaces() -> str:
    found = [name for name in os.listdir("/sys/class/net") if name != "lo"]
    if not found:
        raise OSError("loopback alone")
    return ", ".join(found)


def docker_socket() -> str:
    for path in ("/var/run/docker.sock", "/run/docker.sock"):
        if stat.S_ISSOCK(os.stat(path).st_mode):
            return path
    raise OSError("no socket")


def host_environment() -> str:
    if "PROBE_SECRET" in os.environ:
        return "saw the host's environment"
    raise OSError("not there")


def family(number: int, kind: int) -> str:
    try:
        socket.socket(number, kind).close()
    except OSError as error:
        if error.errno != errno.EAFNOSUPPORT:
            raise
        return "the filter let it through, only this kernel was built without it"
    return "a socket"


def vsock() -> str:
    return family(AF_VSOCK, socket.SOCK_STREAM)


def alg() -> str:
    return family(AF_ALG, socket.SOCK_SEQPACKET)


def io_uring() -> str:
    parameters = ctypes.create_string_buffer(120)
    os.close(system_call(425, 425, 1, parameters))
    return "a ring"


def userfaultfd() -> str:
    os.close(system_call(323, 282, 1))
    return "a descriptor"


def keyctl() -> str:
    return f"keyring {system_call(250, 219, 0, -3, 1)}"


def add_key() -> str:
    return f"key {system_call(248, 217, b'user', b'probe', b'x', 1, -2)}"


def bpf() -> str:
    attributes = (ctypes.c_uint32 * 32)(2, 4, 8, 1)
    os.close(system_call(321, 280, 0, ctypes.byref(attributes), ctypes.sizeof(attributes)))
    return "a map"


def perf_event() -> str:
    attributes = (ctypes.c_uint32 * 32)(1, 128)
    os.close(system_call(298, 241, ctypes.byref(attributes), 0, -1, -1, 0))
    return "a counter"


def process_vm() -> str:
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]

    text, copy = ctypes.create_string_buffer(b"here"), ctypes.create_string_buffer(4)
    here, there = Piece(ctypes.addressof(copy), 4), Piece(ctypes.addressof(text), 4)
    system_call(310, 270, os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return copy.raw.decode()


def old_calls() -> str:
    """The 32-bit entry to the kernel, at which arguments of socketcall cannot be filtered."""
    child = os.fork()
    if not child:
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
        os._exit(0 if call() == os.getpid() else 1)
    status = os.waitpid(child, 0)[1]
    if status:
        raise OSError(f"ended with {status}")
    return "int 0x80 answered"


def new_namespace() -> str:
    child = os.fork()
    if not child:
        os._exit(0 if LIBC.unshare(NEW_USER) == 0 else 1)
    if os.waitpid(child, 0)[1]:
        raise OSError("no namespace")
    return "root in a namespace of its own"


def mount() -> str:
    os.makedirs("/tmp/mounted", exist_ok=True)
    checked(LIBC.mount(b"none", b"/tmp/mounted", b"tmpfs", 0, None))
    return "mounted"


def make_device() -> str:
    os.mknod(f"/tmp/device-{os.getpid()}", 0o600 | stat.S_IFBLK, os.makedev(8, 0))
    return "a block device"


def host_disks() -> str:
    found = [name for name in os.listdir("/dev") if stat.S_ISBLK(os.stat("/dev/" + name).st_mode)]
    if not found:
        raise OSError("none")
    return ", ".join(found[:3])


def write_proc_sys() -> str:
    os.close(os.open("/proc/sys/kernel/domainname", os.O_WRONLY))
    return "opened for writing"


def write_cgroup() -> str:
    paths = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max")
    path = next((path for path in paths if os.path.exists(path)), paths[0])
    os.close(os.open(path, os.O_WRONLY))
    return "could lift its own limits"


def become_root() -> str:
    os.setuid(0)
    return "uid 0"


def setuid_program() -> str:
    text = subprocess.check_output(["/suid/id", "-u"], text=True).strip()
    if text != "0":
        raise OSError("still " + text)
    return "a setuid program ran as root"


def parent(pid: str) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def trace_keeper() -> str:
    keeper = next(int(name) for name in os.listdir("/proc") if name.isdigit() and parent(name) == 1)
    checked(LIBC.ptrace(16, keeper, None, None))
    os.waitpid(keeper, 0)
    LIBC.ptrace(17, keeper, None, None)
    return f"attached to {keeper}"


def signal_init() -> str:
    os.kill(1, 0)
    return "may signal process 1"


def kill_everything() -> str:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in (os.getpid(), os.getppid()):
            try:
                os.kill(int(name), signal.SIGKILL)
            except PermissionError:
                continue
            return f"killed {name}"
    raise OSError("nothing could be killed")


def write_toolbox() -> str:
    os.close(os.open("/opt/cwm/bin/python3", os.O_WRONLY))
    return "could change the runner's Python"


def main() -> None:
    answers = {}
    for name in sys.argv[1:]:
        try:
            answers[name] = [True, globals()[name]()]
        except OSError as error:
            answers[name] = [False, str(error)]
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
