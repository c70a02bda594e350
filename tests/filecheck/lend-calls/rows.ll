; RUN: galeed-opt %s --passes=lend-calls --policy %S/rows.toml -S --verify-each | filecheck %s
; What the policy's rows say, in bytes of struct galeed_use: extent, written, first, second, unit.

%pair = type { i64, i64, i64 }

declare i32 @lib_read(ptr, i64, i32) nounwind
declare void @lib_made(ptr sret(%pair), ptr, i64) nounwind
declare void @lib_keep(ptr) nounwind
declare void @lib_never(ptr) nounwind
declare i32 @lib_say(ptr, ptr, ...) nounwind
declare i32 @lib_free(ptr, ptr) nounwind

; out(2*#1) and a number; int lengths below zero are none.
; CHECK: @galeed.shape.lib_read.0 = {{.*}} i8 3, i8 -1, i16 0, i32 0, {{.*}} { i8 1, i8 1, i8 1, i8 2, i32 2 },
; A result in memory stands in front: #0 and #1 of the row are 1 and 2 here.
; CHECK: @galeed.shape.lib_made.0 = {{.*}} i8 3, i8 -1, i16 0, i32 0, {{.*}} { i8 1, i8 1, i8 -1, i8 -1, i32 24 }, {{.*}} { i8 1, i8 0, i8 2, i8 -1, i32 1 },
; Without a row: all that is lent from there on (14), of any pointer.
; CHECK: @galeed.shape.lib_free.0 = {{.*}} { i8 14, i8 0, i8 -1, i8 -1, i32 1 }, {{.*}} { i8 14, i8 0, i8 -1, i8 -1, i32 1 }

define void @all(ptr %p, ptr %q, i64 %n, i32 %m) {
  %a = call i32 @lib_read(ptr %p, i64 %n, i32 %m)
  call void @lib_made(ptr sret(%pair) %q, ptr %p, i64 %n)
  call void @lib_keep(ptr %p)
  call void @lib_never(ptr %p)
  %b = call i32 (ptr, ptr, ...) @lib_say(ptr %p, ptr %q, i32 %m, ptr %q, double 1.0)
  %c = call i32 @lib_free(ptr %p, ptr %q)
  ret void
}

; CHECK-LABEL: define internal i32 @galeed.host.lib_read(
; CHECK:         %i2 = sext i32 %a2 to i64
; CHECK-NEXT:    %m2 = icmp slt i64 %i2, 0
; CHECK-NEXT:    %n2 = select i1 %m2, i64 0, i64 %i2
; CHECK-NEXT:    store i64 %n2, ptr %s2

; Lent memory that would be kept, or may not go there at all, ends the process before the gate.
; CHECK-LABEL: define internal void @galeed.host.lib_keep(
; CHECK:         %h0 = icmp eq i64 %t0, {{\d+}}
; CHECK-NEXT:    br i1 %h0, label %kept, label %l0.done
; CHECK:       kept:
; CHECK-NEXT:    call void @galeed_unsupported(ptr @galeed.text.host.kept.lib_keep)
; CHECK-LABEL: define internal void @galeed.host.lib_never(
; CHECK:       kept:
; CHECK-NEXT:    call void @galeed_unsupported(ptr @galeed.text.host.kept.lib_never)

; A format says what its arguments are; they lie as in a va_list, from an even index on.
; CHECK-LABEL: define internal i32 @galeed.host.lib_say(ptr %a0, ptr %a1, i32 %a2, ptr %a3, double %a4)
; CHECK:         %l3 = call ptr @galeed.host.argument(ptr %a3,
; CHECK:         %s2 = getelementptr i64, ptr %words, i64 2
; CHECK:         %s4 = getelementptr i64, ptr %words, i64 4
; CHECK-NEXT:    store double %a4, ptr %s4
; CHECK:         call i32 (ptr, ptr, ...) @lib_say(ptr %x0, ptr %x1, i32 %a2, ptr %x3, double %a4)
