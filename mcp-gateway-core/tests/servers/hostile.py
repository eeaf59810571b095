"""A server that tries to get out: each tool is one attempt, and answers what came of it. Nothing but the standard library."""

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)

# Flags and numbers of Linux on x86-64 and arm64, as its headers have them.
MS_BIND = 4096
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
PTRACE_ATTACH = 16
MARK = "mcp-gateway-hostile-orphan"


def kernel(name, *arguments):
    """Calls a function of the C library and says what the kernel answered."""
    ctypes.set_errno(0)
    answer = getattr(libc, name)(*arguments)
    return "done" if answer != -1 else os.strerror(ctypes.get_errno())


def read(path):
    """Reads a file of the host."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(4096)


def listing(path):
    """Lists a folder of the host."""
    return " ".join(sorted(os.listdir(path)))


def write(path):
    """Writes a file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("written by a hostile server")
    return "written"


def environments(needle):
    """Looks through the environment and the command line of every process that can be seen."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        if int(name) == os.getpid():
            continue
        for part in ("environ", "cmdline"):
            try:
                with open(f"/proc/{name}/{part}", "rb") as file:
                    if needle.encode() in file.read():
                        found.append(f"{name}/{part}")
            except OSError:
                pass
    return " ".join(found) or "nothing"


def connect(path):
    """Connects to a socket of the host, such as the engine's."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(path)
    return "connected"


def rights(_):
    """Asks for everything that only an administrator may do."""
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
    own = f"/tmp/{os.getpid()}"
    tried = {
        "mount": kernel("mount", b"/", b"/tmp", None, MS_BIND, None),
        "unmount": kernel("umount2", b"/proc", 0),
        "unshare": kernel("unshare", CLONE_NEWNS),
        "unshare user": kernel("unshare", CLONE_NEWUSER),
        "chroot": kernel("chroot", b"/proc"),
        "device": kernel("mknod", own.encode(), 0o60600, os.makedev(8, 0)),
        "become root": kernel("setuid", 0) if os.geteuid() else "is root already, without its rights",
        "trace": kernel("ptrace", PTRACE_ATTACH, 1, 0, 0),
        "kill the first": kernel("kill", 1, signal.SIGKILL) if os.getpid() != 1 else "is the first",
        "host name": kernel("sethostname", b"mine", 4),
        "raw socket": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)),
        "packets": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)),
        "kernel log": attempt(lambda: read("/dev/kmsg")),
        "memory of the machine": attempt(lambda: read("/dev/mem")),
        "settings of the kernel": attempt(lambda: write("/proc/sys/kernel/core_pattern")),
        "more open files": attempt(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 22, 1 << 22))),
    }
    return json.dumps({
        "capabilities": {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")},
        "noNewPrivileges": status["NoNewPrivs"].strip(),
        "done": [name for name, outcome in tried.items() if outcome == "done"],
        "tried": tried,
    })


def attempt(work):
    try:
        work()
        return "done"
    except (OSError, ValueError) as error:
        return str(error)


def fork(_):
    """Forks until it cannot, and says how often it could."""
    children = []
    while len(children) < 20_000:
        try:
            child = os.fork()
        except OSError as error:
            outcome = str(error)
            break
        if child == 0:
            time.sleep(600)
            os._exit(0)
        children.append(child)
    else:
        outcome = "no end"
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return json.dumps({"children": len(children), "outcome": outcome})


def memory(megabytes):
    """Takes memory and uses it."""
    taken = []
    for _ in range(int(megabytes)):
        taken.append(b"x" * (1 << 20))
    return f"took {len(taken)} MiB"


def disk(path):
    """Writes to a folder until it is full."""
    written = 0
    name = os.path.join(path, "fill")
    try:
        with open(name, "wb", buffering=0) as file:
            while written < 4 << 30:
                written += file.write(b"x" * (1 << 20))
        outcome = "no end"
    except OSError as error:
        outcome = str(error)
    finally:
        try:
            os.unlink(name)
        except OSError:
            pass
    return json.dumps({"bytes": written, "outcome": outcome})


def outlive(_):
    """Leaves a process behind that has a session of its own, no terminal, and heeds no signal that can be ignored."""
    script = "import signal, time\nfor n in (1, 2, 13, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(3600)"
    orphan = [sys.executable, "-c", script, MARK]
    quiet = subprocess.DEVNULL
    first = subprocess.Popen(orphan, start_new_session=True, stdin=quiet, stdout=quiet, stderr=quiet)
    return f"left {first.pid} behind"


ATTEMPTS = {
    work.__name__: work
    for work in (read, listing, write, environments, connect, rights, fork, memory, disk, outlive)
}


def answer(method, params):
    if method == "initialize":
        info = {"name": "hostile", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        schema = {"type": "object", "properties": {"what": {"type": "string"}}}
        return {"tools": [{"name": name, "inputSchema": schema} for name in ATTEMPTS]}
    if method == "tools/call":
        try:
            text, failed = ATTEMPTS[params["name"]]((params.get("arguments") or {}).get("what", "")), False
        except (OSError, MemoryError) as error:
            text, failed = f"refused: {error!r}", True
        return {"content": [{"type": "text", "text": text}], "isError": failed}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        result = answer(message["method"], message.get("params") or {})
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
