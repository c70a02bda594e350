; RUN: galeed-opt %s --passes=callback-gates -S | filecheck %s

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @direct(ptr)
declare i32 @personality(...)

define ptr @f(ptr %fn, ptr %fn2, ptr %a) #0 {
  %r = tail call ptr %fn(ptr noundef %a, i8 signext 3) #1
  %s = call ptr %fn2(ptr %a, i8 signext 4) #1
  %d = call i32 @direct(ptr %fn)
  %t = call i32 @pthread_create(ptr %a, ptr null, ptr %fn, ptr %a)
  ret ptr %r
}
; CHECK-LABEL: define ptr @f(
; CHECK:         %r = tail call ptr @galeed.callback.0(ptr noundef %a, i8 signext 3, ptr nest %fn) #[[NOUNWIND:[0-9]+]]
; CHECK-NEXT:    %s = call ptr @galeed.callback.0(ptr %a, i8 signext 4, ptr nest %fn2)
; CHECK-NEXT:    %d = call i32 @direct(ptr %fn)
; CHECK-NEXT:    %t = call i32 @galeed_pthread_create(

define i32 @g(ptr %fn) personality ptr @personality {
  %r = invoke zeroext i8 %fn() to label %ok unwind label %bad
ok:
  ret i32 0
bad:
  %e = landingpad { ptr, i32 } cleanup
  ret i32 1
}
; CHECK-LABEL: define i32 @g(
; CHECK:         %r = invoke zeroext i8 @galeed.callback.1(ptr nest %fn)

define void @jump(ptr %fn) {
  musttail call void %fn(ptr %fn)
  ret void
}
define void @dots(ptr %fn) {
  call void (i32, ...) %fn(i32 1, i32 2)
  ret void
}
; CHECK-LABEL: define void @jump(
; CHECK-NEXT:    musttail call void %fn(ptr %fn)
; CHECK-LABEL: define void @dots(
; CHECK-NEXT:    call void @galeed.callback.2(i32 1, i32 2, ptr nest %fn)

; CHECK-LABEL: define internal ptr @galeed.callback.0(ptr %a0, i8 signext %a1, ptr nest %function)
; CHECK-SAME:    section "galeed_text"
; CHECK:         %tag = lshr i64 %bits, 62
; CHECK:       plain:
; CHECK-NEXT:    %same = tail call ptr %function(ptr %a0, i8 signext %a1)
; CHECK:       host:
; CHECK-NEXT:    %address = call ptr @galeed_callback_enter(i64 %bits, ptr %token)
; CHECK-NEXT:    %x0 = call ptr @galeed.word.galeed_callback_argument(ptr %a0)
; Also behind C's frames, which are nounwind and have nothing to run: an exception of the
; host's is left at the gate, where the domain closes again, and does not pass with its rights.
; CHECK-NEXT:    %got = invoke ptr %address(ptr %x0, i8 signext %a1)
; CHECK:       back:
; CHECK-NEXT:    %given = call ptr @galeed.word.galeed_callback_result(ptr %got)
; CHECK-NEXT:    call void @galeed_callback_exit(ptr %token)
; CHECK-NEXT:    ret ptr %given

; CHECK-LABEL: define internal zeroext i8 @galeed.callback.1(ptr nest %function)
; CHECK:         invoke zeroext i8 %address()
; CHECK:       thrown:
; CHECK:         cleanup
; CHECK-NEXT:    %object = extractvalue { ptr, i32 } %exception, 0
; CHECK-NEXT:    call void @galeed_callback_thrown(ptr %token, ptr %object)
; CHECK-NEXT:    resume

; Dots stay dots for the callee.
; CHECK-LABEL: define internal void @galeed.callback.2(i32 %a0, i32 %a1, ptr nest %function)
; CHECK:         tail call void (i32, ...) %function(i32 %a0, i32 %a1)
; CHECK:         invoke void (i32, ...) %address(i32 %a0, i32 %a1)
attributes #0 = { nounwind }
attributes #1 = { nounwind }
