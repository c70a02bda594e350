; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s

%struct.big = type { [4 x i64], ptr }

@llvm.global_ctors = appending global [1 x { i32, ptr, ptr }] [{ i32, ptr, ptr } { i32 65535, ptr @at_start, ptr null }]
@pointer = global ptr @taken
@again = alias void (ptr), ptr @plain
$group = comdat any

define internal void @at_start() #0 {
  ret void
}
define void @plain(ptr %p) #0 {
  call void @quiet()
  call void @replaceable()
  call void @plain(ptr %p)
  ret void
}
define internal void @quiet() #0 {
  ret void
}
define internal void @taken() #0 {
  ret void
}
define weak void @replaceable() #0 {
  ret void
}
define hidden { ptr, i64 } @pair({ ptr, i64 } %a, i8 zeroext %b) #0 {
  ret { ptr, i64 } %a
}
define void @copy(ptr sret(i64) %out, ptr byval(%struct.big) align 8 %big) #0 {
  ret void
}
define weak_odr void @throws() comdat($group) {
  ret void
}
define linkonce_odr void @inline_function() {
  ret void
}
define i32 @main() {
  ret i32 0
}
attributes #0 = { nounwind uwtable "target-cpu"="x86-64" }

; Who points at a function points at its gate.
; CHECK:       @llvm.global_ctors = {{.*}}ptr @at_start,
; CHECK:       @pointer = global ptr @taken
; CHECK:       @galeed.name.plain = private unnamed_addr constant [6 x i8] c"plain\00"
; CHECK:       @again = alias void (ptr), ptr @plain
; Other rewritten files call the alias's body.
; CHECK:       @again.foreign = hidden alias void (ptr), ptr @plain.foreign

; CHECK:       define internal void @at_start.foreign() #{{[0-9]+}} section "galeed_text"
; CHECK:       define hidden void @plain.foreign(ptr %p)
; CHECK-NEXT:    call void @quiet()
; Another module may replace a weak function: the call goes to whoever has the name.
; CHECK-NEXT:    call void @replaceable()
; CHECK-NEXT:    call void @plain.foreign(ptr %p)
; CHECK:       define internal void @quiet() #{{[0-9]+}} section "galeed_text"
; CHECK:       define linkonce_odr void @inline_function.foreign() section "galeed_text"
; CHECK:       define i32 @main()

; CHECK:       define internal void @at_start() #{{[0-9]+}} section "galeed_text"
; CHECK:       define void @plain(ptr %a0) #[[GATE:[0-9]+]] section "galeed_text"
; All that foreign code finds: a question that changes none of its arguments, and a jump.
; CHECK-NEXT:    %where = call preserve_allcc i32 @galeed_gate_side()
; CHECK:       foreign:
; CHECK-NEXT:    musttail call void @plain.foreign(ptr %a0)
; CHECK:       host:
; CHECK-NEXT:    musttail call void @plain.host(ptr %a0)
; CHECK-LABEL: define internal void @plain.host(ptr %a0) {{.*}}section "galeed_text"
; CHECK-NEXT:    %token = alloca i64, align 16
; CHECK-NEXT:    %x0 = call ptr @galeed.word.galeed_gate_argument(ptr %a0)
; CHECK-NEXT:    call void @galeed_gate_enter(ptr %token, ptr @galeed.name.plain)
; LLVM may not see that the callee is nounwind: a panic in its callback passes it all the same.
; CHECK-NEXT:    %inside.body = call ptr asm "", "=r,0"(ptr @plain.foreign)
; CHECK-NEXT:    invoke void %inside.body(ptr %x0) #[[CALL:[0-9]+]]
; CHECK:       back:
; CHECK-NEXT:    call void @galeed_gate_exit(ptr %token)
; CHECK-LABEL: define internal void @taken()
; CHECK-LABEL: define weak void @replaceable()
; CHECK-LABEL: define hidden { ptr, i64 } @pair({ ptr, i64 } %a0, i8 zeroext %a1)
; CHECK:         call ptr @galeed.word.galeed_gate_argument(
; CHECK:         call ptr @galeed.word.galeed_gate_result(
; CHECK-LABEL: define void @copy(ptr sret(i64) %a0, ptr byval(%struct.big) align 8 %a1)
; CHECK:         musttail call void @copy.foreign(ptr sret(i64) %a0, ptr byval(%struct.big) align 8 %a1)
; The pointers inside the copy are lent, the copy itself is C's own.
; CHECK:         %c1.at0 = getelementptr inbounds %struct.big, ptr %a1, i32 0, i32 1
; CHECK:         store ptr %c1.new0, ptr %c1.at0
; CHECK:         invoke void %inside.body(ptr sret(i64) %x0, ptr byval(%struct.big) align 8 %a1)
; CHECK-LABEL: define weak_odr void @throws()
; CHECK-SAME:    section "galeed_text" comdat($group) {
; CHECK-LABEL: define internal void @throws.host()
; CHECK-SAME:    section "galeed_text" comdat($group) personality ptr @__gcc_personality_v0
; CHECK:         invoke void @throws.foreign()
; CHECK:         cleanup
; CHECK-NEXT:    %object = extractvalue { ptr, i32 } %exception, 0
; CHECK-NEXT:    call void @galeed_gate_thrown(ptr %token, ptr %object)
; CHECK-NEXT:    resume
; CHECK-DAG:   attributes #[[GATE]] = { noinline uwtable "target-cpu"="x86-64" }
; CHECK-DAG:   attributes #[[CALL]] = { noinline }
