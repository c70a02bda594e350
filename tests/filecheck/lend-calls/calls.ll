; RUN: galeed-opt %s --passes=lend-calls --lend-calls='lib_*,qsort' -S --verify-each | filecheck %s
; RUN: galeed-opt %s --passes=lend-calls --lend-calls='lib_*,qsort' -S | filecheck %s --check-prefix=MENTION
; RUN: galeed-opt %s --passes=lend-calls --lend-calls='lib_*,qsort' -o - -f | galeed-opt - --passes='' -S | filecheck %s
; RUN: ! galeed-opt %s --passes=lend-calls --lend-calls='lib_*,qsort' -S | galeed-opt - --passes=lend-calls --lend-calls='lib_*' -S
; Calls of the named functions, of C and of Rust IR, go through wrappers; so do their addresses.

%triple = type { i64, i64, i64 }

; The address of a function without dots is that of its wrapper, in constants too.
@table = global [2 x ptr] [ptr @lib_sum, ptr @unnamed]
; CHECK: @table = global [2 x ptr] [ptr @galeed.host.lib_sum, ptr @unnamed]
; CHECK: @galeed.host.functions = internal constant [1 x { ptr, ptr, ptr }] [{ ptr, ptr, ptr } { ptr @compare, ptr @galeed.host.gate.0, ptr @galeed.host.gate.0.handle }]

declare i64 @lib_sum(ptr, i64) nounwind
declare ptr @lib_find(ptr noundef readonly captures(none), i32 signext) nounwind
declare void @lib_triple(ptr sret(%triple) align 8, ptr, i64) nounwind
declare void @qsort(ptr, i64, i64, ptr)
declare i64 @unnamed(ptr, i64)
; A name of Rust's, which no pattern means.
declare void @_ZN3lib3sum17h0123456789abcdefE(ptr)

define internal i32 @compare(ptr %a, ptr %b) nounwind {
  ret i32 0
}

define i64 @plain(ptr %p, i64 %n) {
  %a = tail call i64 @lib_sum(ptr %p, i64 %n)
  %b = call i64 @unnamed(ptr %p, i64 %n)
  %c = call i64 @unnamed(ptr @lib_sum, i64 0)
  ret i64 %a
}
; CHECK-LABEL: define i64 @plain(
; CHECK-NEXT:    %a = notail call i64 @galeed.host.lib_sum(ptr %p, i64 %n)
; CHECK-NEXT:    %b = call i64 @unnamed(ptr %p, i64 %n)
; CHECK-NEXT:    %c = call i64 @unnamed(ptr @galeed.host.lib_sum, i64 0)

define ptr @jumps(ptr %p, i32 %n) {
  %a = musttail call ptr @lib_find(ptr %p, i32 signext %n)
  ret ptr %a
}
; CHECK-LABEL: define ptr @jumps(
; CHECK-NEXT:    %a = musttail call ptr @galeed.host.lib_find(ptr %p, i32 signext %n)

define void @made(ptr %to, ptr %p) {
  call void @lib_triple(ptr sret(%triple) align 8 %to, ptr %p, i64 3)
  call void @_ZN3lib3sum17h0123456789abcdefE(ptr %p)
  ret void
}
; CHECK-LABEL: define void @made(
; CHECK-NEXT:    notail call void @galeed.host.lib_triple(ptr sret(%triple) align 8 %to, ptr %p, i64 3)
; CHECK-NEXT:    call void @_ZN3lib3sum17h0123456789abcdefE(ptr %p)

define void @sorts(ptr %p) {
  call void @qsort(ptr %p, i64 4, i64 8, ptr @compare)
  ret void
}
; CHECK-LABEL: define void @sorts(
; CHECK-NEXT:    notail call void @galeed.host.qsort(ptr %p, i64 4, i64 8, ptr @compare)

; Foreign code that holds the address calls the function itself.
; CHECK-LABEL: define internal i64 @galeed.host.lib_sum(ptr %a0, i64 %a1)
; CHECK-SAME:    section "galeed_text" {
; CHECK:         %where = call i32 @mpk_gate_is_foreign()
; CHECK:       foreign:
; CHECK-NEXT:    %same = tail call i64 @lib_sum(ptr %a0, i64 %a1)
; CHECK-NEXT:    ret i64 %same
; The host lends, closes, and only then lets the runtime look behind the pointers.
; CHECK:       host:
; CHECK:         %l0 = call ptr @galeed.host.argument(ptr %a0, ptr @galeed.text.host.function.lib_sum)
; CHECK:         call void @galeed_gate_enter(ptr %token, ptr @galeed.text.host.name.lib_sum)
; CHECK-NEXT:    %verdict = call i32 @galeed_call_begin(ptr @galeed.shape.lib_sum.0, ptr %words, ptr %loans, i64 %pc)
; CHECK:       call:
; CHECK:         %x0 = load ptr, ptr %y0
; CHECK-NEXT:    %got = call i64 @lib_sum(ptr %x0, i64 %a1)
; CHECK-NEXT:    %home = call i64 @galeed_call_end(
; CHECK-NEXT:    call void @galeed_gate_exit(ptr %token)
; CHECK-NEXT:    ret i64 %got
; CHECK:       refused:
; CHECK-NEXT:    call void @galeed_gate_exit(ptr %token)
; CHECK-NEXT:    ret i64 0

; A result that points into an argument's copy becomes an address of the argument again.
; CHECK-LABEL: define internal ptr @galeed.host.lib_find(ptr %a0, i32 signext %a1)
; CHECK:         %home = call i64 @galeed_call_end(ptr @galeed.shape.lib_find.0, ptr %words, ptr %loans, i64 %result, i64 %pc)
; CHECK-NEXT:    call void @galeed_gate_exit(ptr %token)
; CHECK-NEXT:    %pointer = inttoptr i64 %home to ptr
; CHECK-NEXT:    %given = call ptr @galeed.word.galeed_gate_result(ptr %pointer)
; CHECK-NEXT:    ret ptr %given

; What has a row in the C library's table has it here; it may throw, and the gate is left then.
; CHECK-LABEL: define internal void @galeed.host.qsort(
; CHECK:         invoke void @qsort(ptr %x0, i64 %a1, i64 %a2, ptr %x3)
; CHECK:       thrown:
; CHECK-NEXT:    %exception = landingpad { ptr, i32 }
; CHECK-NEXT:            cleanup
; CHECK-NEXT:    %late = call i64 @galeed_call_end(ptr @galeed.shape.qsort.0, ptr %words, ptr %loans, i64 0, i64 %pc)
; CHECK-NEXT:    call void @galeed_gate_exit(ptr %token)
; CHECK-NEXT:    resume { ptr, i32 } %exception

; The function that qsort calls back: a gate into the host, by the handle in its cell.
; CHECK-LABEL: define internal i32 @galeed.host.gate.0(ptr %a0, ptr %a1)
; CHECK:       plain:
; CHECK-NEXT:    %same = call i32 @compare(ptr %a0, ptr %a1)
; CHECK:       foreign:
; CHECK-NEXT:    %bits = load i64, ptr @galeed.host.gate.0.handle
; CHECK-NEXT:    %address = call ptr @galeed_callback_enter(i64 %bits, ptr %token)
; CHECK-NEXT:    %x0 = call ptr @galeed.word.galeed_callback_argument(ptr %a0)
; CHECK:         %got = call i32 %address(ptr %x0, ptr %x1)
; CHECK-NEXT:    call void @galeed_callback_exit(ptr %token)
; CHECK-NEXT:    ret i32 %got

; No mention of a named function is left in the module's own code.
; MENTION-LABEL: define i64 @plain(
; MENTION-NOT:   {{@(lib_|qsort)}}
; MENTION-LABEL: declare i32 @mpk_gate_is_foreign()
