; RUN: galeed-opt %s --entries @%S/library.map,pointed_at --passes=entry-gates -S | filecheck %s
; RUN: galeed-opt %s --policy= --passes=entry-gates -S --pass-remarks-analysis=. 2>&1 >/dev/null | filecheck %s --check-prefix=SAID
; RUN: galeed-opt %s --entries kept --passes=entry-gates -S --pass-remarks-analysis=. 2>&1 >/dev/null | filecheck %s --check-prefix=NAMED
; Entries from a version script; what became an entry, and why.

@table = constant [2 x ptr] [ptr @pointed_at, ptr @private_callback]
@llvm.compiler.used = appending global [1 x ptr] [ptr @kept], section "llvm.metadata"

define void @library_open() {
  call void @helper()
  ret void
}
define hidden void @library_inner() {
  ret void
}
define protected void @old_name() {
  ret void
}
define internal void @pointed_at() {
  ret void
}
define internal void @private_callback() {
  ret void
}
define internal void @kept() {
  ret void
}
define internal void @helper() {
  ret void
}
define linkonce_odr void @inline_function() {
  ret void
}
define i32 @main() {
  ret i32 0
}

; CHECK-LABEL: define void @library_open()
; CHECK:         call void @galeed_gate_enter(
; CHECK-LABEL: define hidden void @library_inner()
; CHECK:       host:
; CHECK-NEXT:    call void @galeed_unsupported(
; CHECK-LABEL: define protected void @old_name()
; CHECK:         call void @galeed_gate_enter(
; CHECK-LABEL: define internal void @pointed_at()
; CHECK:         call void @galeed_gate_enter(
; CHECK-LABEL: define internal void @private_callback()
; CHECK:       host:
; CHECK-NEXT:    call void @galeed_unsupported(

; SAID:      remark: library_open: entry: visible to the linker [entry-gates]
; SAID-NEXT: remark: library_inner: entry: hidden, but a static link finds it [entry-gates]
; SAID-NEXT: remark: old_name: entry: visible to the linker [entry-gates]
; SAID-NEXT: remark: pointed_at: entry: its address is used [entry-gates]
; SAID-NEXT: remark: private_callback: entry: its address is used [entry-gates]
; SAID-NEXT: remark: kept: entry: its address is used [entry-gates]
; SAID-NEXT: remark: helper: no gate: only called in this file [entry-gates]
; SAID-NEXT: remark: inline_function: no gate: an inline function whose address nobody uses here [entry-gates]
; SAID-NEXT: remark: main: no gate: the program starts here [entry-gates]

; NAMED:     remark: library_open: no entry (visible to the linker): --entries does not name it [entry-gates]
; NAMED:     remark: kept: entry: its address is used; --entries names it [entry-gates]
