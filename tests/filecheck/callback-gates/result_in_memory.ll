; RUN: galeed-opt %s --passes=callback-gates -S | filecheck %s
; What the host returned through memory of C's is lent, pointer by pointer, while the host is open.

%struct.big = type { ptr, i64, ptr }

define void @f(ptr %fn, ptr %to) #0 {
  call void %fn(ptr sret(%struct.big) align 8 %to, i32 1) #0
  ret void
}
attributes #0 = { nounwind }
; CHECK-LABEL: define internal void @galeed.callback.0(ptr sret(%struct.big) %a0, i32 %a1, ptr nest %function)
; CHECK:         invoke void %address(ptr sret(%struct.big) %x0, i32 %a1)
; CHECK:         %r0.kept = or i1 %r0.lent, %r0.ours
; CHECK-NEXT:    br i1 %r0.kept, label %r0.done, label %r0.given
; CHECK:       r0.given:
; CHECK:         %r0.new0 = call ptr @galeed.word.galeed_callback_result(ptr %r0.old0)
; CHECK:         %r0.new1 = call ptr @galeed.word.galeed_callback_result(ptr %r0.old1)
; CHECK:       r0.done:
; CHECK-NEXT:    call void @galeed_callback_exit(ptr %token)
