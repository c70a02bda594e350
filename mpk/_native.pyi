"""What ``mpk._native`` (built from mpk.h and probe.h by cffi) offers to Python, as far as it is used."""

from cffi import FFI

CData = FFI.CData

class _Lib:
    MPK_HOST_BASE: int
    MPK_HOST_SHIFT: int
    MPK_PUBLISHED_BASE: int
    MPK_PUBLISHED_BYTES: int
    MPK_PUBLISHED_USER: int
    MPK_PAGE_BYTES: int
    MPK_GATE_DEPTH: int
    MPK_THREADS: int

    MPK_OK: int
    MPK_ENOPKU: int
    MPK_ENOKEY: int
    MPK_ENOMEM: int
    MPK_EADDRESS: int
    MPK_EENVIRONMENT: int
    MPK_EINVALID: int
    MPK_EKERNEL: int
    MPK_ENESTED: int
    MPK_ETHREADS: int
    MPK_EPINNED: int
    MPK_EVKEY: int
    MPK_EHARDEN: int
    MPK_ELIMIT: int

    MPK_HARDEN_DUMP: int
    MPK_HARDEN_SECRETMEM: int
    MPK_HARDEN_SEAL: int
    MPK_HARDEN_LANDLOCK: int
    MPK_HARDEN_SYSCALLS: int
    MPK_HARDEN_SIGNALS: int
    MPK_HARDEN_RSEQ: int
    MPK_HARDEN_CODE: int
    MPK_HARDEN_STACKS: int
    MPK_HARDEN_FORK: int
    MPK_HARDEN_DEPUTY: int
    MPK_HARDEN_NONE: int
    MPK_HARDEN_BASIC: int
    MPK_HARDEN_STRICT: int
    MPK_HARDEN_FULL: int

    MPK_BACKEND_PKU: int
    MPK_BACKEND_MPROTECT: int
    MPK_NONE: int
    MPK_READ: int
    MPK_READ_WRITE: int

    MPK_GADGET_WRPKRU: int
    MPK_GADGET_XRSTOR: int
    MPK_GADGET_XRSTORS: int
    MPK_GADGET_WRFSBASE: int
    MPK_GADGET_WRGSBASE: int
    MPK_GADGET_BYTES: int

    MPK_PROBE_RDPKRU: int
    MPK_PROBE_WRPKRU: int
    MPK_PROBE_GETPID: int
    MPK_PROBE_MPROTECT: int
    MPK_PROBE_PKEY_MPROTECT: int
    MPK_PROBE_GATE: int

    def mpk_strerror(self, error: int) -> CData: ...
    def mpk_start(self) -> int: ...
    def mpk_backend(self) -> int: ...
    def mpk_backend_reason(self) -> CData: ...
    def mpk_pku_available(self) -> int: ...
    def mpk_keys_free(self) -> int: ...
    def mpk_foreign_rights(self) -> int: ...
    def mpk_harden_parse(self, text: bytes, out: CData) -> int: ...
    def mpk_harden(self, policy: CData, report: CData) -> int: ...
    def mpk_hardened(self) -> int: ...
    def mpk_domain_create(self, reserve_bytes: int, out: CData) -> int: ...
    def mpk_domain_destroy(self, domain: CData) -> int: ...
    def mpk_domain_open(self, domain: CData, rights: int, previous: CData) -> int: ...
    def mpk_domain_close(self, domain: CData, previous: int) -> int: ...
    def mpk_domain_rights(self, domain: CData) -> int: ...
    def mpk_domain_key(self, domain: CData) -> int: ...
    def mpk_domain_range(self, domain: CData, base: CData, size: CData) -> None: ...
    def mpk_domain_read(self, domain: CData, address: CData, out: CData, size: int) -> int: ...
    def mpk_domain_write(self, domain: CData, address: CData, source: CData, size: int) -> int: ...
    def mpk_heap_alloc(self, domain: CData, size: int, align: int) -> CData: ...
    def mpk_heap_free(self, domain: CData, base: CData) -> None: ...
    def mpk_heap_find(self, domain: CData, address: int, out: CData) -> int: ...
    def mpk_heap_statistics(self, domain: CData, out: CData) -> None: ...
    def mpk_heap_check(self, domain: CData) -> int: ...
    def mpk_scan_list(self, code: CData, size: int, start: CData, hits: CData, room: int) -> int: ...
    def mpk_probe_features(self, out: CData) -> None: ...
    def mpk_probe_cost_ns(self, what: int) -> float: ...

ffi: FFI
lib: _Lib
