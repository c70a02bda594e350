; RUN: galeed-opt %s --passes=checked-calls -S | filecheck %s

declare i64 @strlen(ptr)
declare ptr @strchr(ptr, i32)
declare i32 @snprintf(ptr, i64, ptr, ...)
declare i32 @vprintf(ptr, ptr)
declare i32 @setvbuf(ptr, ptr, i32, i64)
declare ptr @fgets(ptr, i32, ptr)

@text = private constant [3 x i8] c"%s\00"

define i64 @lent(ptr %p) {
  %n = tail call i64 @strlen(ptr noundef nonnull %p)
  ret i64 %n
}
; CHECK-LABEL: define i64 @lent(
; CHECK-NEXT:    %n = notail call i64 @galeed.call.strlen(ptr noundef nonnull %p)

; What cannot be a pseudo-pointer costs nothing.
define i64 @own() {
  %p = alloca [8 x i8]
  store i8 0, ptr %p
  %n = call i64 @strlen(ptr %p)
  %m = call i64 @strlen(ptr @text)
  ret i64 %n
}
; CHECK-LABEL: define i64 @own(
; CHECK:         %n = call i64 @strlen(ptr %p)
; CHECK-NEXT:    %m = call i64 @strlen(ptr @text)

; Dots become parameters of a wrapper for these types.
define i32 @dots(ptr %p, ptr %s, x86_fp80 %x) {
  %a = call i32 (ptr, i64, ptr, ...) @snprintf(ptr %p, i64 9, ptr @text, ptr %s, x86_fp80 %x)
  %b = call i32 (ptr, i64, ptr, ...) @snprintf(ptr %p, i64 9, ptr @text, i32 4)
  ret i32 %a
}
; CHECK-LABEL: define i32 @dots(
; CHECK:         %a = notail call i32 @galeed.call.snprintf(ptr %p, i64 9, ptr @text, ptr %s, x86_fp80 %x)
; CHECK-NEXT:    %b = notail call i32 @galeed.call.snprintf.1(ptr %p, i64 9, ptr @text, i32 4)

; What is in a list is not seen here.
define i32 @list(ptr %l) {
  %p = alloca [24 x i8]
  %n = call i32 @vprintf(ptr @text, ptr %p)
  ret i32 %n
}
; CHECK-LABEL: define i32 @list(
; CHECK:         %n = notail call i32 @galeed.call.vprintf(ptr @text, ptr %p)

define i32 @kept(ptr %f, ptr %p) {
  %n = call i32 @setvbuf(ptr %f, ptr %p, i32 0, i64 100)
  ret i32 %n
}
; CHECK-LABEL: define i32 @kept(

; A jump must stay one.
define i64 @jump(ptr %p) {
  %n = musttail call i64 @strlen(ptr %p)
  ret i64 %n
}
; CHECK-LABEL: define i64 @jump(
; CHECK-NEXT:    %n = musttail call i64 @strlen(ptr %p)

; An int below zero is no length.
define ptr @line(ptr %p, i32 %n, ptr %f) {
  %q = call ptr @fgets(ptr %p, i32 %n, ptr %f)
  ret ptr %q
}

; CHECK-LABEL: define internal i64 @galeed.call.strlen(ptr %a0)
; CHECK-SAME:    section "galeed_text"
; CHECK:         %t0 = lshr i64 %b0, 62
; CHECK:       plain:
; CHECK-NEXT:    %same = call i64 @strlen(ptr %a0)
; CHECK:         %verdict = call i32 @galeed_call_begin(ptr @galeed.shape.strlen.0, ptr %words, ptr %loans, i64 %pc)
; CHECK:       call:
; CHECK:         %x0 = load ptr, ptr %y0
; CHECK-NEXT:    %got = call i64 @strlen(ptr %x0)
; CHECK:       refused:
; CHECK-NEXT:    ret i64 0

; A long double lies at an even index behind the fixed words.
; CHECK-LABEL: define internal i32 @galeed.call.snprintf(ptr %a0, i64 %a1, ptr %a2, ptr %a3, x86_fp80 %a4)
; CHECK:         %s3 = getelementptr i64, ptr %words, i64 4
; CHECK:         %s4 = getelementptr i64, ptr %words, i64 6
; CHECK-NEXT:    store x86_fp80 %a4, ptr %s4
; CHECK:         call i32 (ptr, i64, ptr, ...) @snprintf(ptr %x0, i64 %a1, ptr %x2, ptr %x3, x86_fp80 %a4)

; CHECK-LABEL: define internal i32 @galeed.call.vprintf(ptr %a0, ptr %a1)
; CHECK:         br label %lent

; CHECK-LABEL: define internal i32 @galeed.call.setvbuf(
; CHECK:         call void @galeed_unsupported(

; CHECK-LABEL: define internal ptr @galeed.call.fgets(
; CHECK:         icmp slt i64
; CHECK:         %home = call i64 @galeed_call_end(
; CHECK-NEXT:    %given = inttoptr i64 %home to ptr
